// A camera that looks at a point and turns around it.
//
// Axes are those of training: x right, y down, z forward; pixel (0, 0) is the top-left corner of the image.

// How close to straight up or down it may look: beyond, turning would flip the image.
const MAX_ELEVATION = (89 / 180) * Math.PI;
// Distances to the point, as multiples of the scene's radius.
const NEAREST = 0.03;
const FARTHEST = 50;

class Camera {
  /** A camera at `eye` that looks at `target`, in a scene of this radius; the field of view is in degrees. */
  constructor({ eye, target, up, fov, radius }) {
    this.up = normalize(up);
    this.fov = fov;
    this.fovOfHeight = false;
    this.radius = radius;
    this.target = target;
    const gaze = subtract(target, eye);
    this.distance = length(gaze);
    this.forward = normalize(gaze);
    const right = cross(this.forward, this.up);
    this.turnTo(this.forward, length(right) > 1e-6 ? right : anyOrthonormal(this.up));
  }

  /** A camera with this world-to-camera matrix, 16 or 12 numbers in rows; turns around what is ahead of it. */
  static fromViewmat(viewmat, { up, centre, radius, fov }) {
    const [right, down, forward] = [0, 4, 8].map((at) => viewmat.slice(at, at + 3));
    const translation = [viewmat[3], viewmat[7], viewmat[11]];
    const eye = [0, 1, 2].map((i) => -dot([right[i], down[i], forward[i]], translation));
    const ahead = Math.max(dot(subtract(centre, eye), forward), 0.1 * radius);
    const camera = new Camera({ eye, target: add(eye, scale(forward, ahead)), up, fov, radius });
    camera.turnTo(forward, right);
    camera.fovOfHeight = true;
    return camera;
  }

  /** Takes directions, made orthonormal: they would drift apart over thousands of small turns. */
  turnTo(forward, right) {
    this.forward = normalize(forward);
    this.down = normalize(cross(this.forward, right));
    this.right = cross(this.down, this.forward);
  }

  get eye() {
    return subtract(this.target, scale(this.forward, this.distance));
  }

  /** Rows of the world-to-camera transform, rotation and translation, twelve numbers. */
  get viewRows() {
    const eye = this.eye;
    return [this.right, this.down, this.forward].flatMap((axis) => [...axis, -dot(axis, eye)]);
  }

  /**
   * Focal length in pixels. The field of view is that of the shorter side, so that a scene fits a phone held upright;
   * of a camera that was given from outside, that of the height.
   */
  focal(width, height) {
    return (0.5 * (this.fovOfHeight ? height : Math.min(width, height))) / Math.tan((0.5 * this.fov * Math.PI) / 180);
  }

  /** Turns around the target: to the left, and upwards. */
  orbit(yaw, pitch) {
    const elevation = Math.asin(clamp(dot(this.forward, this.up), -1, 1));
    const tilt = clamp(elevation + pitch, -MAX_ELEVATION, MAX_ELEVATION) - elevation;
    const turned = (axis) => rotate(rotate(axis, this.right, tilt), this.up, yaw);
    this.turnTo(turned(this.forward), turned(this.right));
  }

  /** Moves camera and target along the camera's own axes. */
  move(right, down, forward) {
    const along = (axis, way) => scale(this[axis], way);
    this.target = [along("right", right), along("down", down), along("forward", forward)].reduce(add, this.target);
  }

  /** Multiplies the distance to the target. */
  zoom(factor) {
    this.distance = clamp(this.distance * factor, NEAREST * this.radius, FARTHEST * this.radius);
  }
}
