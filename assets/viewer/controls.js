// Mouse, fingers and keys, as movements of the camera.

// A drag over the shorter side of the window turns by this angle.
const DRAG_ANGLE = Math.PI;
// Held keys: radians per second, scene radii per second, factor of distance per second.
const KEY_TURN = 1.2;
const KEY_WALK = 0.6;
const KEY_ZOOM = 2.5;
const FAST = 4;
// One notch of a usual wheel is 100 pixels.
const WHEEL_ZOOM = 1.0015;
const WHEEL_LINE = 16;

// What held keys do per second, by their place on the keyboard: turn left, up; walk right, down, forward; zoom out.
const HELD_KEYS = {
  ArrowLeft: [-KEY_TURN, 0, 0, 0, 0, 0],
  ArrowRight: [KEY_TURN, 0, 0, 0, 0, 0],
  ArrowUp: [0, -KEY_TURN, 0, 0, 0, 0],
  ArrowDown: [0, KEY_TURN, 0, 0, 0, 0],
  KeyA: [0, 0, -KEY_WALK, 0, 0, 0],
  KeyD: [0, 0, KEY_WALK, 0, 0, 0],
  KeyE: [0, 0, 0, -KEY_WALK, 0, 0],
  KeyQ: [0, 0, 0, KEY_WALK, 0, 0],
  KeyW: [0, 0, 0, 0, KEY_WALK, 0],
  KeyS: [0, 0, 0, 0, -KEY_WALK, 0],
  Equal: [0, 0, 0, 0, 0, -1],
  NumpadAdd: [0, 0, 0, 0, 0, -1],
  Minus: [0, 0, 0, 0, 0, 1],
  NumpadSubtract: [0, 0, 0, 0, 0, 1],
};

class Controls {
  /** Listens on a canvas. `camera` tells the present camera; `onMove` is called when it will have moved. */
  constructor(canvas, camera, onMove) {
    this.canvas = canvas;
    this.camera = camera;
    this.onMove = onMove;
    this.pointers = new Map();
    this.held = new Set();
    this.fast = false;

    canvas.addEventListener("pointerdown", (event) => this.press(event));
    canvas.addEventListener("pointermove", (event) => this.drag(event));
    for (const end of ["pointerup", "pointercancel"]) {
      canvas.addEventListener(end, (event) => this.pointers.delete(event.pointerId));
    }
    canvas.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    canvas.addEventListener("contextmenu", (event) => event.preventDefault());
    addEventListener("keydown", (event) => this.keyDown(event));
    addEventListener("keyup", (event) => this.keyUp(event));
    addEventListener("blur", () => this.release());
  }

  /** Forgets held keys and fingers, whose ends the page may never hear of. */
  release() {
    this.held.clear();
    this.pointers.clear();
  }

  press(event) {
    this.canvas.setPointerCapture(event.pointerId);
    const moves = event.button === 1 || event.button === 2 || event.shiftKey;
    this.pointers.set(event.pointerId, { x: event.clientX, y: event.clientY, moves });
    if (event.button === 1) event.preventDefault();
    this.onMove();
  }

  drag(event) {
    const pointer = this.pointers.get(event.pointerId);
    if (!pointer) return;
    const before = this.grip();
    const [dx, dy] = [event.clientX - pointer.x, event.clientY - pointer.y];
    Object.assign(pointer, { x: event.clientX, y: event.clientY });
    if (this.pointers.size === 1 && !pointer.moves) {
      const angle = DRAG_ANGLE / Math.min(this.canvas.clientWidth, this.canvas.clientHeight);
      this.camera().orbit(-dx * angle, -dy * angle);
    } else {
      // Two fingers hold the scene at the point between them, and by their distance.
      const after = this.grip();
      this.pan(after.x - before.x, after.y - before.y);
      if (before.spread > 0 && after.spread > 0) this.camera().zoom(before.spread / after.spread);
    }
    this.onMove();
  }

  /** The middle of all fingers, and how far they are from it together. */
  grip() {
    const fingers = [...this.pointers.values()];
    const x = fingers.reduce((sum, finger) => sum + finger.x, 0) / fingers.length;
    const y = fingers.reduce((sum, finger) => sum + finger.y, 0) / fingers.length;
    return { x, y, spread: fingers.reduce((sum, finger) => sum + Math.hypot(finger.x - x, finger.y - y), 0) };
  }

  /** Moves the target with the pointer. */
  pan(dx, dy) {
    const camera = this.camera();
    const perPixel = camera.distance / camera.focal(this.canvas.clientWidth, this.canvas.clientHeight);
    camera.move(-dx * perPixel, -dy * perPixel, 0);
  }

  wheel(event) {
    event.preventDefault();
    const pixels = [1, WHEEL_LINE, this.canvas.clientHeight][event.deltaMode] * event.deltaY;
    // Browsers report a pinch on a touchpad as a wheel with Ctrl, in smaller steps.
    this.camera().zoom(WHEEL_ZOOM ** (event.ctrlKey ? 10 * pixels : pixels));
    this.onMove();
  }

  keyDown(event) {
    this.fast = event.shiftKey;
    if (event.ctrlKey || event.altKey || event.metaKey || !(event.code in HELD_KEYS) || isTaken(event)) return;
    event.preventDefault();
    this.held.add(event.code);
    this.onMove();
  }

  keyUp(event) {
    this.fast = event.shiftKey;
    this.held.delete(event.code);
  }

  /** Moves as held keys say; tells whether any is held. */
  step(seconds) {
    const camera = this.camera();
    const speed = seconds * (this.fast ? FAST : 1);
    for (const code of this.held) {
      const [yaw, pitch, right, down, forward, zoom] = HELD_KEYS[code];
      if (yaw || pitch) camera.orbit(yaw * seconds, pitch * seconds);
      const walk = speed * camera.radius;
      camera.move(right * walk, down * walk, forward * walk);
      camera.zoom(KEY_ZOOM ** (zoom * speed));
    }
    return this.held.size > 0;
  }
}

/** Whether a key belongs to an open dialog. */
function inDialog(event) {
  return event.target instanceof Element && event.target.closest("dialog") !== null;
}

/** Whether a held key means something where it was pressed: arrows move a slider. */
function isTaken(event) {
  return inDialog(event) || (event.target instanceof HTMLInputElement && event.code.startsWith("Arrow"));
}
