// What an upload needs of the world: a worker that holds its bytes, our API, and requests that tell their progress.

/** A refusal or a broken connection; `again` says whether the same may work later. */
export class Trouble extends Error {
  constructor(message, { again = false, status = 0 } = {}) {
    super(message);
    this.again = again;
    this.status = status;
  }
}

const passing = (status) => status === 0 || status === 408 || status === 409 || status === 429 || status >= 500;

/** One worker with the bytes of pieces of files: what is sent is what was hashed, read once. */
export class Reader {
  #worker = null; #waiting = new Map(); #next = 1;

  /** Its `sha256`; it is held, to be `put` somewhere, until it is dropped or the signal says so. */
  async of(piece, signal) {
    this.#worker ??= this.#start();
    const id = this.#next++;
    const stop = () => this.#worker?.postMessage({ id });
    signal.addEventListener("abort", stop);
    const { sha256 } = await this.#ask(id, { piece });
    if (!sha256) throw new Trouble("This file cannot be read any more. Was it changed or moved? Add it again.");
    const put = async (url, headers, progress) => {
      if (signal.aborted) throw new DOMException("paused", "AbortError");
      const { trouble } = await this.#ask(id, { url, headers }, progress);
      if (signal.aborted) throw new DOMException("paused", "AbortError");
      if (trouble) throw new Trouble(trouble.message, trouble);
    };
    const drop = () => {
      signal.removeEventListener("abort", stop);
      stop();
    };
    return { sha256, size: piece.size, put, drop };
  }

  #ask(id, what, progress) {
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject, progress });
      this.#worker.postMessage({ id, ...what });
    });
  }

  #start() {
    const worker = new Worker(new URL("./upload-worker.js", import.meta.url), { type: "module" });
    worker.addEventListener("message", ({ data }) => {
      const { resolve, progress } = this.#waiting.get(data.id);
      if (data.sent !== undefined) return progress(data.sent);
      this.#waiting.delete(data.id);
      resolve(data);
    });
    worker.addEventListener("error", () => {
      for (const { reject } of this.#waiting.values()) reject(new Trouble("This page is out of date. Reload it, then add the file again."));
      this.#waiting.clear();
      worker.terminate();
      this.#worker = null; // a later server may have none of this name
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
