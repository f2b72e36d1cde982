// The page: opens the scene, keeps it sorted and drawn, and tells what is going on.
//
// The address may say more, behind a #:
//   camera     {"viewmat": [16 numbers in rows], "fov": degrees of the height} and, if wanted, "near" and "size":
//              [width, height] in pixels: exactly this view, world to camera in the axes of the scene
//   interface  off: the picture alone
//   time       0 to 1: the scene, if it moves, as it is then

const TURN_SPEED = 0.22; // radians per second, of the slow turn
const HINT_SECONDS = 12;
// Beyond two device pixels per CSS pixel, time grows and nobody sees a difference.
const MAX_PIXEL_RATIO = 2;

const element = (id) => document.getElementById(id);
const scene = JSON.parse(element("scene").textContent);
const canvas = element("view");
const reducedMotion = matchMedia("(prefers-reduced-motion: reduce)");

const state = {
  renderer: null,
  worker: null,
  camera: null,
  near: scene.near,
  // Size of the picture in pixels, where the address asks for one.
  size: null,
  turning: false,
  // Where the scene moves.
  player: null,
  frameRequested: false,
  lastFrame: 0,
  // What the worker sorts by now, and what the order on screen was sorted by.
  sorting: false,
  sortedBy: null,
  spareOrder: null,
};

/** Shows what went wrong, for good. */
function fail(title, problem) {
  document.documentElement.dataset.state = "failed";
  element("loading").hidden = true;
  element("failure").hidden = false;
  element("failure").querySelector("h2").textContent = title;
  element("failure").querySelector("p").textContent = problem;
}

/** Tells those who do not see the page. */
function say(text) {
  element("status").textContent = text;
}

/** The view that the page opens with. */
function startView() {
  state.near = scene.near;
  state.size = null;
  const given = new URLSearchParams(location.hash.slice(1));
  document.documentElement.classList.toggle("bare", given.get("interface") === "off");
  if (given.has("camera")) {
    try {
      return givenView(JSON.parse(given.get("camera")));
    } catch (error) {
      say(`The camera in the address is not understood: ${error.message}`);
    }
  }
  return new Camera(scene);
}

/** The view that the address asks for. */
function givenView({ viewmat, fov, near, size }) {
  const numbers = (list, lengths) =>
    Array.isArray(list) && lengths.includes(list.length) && list.every((value) => Number.isFinite(value));
  if (!numbers(viewmat, [12, 16])) throw new Error("viewmat must be 16 numbers");
  if (!(fov > 0 && fov < 180)) throw new Error("fov must be between 0 and 180 degrees");
  if (near > 0) state.near = near;
  if (numbers(size, [2]) && Math.min(...size) >= 1 && Math.max(...size) <= 8192) state.size = size.map(Math.round);
  return Camera.fromViewmat(viewmat, { ...scene, fov });
}

/** Gives the canvas as many pixels as the screen has below it. */
function fit() {
  const ratio = Math.min(devicePixelRatio || 1, MAX_PIXEL_RATIO);
  const [width, height] = state.size ?? [canvas.clientWidth * ratio, canvas.clientHeight * ratio].map(Math.round);
  canvas.style.width = state.size ? `${width}px` : "";
  canvas.style.height = state.size ? `${height}px` : "";
  if (canvas.width !== width || canvas.height !== height) {
    canvas.width = Math.max(width, 1);
    canvas.height = Math.max(height, 1);
  }
  requestFrame();
}

function requestFrame() {
  if (state.frameRequested || document.documentElement.dataset.state === "failed") return;
  state.frameRequested = true;
  requestAnimationFrame(frame);
}

/** Moves the camera on and draws; asks for another frame only while something moves. */
function frame(now) {
  state.frameRequested = false;
  // After a pause, motion goes on as if there had been none.
  const seconds = Math.min((now - state.lastFrame) / 1000, 0.1);
  state.lastFrame = now;
  const moving = state.controls.step(seconds);
  if (state.turning) state.camera.orbit(-TURN_SPEED * seconds, 0);
  const playing = state.player?.step(seconds);
  requestSort();
  state.renderer.draw(state.camera, state.near, scene.background, state.player?.tau);
  if (state.sortedBy && !state.renderer.gl.isContextLost()) document.documentElement.dataset.state = "ready";
  if (moving || state.turning || playing) requestFrame();
}

/** Has the splats sorted, unless they are already in the order of this view. */
function requestSort() {
  const depthRow = state.camera.viewRows.slice(8);
  const time = state.player?.tau;
  const key = [...depthRow, state.near, time].join();
  if (state.sorting || state.sortedBy === key) return;
  state.sorting = true;
  const order = state.spareOrder;
  state.worker.postMessage({ type: "sort", depthRow, near: state.near, time, order }, [order.buffer]);
}

/** Takes a new order; the camera may have moved on meanwhile. */
function takeOrder({ depthRow, near, time, order, visible }) {
  state.sorting = false;
  state.sortedBy = [...depthRow, near, time].join();
  state.renderer.setOrder(order.subarray(0, visible));
  // The renderer keeps this order in case the device is lost; the next is written to the one before.
  [state.spareOrder, state.shownOrder] = [state.shownOrder, order];
  requestFrame();
}

/** Opens the worker and feeds it the scene, piece by piece, freeing each. */
async function openScene() {
  const source = new Blob([element("worker").textContent], { type: "text/javascript" });
  const worker = new Worker(URL.createObjectURL(source));
  state.worker = worker;
  worker.onerror = (event) => fail("The scene could not be opened", event.message || "Its worker did not start.");
  worker.onmessage = ({ data }) => {
    if (data.type === "progress") element("progress").value = data.share;
    if (data.type === "unpacked") begin(data.tables);
    if (data.type === "sorted") takeOrder(data);
    if (data.type === "failed") fail("The scene could not be opened", data.problem);
  };
  const { splats: count, sh_degree: shDegree, motion } = scene;
  worker.postMessage({ type: "open", count, shDegree, tableWidth: TABLE_WIDTH, motion });
  for (const piece of document.querySelectorAll("script.splats, script.motion")) {
    worker.postMessage({ type: piece.className, base64: piece.textContent });
    piece.remove();
    await new Promise((resume) => setTimeout(resume));
  }
  worker.postMessage({ type: "close" });
}

/** Shows the unpacked scene. */
function begin(tables) {
  try {
    state.renderer.upload(tables);
  } catch (error) {
    fail("The scene could not be shown", error.message);
    return;
  }
  element("loading").hidden = true;
  state.spareOrder = new Uint32Array(scene.splats);
  state.shownOrder = new Uint32Array(scene.splats);
  state.controls = new Controls(canvas, () => state.camera, touched);
  for (const [name, action] of Object.entries(ACTIONS)) element(name).addEventListener("click", action);
  if (scene.motion) state.player = new Player(scene.motion.seconds, requestFrame);
  addEventListener("keydown", onKey);
  addEventListener("hashchange", reset);
  new ResizeObserver(fit).observe(canvas);
  reset();
  showHint();
  // Turning by itself tells that the picture can be turned; not where the address or the reader wants it still, nor
  // where something else moves.
  const free = !location.hash.includes("camera=") && !reducedMotion.matches;
  setTurning(free && !state.player);
  state.player?.play(free && !location.hash.includes("time="));
  say(`${scene.title} is shown`);
}

/** Goes to the start view. */
function reset() {
  state.camera = startView();
  const time = new URLSearchParams(location.hash.slice(1)).get("time");
  if (state.player && time !== null && Number.isFinite(Number(time))) {
    state.player.play(false);
    state.player.go(Number(time));
  }
  fit();
}

function setTurning(turning) {
  state.turning = turning;
  element("rotate").setAttribute("aria-pressed", String(turning));
  if (turning) requestFrame();
}

/** The first touch ends the hint and the turning. */
function touched() {
  setTurning(false);
  element("hint").classList.add("gone");
  requestFrame();
}

function showHint() {
  const fingers = matchMedia("(pointer: coarse)").matches;
  element("hint").textContent = fingers
    ? "One finger turns, two fingers move and zoom"
    : "Drag to turn, right drag to move, wheel to zoom";
  setTimeout(() => element("hint").classList.add("gone"), 1000 * HINT_SECONDS);
}

function toggleFullscreen() {
  const change = document.fullscreenElement ? document.exitFullscreen() : document.documentElement.requestFullscreen();
  change.catch(() => say("Full screen was refused"));
}

const ACTIONS = {
  reset,
  rotate: () => setTurning(!state.turning),
  fullscreen: toggleFullscreen,
  help: () => element("controls").showModal(),
};
const ACTION_KEYS = {
  KeyR: "reset",
  Home: "reset",
  Space: "rotate",
  KeyT: "rotate",
  KeyF: "fullscreen",
};

/** Keys that do something once; what happens while keys are held is for the controls. */
function onKey(event) {
  if (event.ctrlKey || event.altKey || event.metaKey || event.repeat || inDialog(event)) return;
  // On a button, the space bar presses the button.
  if (event.code === "Space" && event.target instanceof HTMLButtonElement) return;
  if (event.key === "?") {
    ACTIONS.help();
  } else if (event.code === "Space" && state.player) {
    event.preventDefault();
    state.player.play(!state.player.playing);
  } else if (event.code === "KeyH") {
    document.documentElement.classList.toggle("bare");
  } else if (ACTION_KEYS[event.code] && !element(ACTION_KEYS[event.code]).hidden) {
    event.preventDefault();
    ACTIONS[ACTION_KEYS[event.code]]();
  }
}

/** Prepares the page; nothing of the scene is unpacked where it could not be shown. */
function start() {
  document.documentElement.style.background = document.body.style.background =
    `rgb(${scene.background.map((value) => Math.round(255 * value)).join(" ")})`;
  const degree = scene.sh_degree > 0 ? `, SH degree ${scene.sh_degree}` : "";
  const moving = scene.motion ? `, ${scene.motion.count.toLocaleString("en")} move` : "";
  element("facts").textContent = `${scene.splats.toLocaleString("en")} splats${moving}${degree}`;
  if (!("DecompressionStream" in window)) {
    fail(
      "This browser is too old for the scene",
      "It cannot unpack gzip. Chrome and Edge can since version 80, Firefox since 113, Safari since 16.4.",
    );
    return;
  }
  try {
    state.renderer = new Renderer(canvas, scene.motion);
  } catch (error) {
    fail("The scene could not be shown", error.message);
    return;
  }
  if (scene.splats > state.renderer.capacity) {
    const most = state.renderer.capacity.toLocaleString("en");
    fail("The scene is too large for this device", `Its graphics can hold ${most} splats.`);
    return;
  }

  canvas.addEventListener("webglcontextlost", (event) => {
    event.preventDefault();
    document.documentElement.dataset.state = "loading";
    say("The graphics device was lost; waiting for it");
  });
  canvas.addEventListener("webglcontextrestored", () => {
    try {
      state.renderer.restore();
      fit();
      say("The graphics device is back");
    } catch (error) {
      fail("The scene could not be shown again", error.message);
    }
  });
  element("fullscreen").hidden = !document.fullscreenEnabled;
  openScene().catch((error) => fail("The scene could not be opened", error.message));
}

// What nobody foresaw must not leave the page loading for ever.
for (const kind of ["error", "unhandledrejection"]) {
  addEventListener(kind, ({ message, reason }) => fail("This page has a fault", message ?? String(reason)));
}

start();
