// The order of splats from far to near: a radix sort of two digits over the bits of their depths.

const DIGIT_BITS = 11;
const DIGITS = 1 << DIGIT_BITS;

/** Sorts the same splats again and again, in memory that is allocated once. */
class DepthSort {
  constructor(positions) {
    const count = positions.length / 3;
    this.positions = positions;
    this.depths = new Float32Array(count);
    // The bits of positive floats are ordered as the floats are.
    this.depthBits = new Uint32Array(this.depths.buffer);
    this.rows = new Uint32Array(count);
    this.halfSorted = { keys: new Uint32Array(count), rows: new Uint32Array(count) };
    this.low = new Uint32Array(DIGITS);
    this.high = new Uint32Array(DIGITS);
  }

  /** Writes the numbers of the splats in front of the camera into `order`, the farthest first; returns how many. */
  run([dx, dy, dz, offset], near, order) {
    const { positions, depths, depthBits, rows, low, high } = this;
    let visible = 0;
    let least = 0xffffffff;
    let most = 0;
    // Backwards, so that of equal depths the later row is drawn first, as in training.
    for (let row = rows.length - 1, at = 3 * row; row >= 0; row--, at -= 3) {
      const depth = dx * positions[at] + dy * positions[at + 1] + dz * positions[at + 2] + offset;
      if (depth > near) {
        depths[visible] = depth;
        rows[visible] = row;
        const bits = depthBits[visible++];
        if (bits < least) least = bits;
        if (bits > most) most = bits;
      }
    }

    // Keys count down from the farthest. Of what does not fit two digits, the lowest bits are dropped: a relative
    // step of 2⁻¹⁸ where the nearest and the farthest splat are a factor of 2¹⁶ apart, less in any usual scene.
    const shift = Math.max(0, 32 - Math.clz32(most - least) - 2 * DIGIT_BITS);
    low.fill(0);
    high.fill(0);
    for (let i = 0; i < visible; i++) {
      const key = (most - depthBits[i]) >>> shift;
      depthBits[i] = key;
      low[key & (DIGITS - 1)]++;
      high[key >>> DIGIT_BITS]++;
    }
    firstPlaces(low);
    firstPlaces(high);
    const half = this.halfSorted;
    for (let i = 0; i < visible; i++) {
      const to = low[depthBits[i] & (DIGITS - 1)]++;
      half.keys[to] = depthBits[i];
      half.rows[to] = rows[i];
    }
    for (let i = 0; i < visible; i++) order[high[half.keys[i] >>> DIGIT_BITS]++] = half.rows[i];
    return visible;
  }
}

/** Turns how often each digit occurs into where the first of each goes. */
function firstPlaces(counts) {
  let sum = 0;
  for (let digit = 0; digit < counts.length; digit++) {
    const count = counts[digit];
    counts[digit] = sum;
    sum += count;
  }
}
