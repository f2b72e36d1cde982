// The worker: unpacks the scene, then sorts it whenever the camera has moved, so that the page never stalls.
//
//   page → worker                                   worker → page
//   open { count, shDegree, tableWidth, motion }
//   splats { base64 }, as often as needed           progress { share }
//   motion { base64 }, likewise, if anything moves
//   close                                           unpacked { tables }
//   sort { depthRow, near, time, order }            sorted { depthRow, near, time, order, visible }
//                                                   failed { problem }

/** A gzip stream: what goes in, and what comes out. */
function inflater() {
  const stream = new DecompressionStream("gzip");
  return { compressed: stream.writable.getWriter(), reader: stream.readable.getReader() };
}

const streams = { splats: inflater() };
let scene = null;
let sorter = null;
let paths = null;

/** The bytes behind base64 text. */
function decodeBase64(text) {
  const characters = atob(text.trim());
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}

/** Collects everything that comes out of an inflater; its length is known beforehand. */
async function inflate({ reader }, length, tell) {
  const bytes = new Uint8Array(length);
  let filled = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (filled + value.length > bytes.length) throw new Error("they are longer than the page says");
    bytes.set(value, filled);
    filled += value.length;
    tell(filled / bytes.length);
  }
  if (filled < bytes.length) throw new Error(`they end after ${filled} of ${bytes.length} bytes`);
  return bytes;
}

/** Unpacks the scene and hands it to the page. */
async function open() {
  const length = HEADER_BYTES + scene.count * splatBytes(scene.shDegree);
  const tell = (share) => postMessage({ type: "progress", share });
  const { tables, positions } = unpackSplats(await inflate(streams.splats, length, tell), scene);
  sorter = new DepthSort(positions);
  const handed = [tables.centres.buffer, tables.shapes.buffer, tables.sh.buffer];
  if (scene.motion) {
    const bytes = await inflate(streams.motion, motionBytes(scene.motion), () => {});
    const { height } = tables;
    const unpacked = unpackMotion(bytes, scene.motion, { height, tableWidth: scene.tableWidth, splats: scene.count });
    paths = new Paths(unpacked.paths, positions);
    tables.moving = unpacked.tables;
    handed.push(tables.moving.movers.buffer, tables.moving.motion.buffer);
  }
  postMessage({ type: "unpacked", tables }, handed);
}

function fail(error) {
  const problem =
    error instanceof RangeError
      ? "This device has too little memory for the scene."
      : `The splats in this page are damaged: ${error.message}.`;
  postMessage({ type: "failed", problem });
}

onmessage = ({ data }) => {
  if (data.type === "open") {
    scene = data;
    if (scene.motion) streams.motion = inflater();
    open().catch(fail);
  } else if (data.type in streams) {
    // What is wrong with the bytes is told by the reading end.
    try {
      streams[data.type].compressed.write(decodeBase64(data.base64)).catch(() => {});
    } catch (error) {
      fail(error);
    }
  } else if (data.type === "close") {
    for (const { compressed } of Object.values(streams)) compressed.close().catch(() => {});
  } else if (data.type === "sort") {
    const { depthRow, near, time, order } = data;
    paths?.to(time);
    const visible = sorter.run(depthRow, near, order);
    postMessage({ type: "sorted", depthRow, near, time, order, visible }, [order.buffer]);
  }
};
