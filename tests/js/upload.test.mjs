// Files on their way to the store, against a store that fails as it is told to.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";

import { hexOf, sha256 } from "../../web/static/js/sha256.js";
import { Upload } from "../../web/static/js/upload.js";
import { Reader, Trouble } from "../../web/static/js/upload-wire.js";

const PART = 4 << 20;
const hash = (bytes) => createHash("sha256").update(bytes).digest("hex");

/** Web and store in one; `fail(what, number)` may throw. */
class Store {
  uploads = new Map(); puts = []; rests = 0; asked = 0; held = new Set(); fail = () => {};

  known = (id) => {
    if (!this.uploads.has(id)) throw new Trouble("This upload has ended.", { status: 410 });
    return this.uploads.get(id);
  };

  info = (id) => {
    const one = this.uploads.get(id);
    return { ...one, stored: [...one.parts].map(([number, bytes]) => ({ number, size: bytes.length, sha256: hash(bytes) })), parts: Math.ceil(one.size / PART), part_size: PART };
  };

  api = {
    begin: async (facts) => {
      const id = `upl_${this.uploads.size}`;
      this.uploads.set(id, { id, ...facts, parts: new Map(), finished: false, form: facts.sha256 ? { url: id, fields: { a: "b" } } : null });
      return this.info(id);
    },
    open: async (name, size) => ({ items: [...this.uploads.values()].filter((u) => u.name === name && u.size === size && !u.finished).map((u) => this.info(u.id)) }),
    one: async (id) => this.info(this.known(id).id),
    parts: async (id, parts) => {
      this.asked++;
      return { items: parts.map(({ number, sha256 }) => ({ number, url: `${id}/${number}/${sha256}`, headers: {} })) };
    },
    complete: async (id, parts) => {
      const one = this.known(id);
      const there = [...one.parts].sort(([a], [b]) => a - b).map(([, bytes]) => Buffer.from(hash(bytes), "hex"));
      if (parts && parts !== hash(Buffer.concat(there))) throw new Trouble("Other parts have arrived.", { status: 409 });
      one.finished = true;
      return { id: "file_1", name: one.name };
    },
    remove: async (id) => this.uploads.delete(id),
  };

  wire = {
    api: this.api,
    read: async (piece, signal) => {
      const drop = () => this.held.delete(piece);
      signal.addEventListener("abort", drop);
      this.held.add(piece);
      const bytes = await piece.arrayBuffer();
      return {
        sha256: hash(Buffer.from(bytes)),
        size: bytes.byteLength,
        put: (url, headers, progress) => this.wire.send("PUT", url, headers, bytes, progress, signal),
        drop,
      };
    },
    rest: async () => { this.rests++; },
    send: async (method, url, headers, body, progress, signal) => {
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (signal.aborted) throw new DOMException("paused", "AbortError");
      const [id, number, announced] = url.split("/");
      this.fail(method, Number(number), id);
      if (!this.uploads.has(id) || this.uploads.get(id).finished) throw new Trouble("The store refused it (404).", { status: 404 });
      this.puts.push(Number(number));
      if (method === "POST") return void this.uploads.get(id).parts.set(1, Buffer.from(await body.get("file").arrayBuffer()));
      const bytes = Buffer.from(body);
      assert.equal(hash(bytes), announced);
      progress(bytes.length);
      this.uploads.get(id).parts.set(Number(number), bytes);
    },
  };

  bytes = (id) => hash(Buffer.concat([...this.uploads.get(id).parts].sort(([a], [b]) => a - b).map(([, bytes]) => bytes)));
}

const content = (parts) => Buffer.concat(Array.from({ length: parts }, (_, n) => Buffer.alloc(PART, n + 1)));
const file = (bytes, name = "big.bin") => new File([bytes], name);

function made(store, bytes = content(3), name = undefined) {
  const states = [];
  const upload = new Upload(file(bytes, name), store.wire, ({ state }) => states.at(-1) !== state && states.push(state));
  return { upload, states };
}

test("a hash without the browser's help is the same", async () => {
  for (const length of [0, 1, 55, 56, 63, 64, 65, 119, 120, 1000, 70_000]) {
    const bytes = Uint8Array.from({ length }, (_, n) => n % 251);
    assert.equal(Buffer.from(sha256(bytes)).toString("hex"), hash(bytes), length);
    assert.equal(await hexOf(bytes), hash(bytes));
  }
});

test("a large file goes in parts, few requests sign them all", async () => {
  const store = new Store();
  const { upload, states } = made(store);
  await upload.run();
  assert.deepEqual(states, ["sending", "done"]);
  assert.equal(store.bytes("upl_0"), hash(content(3)));
  assert.equal(upload.sent, upload.size);
  assert.equal(store.asked, 1);
  assert.equal(store.held.size, 0);
});

test("a worker that the server has no more is told, and waited for no longer", async () => {
  globalThis.Worker = class extends EventTarget {
    postMessage() { queueMicrotask(() => this.dispatchEvent(new Event("error"))); }
    terminate() {}
  };
  await assert.rejects(new Reader().of(new Blob(["x"]), new AbortController().signal), /out of date\. Reload it/);
  delete globalThis.Worker;
});

test("a small file goes in one form", async () => {
  const store = new Store();
  const { upload } = made(store, Buffer.from("small"));
  await upload.run();
  assert.equal(upload.state, "done");
  assert.equal(store.bytes("upl_0"), hash("small"));
  assert.equal(store.held.size, 0);
});

test("what breaks for a while is tried again, and only that", async () => {
  const store = new Store();
  let broken = 2;
  store.fail = (_, number) => { if (number === 2 && broken-- > 0) throw new Trouble("broke", { again: true }); };
  const { upload } = made(store);
  await upload.run();
  assert.equal(upload.state, "done");
  assert.equal(store.rests, 2);
  assert.deepEqual(store.puts.toSorted(), [1, 2, 3]);
});

test("what stays broken ends as a failure that says why; retry goes on where it stopped", async () => {
  const store = new Store();
  store.fail = (_, number) => { if (number === 3) throw new Trouble("The store refused it (400)."); };
  const { upload } = made(store);
  await upload.run();
  assert.deepEqual([upload.state, upload.fault], ["failed", "The store refused it (400)."]);
  store.fail = () => {};
  const before = store.puts.length;
  upload.wait();
  await upload.run();
  assert.equal(upload.state, "done");
  assert.ok(store.puts.slice(before).length <= 3 && store.puts.at(-1) === 3);
  assert.equal(store.bytes("upl_0"), hash(content(3)));
});

test("an expired URL is signed anew", async () => {
  const store = new Store();
  let expired = true;
  store.fail = (_, number) => { if (number === 2 && expired) { expired = false; throw new Trouble("refused", { status: 403 }); } };
  const { upload } = made(store);
  await upload.run();
  assert.deepEqual([upload.state, store.asked], ["done", 2]);
});

test("paused, nothing more is sent until it is resumed", async () => {
  const store = new Store();
  const { upload, states } = made(store, content(12));
  const running = upload.run();
  store.fail = (_, number) => { if (number === 5) upload.pause(); };
  await running;
  await new Promise((resolve) => setTimeout(resolve, 20));
  const sent = store.puts.length;
  assert.ok(sent < 12);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual([store.puts.length, store.held.size], [sent, 0]);
  store.fail = () => {};
  upload.wait();
  await upload.run();
  assert.deepEqual(states, ["sending", "paused", "waiting", "sending", "done"]);
  assert.equal(store.puts.length - new Set(store.puts).size <= 1, true);
  assert.equal(store.bytes("upl_0"), hash(content(12)));
});

test("after a reload the same file resumes; another one of the same name and size replaces what differs", async () => {
  const store = new Store();
  store.fail = (_, number) => { if (number > 2) throw new Trouble("gone"); };
  await made(store).upload.run();
  store.fail = () => {};
  store.puts.length = 0;
  const changed = content(3);
  changed[0] = 99;
  const { upload } = made(store, changed);
  await upload.run();
  assert.equal(store.uploads.size, 1);
  assert.deepEqual(store.puts.toSorted(), [1, 3]);
  assert.equal(store.bytes("upl_0"), hash(changed));
});

test("taken away, it is gone from the store too", async () => {
  const store = new Store();
  const { upload } = made(store, content(12));
  const running = upload.run();
  await new Promise((resolve) => setTimeout(resolve, 30));
  upload.remove();
  await running;
  assert.equal(store.uploads.size, 0);
});

const differing = (bytes) => {
  const changed = Buffer.from(bytes);
  changed[0] = 99;
  return changed;
};

/** A page that has begun and sent all but the last part. */
async function stopped(store) {
  store.fail = (_, number) => { if (number === 3) throw new Trouble("gone"); };
  const { upload } = made(store);
  await upload.run();
  store.fail = () => {};
  return upload;
}

test("an upload that another window completes before this one has looked is not taken for ours", async () => {
  const store = new Store();
  await stopped(store);
  const open = store.api.open;
  store.api.open = async (name, size) => {
    const found = await open(name, size);
    store.uploads.get("upl_0").finished = true;
    return found;
  };
  const bytes = differing(content(3));
  const { upload } = made(store, bytes);
  await upload.run();
  assert.equal(upload.state, "done");
  assert.equal(store.bytes("upl_1"), hash(bytes));
});

test("nor one that another window completed while this one had failed", async () => {
  const store = new Store();
  const first = await stopped(store);
  const theirs = store.uploads.get("upl_0");
  for (const number of [1, 2, 3]) theirs.parts.set(number, Buffer.alloc(PART, 77));
  theirs.finished = true;
  first.wait();
  await first.run();
  assert.equal(first.state, "done");
  assert.equal(store.bytes("upl_1"), hash(content(3)));
});

test("completed by another window while this one sends, it begins anew", async () => {
  const store = new Store();
  await stopped(store);
  const bytes = differing(content(3));
  store.fail = (_, number, id) => { if (id === "upl_0" && number === 3) store.uploads.get(id).finished = true; };
  const { upload } = made(store, bytes);
  await upload.run();
  assert.equal(upload.state, "done");
  assert.equal(store.bytes("upl_1"), hash(bytes));
});

test("refused because other parts have arrived, it begins anew", async () => {
  const store = new Store();
  const complete = store.api.complete;
  store.api.complete = async (id, parts) => {
    if (id === "upl_0") store.uploads.get(id).parts.set(1, Buffer.alloc(PART, 77));
    return complete(id, parts);
  };
  const { upload } = made(store);
  await upload.run();
  assert.equal(upload.state, "done");
  assert.equal(store.bytes("upl_1"), hash(content(3)));
});

test("a completion whose answer was lost is not sent again", async () => {
  const store = new Store();
  const complete = store.api.complete;
  let lost = false;
  store.api.complete = async (id, parts) => {
    const file = await complete(id, parts);
    if (lost) return file;
    lost = true;
    throw new Trouble("Toolyard answered 502.");
  };
  const { upload } = made(store);
  await upload.run();
  assert.equal(upload.state, "failed");
  upload.wait();
  await upload.run();
  assert.deepEqual([upload.state, store.uploads.size, store.puts.length], ["done", 1, 3]);
});

test("an upload that has ended in the store is begun anew, and a store that ends all says so", async () => {
  const store = new Store();
  const upload = await stopped(store);
  store.uploads.delete("upl_0");
  store.uploads.set("another", { parts: new Map() });
  upload.wait();
  await upload.run();
  assert.equal(upload.state, "done");
  assert.equal(store.bytes("upl_1"), hash(content(3)));
  store.fail = () => { throw new Trouble("The store refused it (404).", { status: 404 }); };
  const { upload: other } = made(store, differing(content(3)), "other.bin");
  await other.run();
  assert.deepEqual([other.state, other.fault], ["failed", "The store refused it (404)."]);
});
