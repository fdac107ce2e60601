// Reads pieces of files and hashes them beside the page, so that it never freezes.

import { hexOf } from "./sha256.js";

addEventListener("message", async ({ data: { id, piece } }) => {
  try {
    const bytes = await piece.arrayBuffer();
    const sha256 = await hexOf(new Uint8Array(bytes));
    postMessage({ id, sha256, bytes }, [bytes]);
  } catch {
    postMessage({ id, sha256: null }); // the file has changed or gone since it was chosen
  }
});
