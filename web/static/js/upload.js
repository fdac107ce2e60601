// One file on its way to the store: in parts that can be paused and resumed, or in one form when it is small.

import { hexOf } from "./sha256.js";
import { Trouble } from "./upload-wire.js";

const SMALL = 8 << 20; // as the server has it; more goes in parts
const IN_MEMORY = 96 << 20; // of one file
const lanesFor = (part) => Math.min(6, Math.max(2, Math.floor(IN_MEMORY / part / 2))); // each holds up to two parts; a browser opens six connections
const TRIES = 6;
const ENDED = new Set([404, 409, 410]); // given up, completed of other parts, or gone from the store

const bytesOf = (hex) => Uint8Array.from(hex.match(/../g), (pair) => parseInt(pair, 16));

/** `waiting`, `sending`, `paused`, `failed`, `done`; tells every change to `onchange`. */
export class Upload {
  state = "waiting"; fault = ""; id = null; stored = null;
  #file; #wire; #info = null; #stop = null; #sent = new Map(); #hashes = []; #asking = null; #anew = false;

  constructor(file, wire, onchange) {
    this.#file = file;
    this.#wire = wire;
    this.onchange = onchange;
  }

  get name() { return this.#file.name; }
  get size() { return this.#file.size; }
  get sent() { return Math.min(this.size, [...this.#sent.values()].reduce((sum, n) => sum + n, 0)); }

  /** Send what is missing; ends when it is done, paused or failed. */
  async run() {
    if (this.state === "sending" || this.state === "done") return;
    this.#become("sending");
    if (await this.#try(true)) await this.#try(false);
  }

  // Whether it has to begin anew.
  async #try(first) {
    const stop = (this.#stop = new AbortController());
    try {
      const file = await this.#whole(stop.signal);
      this.stored = file;
      this.#become("done");
    } catch (error) {
      if (this.#stop !== stop) return false;
      stop.abort(); // the other lanes end too
      if (error.name === "AbortError") return false;
      if (ENDED.has(error.status)) {
        this.#forget();
        if (first) return true;
      }
      this.fault = error instanceof Trouble ? error.message : "Something broke in this page. Reload it, then add the file again.";
      this.#become("failed");
      if (!(error instanceof Trouble)) throw error;
    }
    return false;
  }

  // What it was is another window's now, or nobody's.
  #forget() {
    this.#info = this.#asking = null;
    this.#hashes = [];
    this.#sent.clear();
    this.#anew = true;
  }

  /** Hold; what has arrived in whole parts stays there. */
  pause() {
    if (this.state !== "sending" && this.state !== "waiting") return;
    this.#stop?.abort();
    this.#become("paused");
  }

  /** Wait for a turn again. */
  wait() {
    if (this.state === "paused" || this.state === "failed") this.#become("waiting");
  }

  /** Take it away, here and in the store. */
  remove() {
    const unfinished = this.state !== "done";
    this.#stop?.abort();
    this.#stop = null;
    if (this.#info && unfinished) this.#wire.api.remove(this.#info.id).catch(() => {}); // the sweep takes it otherwise
  }

  #become(state) {
    this.state = state;
    if (state !== "failed") this.fault = "";
    this.onchange(this);
  }

  async #whole(signal) {
    if (this.size <= SMALL) {
      const { sha256, drop } = await this.#wire.read(this.#file, signal);
      drop();
      await this.#patiently(async () => {
        const facts = { name: this.name, size: this.size, sha256 };
        this.#info = this.#info ? await this.#wire.api.one(this.#info.id, signal) : await this.#wire.api.begin(facts, signal);
        if (!this.#info.finished) await this.#form(this.#info.form, signal);
      }, signal);
    } else {
      await this.#patiently(() => this.#find(signal), signal);
      if (!this.#info.finished) await this.#parts(signal);
    }
    const parts = this.#hashes.length ? await hexOf(bytesOf(this.#hashes.join(""))) : null;
    return this.#patiently(() => this.#wire.api.complete(this.#info.id, parts, signal), signal);
  }

  async #form({ url, fields }, signal) {
    const form = new FormData();
    for (const [name, value] of Object.entries(fields)) form.append(name, value);
    form.append("file", this.#file);
    await this.#wire.send("POST", url, {}, form, (n) => this.#progress(1, Math.min(n, this.size)), signal);
  }

  // An earlier page may have begun with this very file: the hashes of its parts tell.
  async #find(signal) {
    if (!this.#info) {
      const facts = { name: this.name, size: this.size };
      const { items } = this.#anew ? { items: [] } : await this.#wire.api.open(facts.name, facts.size, signal);
      this.#info = items.find((one) => !one.form) ?? (await this.#wire.api.begin(facts, signal));
    }
    this.#info = await this.#wire.api.one(this.#info.id, signal);
    if (this.#info.finished && this.#hashes.filter(Boolean).length < this.#info.parts) {
      throw new Trouble("Another window has uploaded a file of this name and size.", { status: 410 }); // nobody compared it with ours
    }
    this.#sent.clear();
  }

  async #parts(signal) {
    this.#hashes = [];
    const there = new Map(this.#info.stored.map((part) => [part.number, part.sha256]));
    let next = 1;
    const take = () => (next <= this.#info.parts && !signal.aborted ? this.#prepared(next++, there, signal) : null);
    const lane = async () => {
      let coming = take();
      while (coming) {
        const part = await coming;
        coming = take(); // hashed and signed while the one before is sent
        coming?.catch(() => {});
        if (part.target) await this.#part(part, signal);
        part.piece.drop();
        this.#progress(part.number, part.piece.size);
      }
    };
    await Promise.all(Array.from({ length: lanesFor(this.#info.part_size) }, lane));
  }

  async #prepared(number, there, signal) {
    const { part_size: size } = this.#info;
    const piece = await this.#wire.read(this.#file.slice((number - 1) * size, number * size), signal);
    const { sha256 } = piece;
    this.#hashes[number - 1] = sha256;
    const target = there.get(number) === sha256 ? null : await this.#target({ number, sha256 }, signal);
    return { number, piece, target };
  }

  async #part(part, signal) {
    let { target } = part;
    await this.#patiently(async () => {
      try {
        await part.piece.put(target.url, target.headers, (n) => this.#progress(part.number, n));
      } catch (error) {
        this.#progress(part.number, 0);
        if (error.status !== 403 || target !== part.target) throw error;
        target = await this.#target({ number: part.number, sha256: part.piece.sha256 }, signal); // it had expired
        throw new Trouble(error.message, { again: true, status: 403 });
      }
    }, signal);
  }

  // All that are asked for at the same time share one request.
  #target(wanted, signal) {
    const batch = (this.#asking ??= { parts: [], answer: null });
    batch.parts.push(wanted);
    batch.answer ??= (async () => {
      await new Promise((resolve) => setTimeout(resolve, 20)); // the part before is still on its way
      this.#asking = null;
      const { items } = await this.#patiently(() => this.#wire.api.parts(this.#info.id, batch.parts, signal), signal);
      return new Map(items.map((item) => [item.number, item]));
    })();
    return batch.answer.then((targets) => targets.get(wanted.number));
  }

  async #patiently(call, signal) {
    for (let tried = 1; ; tried++) {
      try {
        return await call();
      } catch (error) {
        if (signal.aborted) throw new DOMException("paused", "AbortError");
        if (!error.again || tried >= TRIES) throw error;
        await this.#wire.rest(tried, signal);
      }
    }
  }

  #progress(number, bytes) {
    this.#sent.set(number, bytes);
    this.onchange(this);
  }
}
