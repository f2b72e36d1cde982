// Vectors of three numbers.

const add = (a, b) => [a[0] + b[0], a[1] + b[1], a[2] + b[2]];
const subtract = (a, b) => [a[0] - b[0], a[1] - b[1], a[2] - b[2]];
const scale = (a, factor) => [a[0] * factor, a[1] * factor, a[2] * factor];
const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
const cross = (a, b) => [a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]];
const length = (a) => Math.hypot(a[0], a[1], a[2]);
const normalize = (a) => scale(a, 1 / length(a));
const clamp = (value, low, high) => Math.min(Math.max(value, low), high);

/** `a` turned around a unit `axis` [Rodrigues]. */
function rotate(a, axis, angle) {
  const [sin, cos] = [Math.sin(angle), Math.cos(angle)];
  const along = scale(axis, dot(axis, a) * (1 - cos));
  return add(add(scale(a, cos), scale(cross(axis, a), sin)), along);
}

/** Some unit vector at a right angle to `a`. */
function anyOrthonormal(a) {
  const least = a.map(Math.abs).indexOf(Math.min(...a.map(Math.abs)));
  return normalize(cross(a, [0, 1, 2].map((axis) => Number(axis === least))));
}
