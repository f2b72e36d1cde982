// The worker: unpacks the scene, then sorts it whenever the camera has moved, so that the page never stalls.
//
//   page → worker                                   worker → page
//   open { count, shDegree, tableWidth }
//   splats { base64 }, as often as needed           progress { share }
//   close                                           unpacked { tables }
//   sort { depthRow, near, order }                  sorted { depthRow, near, order, visible }
//                                                   failed { problem }

const inflater = new DecompressionStream("gzip");
const compressed = inflater.writable.getWriter();
let scene = null;
let sorter = null;

/** The bytes behind base64 text. */
function decodeBase64(text) {
  const characters = atob(text.trim());
  const bytes = new Uint8Array(characters.length);
  for (let i = 0; i < bytes.length; i++) bytes[i] = characters.charCodeAt(i);
  return bytes;
}

/** Collects everything that comes out of the inflater; its length is known beforehand. */
async function inflate() {
  const bytes = new Uint8Array(HEADER_BYTES + scene.count * splatBytes(scene.shDegree));
  const reader = inflater.readable.getReader();
  let filled = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    if (filled + value.length > bytes.length) throw new Error("they are longer than the page says");
    bytes.set(value, filled);
    filled += value.length;
    postMessage({ type: "progress", share: filled / bytes.length });
  }
  if (filled < bytes.length) throw new Error(`they end after ${filled} of ${bytes.length} bytes`);
  return bytes;
}

/** Unpacks the scene and hands it to the page. */
async function open() {
  const { tables, positions } = unpackSplats(await inflate(), scene);
  sorter = new DepthSort(positions);
  postMessage({ type: "unpacked", tables }, [tables.centres.buffer, tables.shapes.buffer, tables.sh.buffer]);
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
    open().catch(fail);
  } else if (data.type === "splats") {
    // What is wrong with the bytes is told by the reading end.
    try {
      compressed.write(decodeBase64(data.base64)).catch(() => {});
    } catch (error) {
      fail(error);
    }
  } else if (data.type === "close") {
    compressed.close().catch(() => {});
  } else if (data.type === "sort") {
    const { depthRow, near, order } = data;
    const visible = sorter.run(depthRow, near, order);
    postMessage({ type: "sorted", depthRow, near, order, visible }, [order.buffer]);
  }
};
