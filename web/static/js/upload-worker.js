// Reads pieces of files, hashes and sends them, all beside the page: a part is copied five times on its way, and would hold the page up.

import { hexOf } from "./sha256.js";
import { send } from "./upload-wire.js";

const held = new Map();

async function read(id, piece) {
  const one = { bytes: null, stop: new AbortController() };
  held.set(id, one);
  try {
    one.bytes = await piece.arrayBuffer();
    postMessage({ id, sha256: await hexOf(new Uint8Array(one.bytes)) });
  } catch {
    held.delete(id);
    postMessage({ id, sha256: null }); // the file has changed or gone since it was chosen
  }
}

async function put(id, url, headers) {
  const { bytes, stop } = held.get(id);
  try {
    await send("PUT", url, headers, bytes, (sent) => postMessage({ id, sent }), stop.signal);
    postMessage({ id, arrived: true });
  } catch ({ message, again, status }) {
    postMessage({ id, trouble: { message, again, status } });
  }
}

addEventListener("message", ({ data: { id, piece, url, headers } }) => {
  if (piece) read(id, piece);
  else if (url) put(id, url, headers);
  else {
    held.get(id)?.stop.abort();
    held.delete(id);
  }
});
