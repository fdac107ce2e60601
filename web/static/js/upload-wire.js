// What an upload needs of the world: bytes and hashes from a worker, our API, and requests that tell their progress.

/** A refusal or a broken connection; `again` says whether the same may work later. */
export class Trouble extends Error {
  constructor(message, { again = false, status = 0 } = {}) {
    super(message);
    this.again = again;
    this.status = status;
  }
}

const passing = (status) => status === 0 || status === 408 || status === 409 || status === 429 || status >= 500;

/** Asks one worker for the bytes of pieces of files and their hashes: what is sent is what was hashed, read once. */
export class Reader {
  #worker = null; #waiting = new Map(); #next = 0;

  of(piece) {
    this.#worker ??= this.#start();
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, piece });
    });
  }

  #start() {
    const worker = new Worker(new URL("./hash-worker.js", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data: { id, sha256, bytes } }) => {
      const { resolve, reject } = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (sha256) resolve({ sha256, bytes });
      else reject(new Trouble("This file cannot be read any more. Was it changed or moved? Add it again."));
    });
    return worker;
  }
}

/** Our own API, as the person who is signed in. */
export class UploadApi {
  #token;

  constructor(token) {
    this.#token = token;
  }

  begin = (facts, signal) => this.#call("POST", "", facts, signal);
  open = (name, size, signal) => this.#call("GET", "?" + new URLSearchParams({ name, size }), undefined, signal);
  one = (id, signal) => this.#call("GET", `/${id}`, undefined, signal);
  parts = (id, parts, signal) => this.#call("POST", `/${id}/parts`, { parts }, signal);
  complete = (id, parts, signal) => this.#call("POST", `/${id}/complete`, parts ? { parts_sha256: parts } : {}, signal);
  remove = (id) => this.#call("DELETE", `/${id}`);

  async #call(method, path, body, signal) {
    const headers = { "X-CSRF-Token": this.#token, "Content-Type": "application/json" };
    let answer;
    try {
      answer = await fetch("/api/v1/uploads" + path, { method, headers, body: body && JSON.stringify(body), signal });
    } catch (error) {
      if (error.name === "AbortError") throw error;
      throw new Trouble("Toolyard does not answer.", { again: true });
    }
    if (answer.status === 204) return null;
    const told = await answer.json().catch(() => null);
    if (answer.ok && told) return told;
    throw new Trouble(told?.error?.message ?? `Toolyard answered ${answer.status}.`, {
      again: passing(answer.status) && answer.status !== 409,
      status: answer.status,
    });
  }
}

/** Send bytes to the store; `progress` hears how many have left. */
export function send(method, url, headers, body, progress, signal) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, url);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    request.upload.addEventListener("progress", (event) => progress(event.loaded));
    const stop = () => request.abort();
    signal.addEventListener("abort", stop);
    request.addEventListener("loadend", () => {
      signal.removeEventListener("abort", stop);
      if (signal.aborted) return reject(new DOMException("paused", "AbortError"));
      const status = request.status;
      if (status >= 200 && status < 300) return resolve();
      const what = status ? `The store refused it (${status}).` : "The connection to the store broke.";
      reject(new Trouble(what, { again: passing(status), status }));
    });
    if (signal.aborted) return reject(new DOMException("paused", "AbortError"));
    request.send(body);
  });
}
