// The command line as a form: coloured words, files dropped anywhere, Enter runs.

import { FormView } from "./form-view.js";
import { UploadList, size } from "./upload-list.js";
import { looksLikeJson, pieces, quoted } from "./words.js";

class RunForm {
  #form; #line; #mirror; #input; #uploads; #awaited = false; #wait; #fault; #timer = 0; #asked = 0; #view = null;

  constructor(form) {
    this.#form = form;
    this.#line = form.querySelector("[name=line]");
    this.#mirror = form.querySelector(".mirror");
    this.#input = form.querySelector("[name=files]");
    this.#wait = form.querySelector("[data-upload-wait]");
    this.#uploads = new UploadList(form.querySelector("[data-chips]"), {
      token: form.elements.csrf_token.value,
      said: form.querySelector("[data-upload-said]"),
      change: () => this.#changed(),
    });
    this.#fault = form.querySelector("[data-file-fault]");
    form.querySelector(".cli").classList.add("mirrored");
    this.#line.addEventListener("input", () => {
      this.#colour();
      this.#view?.follow();
      clearTimeout(this.#timer);
      this.#timer = setTimeout(() => this.#parse(), 220);
    });
    this.#line.addEventListener("keydown", (event) => this.#key(event));
    form.querySelector(".cli").addEventListener("click", (event) => {
      if (event.target === event.currentTarget) this.#line.focus();
    });
    this.#input.addEventListener("change", () => {
      this.#add([...this.#input.files], false);
      this.#input.value = ""; // they go straight to the store, not with the form
    });
    this.#drop();
    this.#expand();
    this.#fields();
    this.#colour();
    addEventListener("pageshow", () => this.#busy(false));
    form.addEventListener("submit", (event) => this.#submitted(event));
    for (const example of document.querySelectorAll("[data-line]"))
      example.addEventListener("click", (event) => {
        event.preventDefault();
        this.#line.value = example.dataset.line;
        this.#line.dispatchEvent(new Event("input", { bubbles: true }));
        this.#line.focus();
      });
  }

  #fields() {
    const place = this.#form.querySelector("[data-fields]");
    if (!place) return;
    const select = this.#form.querySelector("select[name=command]");
    const only = this.#form.querySelector(".first")?.textContent.trim();
    this.#view = new FormView(place, { line: this.#line, command: () => select?.value ?? only, files: this.#picker() });
    select?.addEventListener("change", () => this.#view.follow());
    this.#view.follow();
  }

  // Where a path is meant: the names of this run's files, and a button that adds one.
  #picker() {
    const list = Object.assign(document.createElement("datalist"), { id: "files-of-this-run" });
    this.#form.append(list);
    const outputs = new Map(JSON.parse(this.#form.querySelector("[data-fields]").dataset.outputs || "[]").map((one) => [one.name, one]).reverse());
    const option = (value, label) => Object.assign(document.createElement("option"), { value, label });
    const offer = () => {
      const own = this.#names();
      const earlier = [...outputs.values()].reverse().filter((one) => !own.includes(one.name));
      list.replaceChildren(...own.map((name) => option(name, name)), ...earlier.map((one) => option(one.name, `${one.name} · earlier output, ${size(one.size)}`)));
    };
    const meant = (event) => event.target.getAttribute("list") === list.id;
    this.#form.addEventListener("focusin", (event) => meant(event) && offer());
    this.#form.addEventListener("change", (event) => {
      const output = meant(event) && outputs.get(event.target.value);
      if (output && !this.#names().includes(output.name)) this.#take(output);
    });
    const button = (input) => {
      const pick = Object.assign(document.createElement("button"), { type: "button", className: "pick", textContent: "File" });
      pick.ariaLabel = "Add a file and put its name here";
      pick.addEventListener("click", () => {
        const chooser = Object.assign(document.createElement("input"), { type: "file" });
        chooser.addEventListener("change", () => {
          this.#add([...chooser.files], false);
          input.value = chooser.files[0].name;
          input.dispatchEvent(new Event("input", { bubbles: true }));
        });
        chooser.click();
      });
      return pick;
    };
    return { list: list.id, button };
  }

  // An earlier output becomes a file of this run like any other.
  async #take({ name, url }) {
    const answer = await fetch(url).catch(() => null);
    if (!answer?.ok) return this.#say(`The earlier output ${name} could not be taken. Download it and add it as a file.`);
    this.#add([new File([await answer.blob()], name)], false);
  }

  #names() {
    const earlier = [...this.#form.querySelectorAll("[name=keep]:checked")].map((box) => box.value.split("/").slice(1).join("/"));
    return [...new Set([...this.#uploads.files.map((file) => file.name), ...earlier, ...(this.#form.dataset.names || "").split("\n").filter(Boolean)])];
  }

  #busy(on) {
    for (const button of this.#form.querySelectorAll("button.primary")) button.disabled = on;
  }

  #key(event) {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    if (looksLikeJson(this.#line.value) && !event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.#form.requestSubmit(this.#form.querySelector("button.primary"));
  }

  #expand() {
    if (CSS.supports("field-sizing", "content")) return;
    const fit = () => {
      this.#line.style.height = "auto";
      this.#line.style.height = this.#line.scrollHeight + "px";
    };
    this.#line.addEventListener("input", fit);
    fit();
  }

  #colour() {
    const names = new Set(this.#names());
    const line = this.#line.value;
    const json = looksLikeJson(line);
    const parts = pieces(line).map(({ text, word }) => {
      if (word === null) return document.createTextNode(text);
      const part = document.createElement("span");
      if (!json && names.has(word)) part.className = "file";
      else if (!json && word.startsWith("-")) part.className = "opt";
      part.textContent = text;
      return part;
    });
    this.#mirror.replaceChildren(...parts, document.createTextNode("\u200b"));
  }

  async #parse() {
    const asked = ++this.#asked;
    const body = new URLSearchParams({ line: this.#line.value, csrf_token: this.#form.elements.csrf_token.value });
    const answer = await fetch(this.#form.dataset.parse, { method: "POST", body }).catch(() => null);
    if (!answer?.ok || asked !== this.#asked) return;
    // Our own template, escaped there: the server alone decides what the line means.
    this.#form.querySelector("#parsed").innerHTML = await answer.text();
  }

  #add(files, into) {
    let twice = "";
    for (const file of files) {
      if (this.#uploads.files.some((other) => other.name === file.name)) {
        twice = file.name;
        continue;
      }
      this.#uploads.add(file);
      if (into) this.#insert(file.name);
    }
    this.#changed();
    if (twice) this.#say(`There is already a file named ${twice}. Rename one of them: both would be the same file for the tool.`);
  }

  #insert(name) {
    if (looksLikeJson(this.#line.value)) return;
    const { selectionStart: start, selectionEnd: end, value } = this.#line;
    const at = document.activeElement === this.#line ? [start, end] : [value.length, value.length];
    const before = value.slice(0, at[0]);
    const word = (before && !/\s$/.test(before) ? " " : "") + quoted(name) + (/^\s/.test(value.slice(at[1])) ? "" : " ");
    this.#line.setRangeText(word, at[0], at[1], "end");
    this.#line.focus();
    this.#line.dispatchEvent(new Event("input", { bubbles: true }));
  }

  #changed() {
    const total = this.#uploads.files.reduce((sum, file) => sum + file.size, 0);
    const most = Number(this.#form.dataset.most || 0);
    if (most && total > most)
      this.#say(`These files are ${size(total)} together; your plan takes ${size(most)} a run. Take some away.`);
    else this.#say("");
    this.#colour();
    if (this.#awaited) this.#await();
  }

  // The run begins when its files are there.
  #submitted(event) {
    if (this.#uploads.unfinished) {
      event.preventDefault();
      this.#awaited = true;
      this.#await();
    } else setTimeout(() => this.#busy(true));
  }

  #await() {
    const { unfinished, held } = this.#uploads;
    this.#awaited = unfinished > 0 && !held;
    this.#busy(this.#awaited);
    this.#wait.textContent = this.#awaited ? `It runs as soon as ${unfinished === 1 ? "the file is" : `${unfinished} files are`} uploaded.` : "";
    if (held) this.#say(`${held === 1 ? "One file is" : `${held} files are`} not uploaded. Resume, retry or take away what is held, then run.`);
    else if (!unfinished) this.#form.requestSubmit(this.#form.querySelector("button.primary"));
  }

  #say(text) {
    this.#fault.hidden = !text;
    this.#fault.textContent = text;
  }

  #drop() {
    let depth = 0;
    const files = (event) => event.dataTransfer?.types.includes("Files");
    const mark = (by) => {
      depth = by ? depth + by : 0;
      document.body.classList.toggle("dropping", depth > 0);
    };
    addEventListener("dragenter", (event) => files(event) && mark(1));
    addEventListener("dragleave", (event) => files(event) && mark(-1));
    addEventListener("dragover", (event) => files(event) && event.preventDefault());
    addEventListener("drop", (event) => {
      if (!files(event)) return;
      event.preventDefault();
      mark(0);
      if (event.target.closest("[type=file]")) return;
      this.#add([...event.dataTransfer.files], true);
    });
    this.#line.addEventListener("paste", (event) => {
      if (event.clipboardData.files.length) {
        event.preventDefault();
        this.#add([...event.clipboardData.files], true);
      }
    });
  }
}

/** Bring the run form of this page to life, if it has one. */
export function listenToRunForm() {
  const form = document.querySelector("form[data-run]:not([data-alive])");
  if (!form) return;
  form.dataset.alive = "";
  new RunForm(form);
}
