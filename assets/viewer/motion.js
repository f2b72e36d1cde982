// How splats move: the values of those that do, as a table for the graphics device, and their positions for sorting.
//
//   movers   one word per splat, as wide as the other tables: 1 + its place among those that move, 0 if it rests
//   motion   half floats, eight per texel, whole texels per splat: see motion.frag

/** Bytes of the motion of a page. */
function motionBytes({ count, values }) {
  return count * (4 + 2 * values);
}

const floatOfBits = new Float32Array(1);
const bitsOfFloat = new Uint32Array(floatOfBits.buffer);

/** The half nearest to a float; what no half can hold becomes 0 or the largest. */
function toHalf(value) {
  floatOfBits[0] = Math.min(Math.abs(value), 65504);
  const sign = value < 0 ? 0x8000 : 0;
  if (floatOfBits[0] < 2 ** -14) return sign | Math.round(floatOfBits[0] * 2 ** 24);
  return sign | ((bitsOfFloat[0] - (112 << 23) + 0x1000) >>> 13);
}

/** Functions of time at `time`, −½ to ½ over the clip: the same as in motion.frag. */
function basisValues([poly, fourier, keys], time) {
  const values = [];
  if (keys > 0) {
    const place = Math.min(Math.max((time + 0.5) * (keys - 1), 0), keys - 1);
    for (let key = 0; key < keys; key++) values.push(Math.max(1 - Math.abs(place - key), 0));
    return values;
  }
  let [before, now] = [1, 2 * time];
  for (let n = 0; n < poly; n++) {
    values.push(now);
    [before, now] = [now, 4 * time * now - before];
  }
  const angle = 2 * Math.PI * (poly === 0 ? 0.8 : 1) * time;
  for (let l = 1; l <= fourier; l++) values.push(Math.sin(l * angle));
  for (let l = 1; l <= fourier; l++) values.push(Math.cos(l * angle));
  return values;
}

const termsOf = ([poly, fourier, keys]) => poly + 2 * fourier + keys;

/** Unpacks motion into tables, and keeps what moves positions. */
function unpackMotion(bytes, motion, { height, tableWidth, splats }) {
  const { count, values, steps } = motion;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const rows = new Uint32Array(count);
  const movers = new Uint32Array(tableWidth * height);
  for (let i = 0; i < count; i++) {
    rows[i] = view.getUint32(4 * i, true);
    if (rows[i] >= splats) throw new Error("more splats move than there are");
    movers[rows[i]] = i + 1;
  }
  const texels = Math.ceil(values / 8);
  const motionHeight = Math.max(1, Math.ceil((count * texels) / tableWidth));
  const halves = new Uint16Array(8 * tableWidth * motionHeight);
  const terms = termsOf(motion.means);
  const coefficients = new Float32Array(3 * terms * count);
  const speedAt = 3 * terms + 4 * termsOf(motion.quats) + 3 * termsOf(motion.sh0);
  const speeds = motion.dilates ? new Float32Array(count) : null;
  for (let value = 0, at = 4 * count; value < values; value++, at += 2 * count) {
    for (let i = 0; i < count; i++) {
      const stored = bytes[at + i] | (bytes[at + count + i] << 8);
      const number = ((stored >>> 1) ^ -(stored & 1)) * steps[value];
      halves[8 * texels * i + value] = toHalf(number);
      if (value < 3 * terms) coefficients[3 * terms * i + value] = number;
      if (value === speedAt && speeds) speeds[i] = Math.exp(number);
    }
  }
  const tables = { movers, motion: new Uint32Array(halves.buffer), motionHeight, motionTexels: texels };
  return { tables, paths: { rows, coefficients, speeds, basis: motion.means } };
}

/** Moves positions to where they are at a time. */
class Paths {
  constructor({ rows, coefficients, speeds, basis }, positions) {
    Object.assign(this, { rows, coefficients, speeds, basis, positions, time: null });
    this.atRest = Float32Array.from({ length: 3 * rows.length }, (_, i) => positions[3 * rows[(i / 3) | 0] + (i % 3)]);
  }

  to(time) {
    if (time === this.time) return;
    this.time = time;
    const { rows, coefficients, speeds, basis, positions, atRest } = this;
    let functions = basisValues(basis, time);
    const width = 3 * functions.length;
    for (let i = 0; i < rows.length; i++) {
      if (speeds) functions = basisValues(basis, speeds[i] * time);
      let [x, y, z] = [atRest[3 * i], atRest[3 * i + 1], atRest[3 * i + 2]];
      for (let k = 0, at = width * i; k < functions.length; k++, at += 3) {
        x += functions[k] * coefficients[at];
        y += functions[k] * coefficients[at + 1];
        z += functions[k] * coefficients[at + 2];
      }
      const to = 3 * rows[i];
      positions[to] = x;
      positions[to + 1] = y;
      positions[to + 2] = z;
    }
  }
}
