// A run or build followed live: log bytes go to the view, everything else makes the server draw anew.

import { LogView } from "./log-view.js";
import { StreamBytes, bytesOf } from "./stream-bytes.js";

const AT_ONCE = 8 << 20; // of an ended job's stream; the rest on demand

class Follower {
  #box; #root; #view; #source; #streams; #last = ""; #said; #timer = 0; #ended = false; #whole = false; #shown;

  constructor(root) {
    this.#root = root;
    this.#box = root.querySelector(".log");
    this.#said = root.querySelector("[data-said]");
    const { state, seq, place } = root.dataset;
    this.#shown = { state, seq: Number(seq), place };
    this.#box.replaceChildren();
    this.#view = new LogView(this.#box);
    this.#bar();
    this.#reset(this.#start());
    this.#connect();
    addEventListener("hashchange", () => this.#view.go(location.hash.slice(1)));
    addEventListener("pagehide", () => this.#source?.close());
    addEventListener("pageshow", (event) => event.persisted && !this.#ended && this.#connect());
  }

  #start() {
    const { fence, stdout, stderr } = this.#root.dataset;
    const skip = [stdout, stderr].map((size) => Math.max(0, Number(size || 0) - AT_ONCE));
    if (this.#whole || !fence || !(skip[0] || skip[1]) || location.hash) return [0, 0];
    this.#last = `${fence}:${skip[0]}:${skip[1]}`;
    return skip;
  }

  #reset([stdout, stderr]) {
    this.#streams = { stdout: new StreamBytes(stdout), stderr: new StreamBytes(stderr) };
    this.#view.clear(!stdout && !stderr);
    this.#root.querySelector("[data-all]").hidden = !(stdout || stderr);
  }

  #connect() {
    this.#source?.close();
    const from = this.#last ? "?from=" + encodeURIComponent(this.#last) : "";
    const source = (this.#source = new EventSource(this.#root.dataset.events + from));
    const on = (name, act) =>
      source.addEventListener(name, (event) => {
        if (event.lastEventId) this.#last = event.lastEventId;
        act(JSON.parse(event.data));
      });
    on("log", (chunk) => this.#log(chunk));
    on("restart", () => {
      this.#reset([0, 0]);
      this.#say("Another worker starts it again.");
      this.#drawAnew();
    });
    // The first events repeat what the page shows already.
    on("phase", ({ seq }) => seq > this.#shown.seq && this.#news("seq", seq));
    on("state", ({ state, cancelling }) => this.#news("state", state + (cancelling ? "!" : "")));
    on("queue", ({ position }) => this.#news("place", String(position)));
    on("end", () => this.#end());
    source.addEventListener("open", () => this.#say(""));
    source.addEventListener("error", () => {
      if (this.#ended) return;
      this.#say("The connection was lost. Trying again.");
      // A refusal (too many streams, signed out) closes for good: only we can try again.
      if (source.readyState === EventSource.CLOSED) setTimeout(() => this.#connect(), 4000 + Math.random() * 3000);
    });
  }

  #log({ stream, offset, data }) {
    const { text, missing } = this.#streams[stream].take(offset, bytesOf(data));
    if (missing) this.#view.feed(stream, `\n… ${missing.toLocaleString("en")} bytes are not kept …\n`);
    if (text) this.#view.feed(stream, text);
    if (location.hash && !this.#root.dataset.gone && this.#view.go(location.hash.slice(1))) this.#root.dataset.gone = "1";
  }

  #end() {
    this.#ended = true;
    this.#source.close();
    for (const name of ["stdout", "stderr"]) {
      const rest = this.#streams[name].end();
      if (rest) this.#view.feed(name, rest);
    }
    this.#view.end();
    this.#say(this.#view.lines ? "" : "Nothing was printed.");
    if (this.#root.dataset.live === "1") this.#drawAnew(true);
  }

  #news(name, value) {
    if (this.#shown[name] === value) return;
    this.#shown[name] = value;
    this.#drawAnew();
  }

  #drawAnew(now = false) {
    if (this.#root.dataset.live !== "1") return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => document.body.dispatchEvent(new CustomEvent("job:changed")), now ? 0 : 120);
  }

  #say(text) {
    this.#said.textContent = text;
  }

  #bar() {
    const get = (name) => this.#root.querySelector(`[data-${name}]`);
    const [follow, wrap, count, search] = ["follow", "wrap", "count", "search"].map(get);
    const redraw = () => {
      follow.setAttribute("aria-pressed", String(this.#view.following));
      const n = this.#view.lines;
      count.textContent = n === 1 ? "1 line" : `${n.toLocaleString("en")} lines`;
    };
    this.#view.addEventListener("change", redraw);
    redraw();
    follow.addEventListener("click", () => (this.#view.following = !this.#view.following));
    const wrapped = (on) => {
      this.#box.classList.toggle("wrap", on);
      wrap.setAttribute("aria-pressed", String(on));
    };
    let remembered = null;
    try { remembered = localStorage.getItem("wrap"); } catch { /* storage may be refused */ }
    wrapped(remembered === null ? matchMedia("(max-width: 820px)").matches : remembered === "1");
    wrap.addEventListener("click", () => {
      const on = !this.#box.classList.contains("wrap");
      wrapped(on);
      try { localStorage.setItem("wrap", on ? "1" : "0"); } catch { /* as above */ }
    });
    for (const button of this.#root.querySelectorAll("[data-only]"))
      button.addEventListener("click", () => {
        for (const other of this.#root.querySelectorAll("[data-only]")) {
          other.setAttribute("aria-pressed", String(other === button));
          if (other.dataset.only) this.#box.classList.toggle("only-" + other.dataset.only, other === button);
        }
        if (this.#view.following) this.#view.following = true;
      });
    const result = get("found");
    const find = (step) => {
      const { at, of } = this.#view.find(search.value.trim(), step);
      result.textContent = search.value.trim() ? (of ? `${at} of ${of}` : "none") : "";
    };
    search.addEventListener("input", () => find(0));
    search.addEventListener("keydown", (event) => {
      if (event.key === "Enter") { event.preventDefault(); find(event.shiftKey ? -1 : 1); }
      if (event.key === "Escape") { search.value = ""; find(0); this.#box.focus(); }
    });
    get("all").addEventListener("click", () => {
      this.#whole = true;
      this.#last = "";
      this.#ended = false;
      this.#reset([0, 0]);
      this.#connect();
    });
    this.#root.classList.add("ready");
  }
}

/** Bring the log of this page to life, if it has one. */
export function followLog() {
  const root = document.querySelector("[data-events]");
  if (root) new Follower(root);
}
