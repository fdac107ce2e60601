// The files of a form, each with its way to the store: a row with progress, pause, retry and remove.

import { Upload } from "./upload.js";
import { Reader, UploadApi, send } from "./upload-wire.js";

const AT_ONCE = 2;

/** `1.2 MB`; sizes as people say them. */
export function size(bytes) {
  if (bytes < 1000) return `${bytes} B`;
  for (const unit of ["kB", "MB", "GB", "TB"]) {
    bytes /= 1000;
    if (bytes < 1000) return `${bytes < 10 ? bytes.toFixed(1) : Math.round(bytes)} ${unit}`;
  }
  return "too big";
}

// Longer after each try, and for as long as there is no network at all.
function rest(tried, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      removeEventListener("online", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, navigator.onLine ? Math.min(16_000, 500 * 2 ** tried) : 600_000);
    addEventListener("online", done);
    signal.addEventListener("abort", done);
  });
}

function button(words, label, act) {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: words, ariaLabel: label });
  made.addEventListener("click", act);
  return made;
}

class Row {
  element = document.createElement("li"); upload;
  #told = document.createElement("span"); #bar = document.createElement("progress"); #act; #timer = 0; #state = "";

  constructor(file, list) {
    this.upload = new Upload(file, list.wire, () => this.#changed(list));
    this.element.className = "chip upload";
    const name = Object.assign(document.createElement("span"), { className: "name", textContent: file.name, title: file.name });
    this.#told.className = "quiet num told";
    this.#bar.ariaLabel = `${file.name}, sent`;
    this.#bar.max = Math.max(1, file.size);
    this.#bar.value = 0;
    this.#act = button("", "", () => (this.upload.state === "sending" || this.upload.state === "waiting" ? this.upload.pause() : this.upload.wait()));
    const away = button("×", `Take ${file.name} away`, () => list.remove(this));
    this.element.append(name, this.#told, this.#act, away, this.#bar);
    this.#draw();
  }

  #changed(list) {
    if (this.#state === this.upload.state) {
      this.#timer ||= setTimeout(() => this.#draw(), 250); // bytes are told more often than anybody looks
      return;
    }
    this.#state = this.upload.state;
    this.#draw();
    list.turned(this);
  }

  #draw() {
    clearTimeout(this.#timer);
    this.#timer = 0;
    const { state, name, sent, fault } = this.upload;
    const percent = Math.floor((100 * sent) / Math.max(1, this.upload.size));
    const words = { waiting: "waiting", sending: `${percent} %`, paused: `paused at ${percent} %`, failed: fault, done: "" }[state];
    this.#told.textContent = [size(this.upload.size), words].filter(Boolean).join(" · ");
    this.element.dataset.state = state;
    this.#bar.value = state === "done" ? this.#bar.max : sent;
    this.#bar.hidden = state === "done";
    const act = { waiting: "Pause", sending: "Pause", paused: "Resume", failed: "Retry", done: "" }[state];
    this.#act.hidden = !act;
    this.#act.textContent = act;
    this.#act.ariaLabel = `${act} ${name}`;
  }
}

/** The uploads of one form; each finished one is a field of it. */
export class UploadList {
  #rows = []; #place; #said; #change;

  constructor(place, { token, said, change }) {
    this.#place = place;
    this.#said = said;
    this.#change = change;
    const reader = new Reader();
    this.wire = { api: new UploadApi(token), read: (piece, signal) => reader.of(piece, signal), send, rest };
  }

  get files() { return this.#rows.map(({ upload }) => ({ name: upload.name, size: upload.size })); }
  get unfinished() { return this.#rows.filter(({ upload }) => upload.state !== "done").length; }
  /** Those that go on only when somebody says so. */
  get held() { return this.#rows.filter(({ upload }) => upload.state === "paused" || upload.state === "failed").length; }

  add(file) {
    const row = new Row(file, this);
    this.#rows.push(row);
    this.#place.append(row.element);
    this.#next();
  }

  remove(row) {
    row.upload.remove();
    const next = row.element.nextElementSibling ?? row.element.previousElementSibling;
    this.#rows = this.#rows.filter((other) => other !== row);
    row.element.remove();
    next?.querySelector("button:last-of-type")?.focus();
    this.#next();
    this.#change();
  }

  turned({ upload, element }) {
    if (upload.state === "done") {
      const kept = Object.assign(document.createElement("input"), { type: "hidden", name: "keep", value: `${upload.stored.id}/${upload.name}` });
      element.append(kept);
      this.#said.textContent = `${upload.name} is uploaded.`;
    } else if (upload.state === "failed") this.#said.textContent = `${upload.name}: ${upload.fault}`;
    this.#next();
    this.#change();
  }

  #next() {
    const sending = this.#rows.filter(({ upload }) => upload.state === "sending").length;
    const waiting = this.#rows.filter(({ upload }) => upload.state === "waiting");
    for (const { upload } of waiting.slice(0, Math.max(0, AT_ONCE - sending))) upload.run();
  }
}
