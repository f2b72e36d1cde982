// Splats in the SPZ format, version 3, as tables that the graphics device reads without further decoding.
//
// A table has one texel per splat, as many in a row as the page says:
//   centres  x, y, z as bits of floats; red, green, blue, opacity as bytes          4 words
//   shapes   rotation as stored; logarithms of the scales as bytes                  2 words
//   sh       coefficients as stored, R0 G0 B0 R1 .., sixteen bytes per layer        4 words

const HEADER_BYTES = 16;
const MAGIC = 0x5053474e;
// Coefficients beyond the constant one, for degrees 0 to 3.
const SH_ROWS = [0, 3, 8, 15];

/** Bytes of one splat, all streams together: position 9, opacity 1, colour 3, scales 3, rotation 4, then SH. */
function splatBytes(shDegree) {
  return 20 + 3 * SH_ROWS[shDegree];
}

/** Says what is wrong with the header of `count` splats, if anything. */
function checkHeader(view, count, shDegree) {
  if (view.getUint32(0, true) !== MAGIC) throw new Error("they do not begin as SPZ does");
  const version = view.getUint32(4, true);
  if (version !== 3) throw new Error(`they are SPZ version ${version}, and this page reads version 3`);
  if (view.getUint32(8, true) !== count || view.getUint8(12) !== shDegree) {
    throw new Error("their number or SH degree is not what the page says");
  }
}

/** Unpacks a scene into tables, and their positions once more for sorting. */
function unpackSplats(bytes, { count, shDegree, tableWidth }) {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  checkHeader(view, count, shDegree);
  const unit = 2 ** -view.getUint8(13);
  const antialiased = (view.getUint8(14) & 1) !== 0;

  const height = Math.max(1, Math.ceil(count / tableWidth));
  const texels = tableWidth * height;
  const centres = new Uint32Array(4 * texels);
  const shapes = new Uint32Array(2 * texels);
  const layers = [0, 1, 2, 3][shDegree];
  const sh = new Uint32Array(4 * texels * layers);
  const positions = new Float32Array(3 * count);

  // The streams lie behind one another, each for all splats.
  let at = HEADER_BYTES;
  const stream = (width) => bytes.subarray(at, (at += width * count));
  const [places, opacities, colours, scales, quats, rest] = [9, 1, 3, 3, 4, 3 * SH_ROWS[shDegree]].map(stream);

  const centreFloats = new Float32Array(centres.buffer);
  for (let i = 0; i < count; i++) {
    for (let axis = 0; axis < 3; axis++) {
      const low = 9 * i + 3 * axis;
      // Shifting up and down again repeats the sign bit of the 24-bit integer.
      const fixed = ((places[low] | (places[low + 1] << 8) | (places[low + 2] << 16)) << 8) >> 8;
      positions[3 * i + axis] = centreFloats[4 * i + axis] = fixed * unit;
    }
    const three = 3 * i;
    centres[4 * i + 3] =
      colours[three] | (colours[three + 1] << 8) | (colours[three + 2] << 16) | (opacities[i] << 24);
    const four = 4 * i;
    shapes[2 * i] = quats[four] | (quats[four + 1] << 8) | (quats[four + 2] << 16) | (quats[four + 3] << 24);
    shapes[2 * i + 1] = scales[three] | (scales[three + 1] << 8) | (scales[three + 2] << 16);
  }

  const width = 3 * SH_ROWS[shDegree];
  const shBytes = new Uint8Array(sh.buffer);
  for (let layer = 0; layer < layers; layer++) {
    const length = Math.min(16, width - 16 * layer);
    for (let i = 0; i < count; i++) {
      const from = width * i + 16 * layer;
      const to = 16 * (layer * texels + i);
      for (let k = 0; k < length; k++) shBytes[to + k] = rest[from + k];
    }
  }
  return { tables: { count, height, shDegree, antialiased, layers, centres, shapes, sh }, positions };
}
