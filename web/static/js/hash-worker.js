// Hashes pieces of files beside the page, so that it never freezes.

import { hexOf } from "./sha256.js";

addEventListener("message", async ({ data: { id, piece } }) => {
  try {
    postMessage({ id, sha256: await hexOf(new Uint8Array(await piece.arrayBuffer())) });
  } catch {
    postMessage({ id, sha256: null }); // the file has changed or gone since it was chosen
  }
});
