// The log on the page: text nodes only, a bounded window of rows in the document, all kept rows in memory.

import { Terminal } from "./ansi.js";

const BLOCK = 200; // rows drawn and dropped together
const WINDOW = 4000; // rows in the document at once
const KEEP_ROWS = 300_000;
const KEEP_CHARACTERS = 48_000_000;
const LETTER = { stdout: "L", stderr: "E" };

function colour([r, g, b], ground) {
  return `color-mix(in oklch, rgb(${r} ${g} ${b}), var(${ground}) 45%)`;
}

function draw(span, runs) {
  span.replaceChildren(
    ...runs.map(([text, style]) => {
      const node = document.createTextNode(text);
      if (!style.key) return node;
      const part = document.createElement("span");
      part.className = style.classes;
      if (style.fg) part.style.color = colour(style.fg, "--ink");
      if (style.bg) part.style.background = colour(style.bg, "--sunken");
      part.append(node);
      return part;
    }),
  );
}

/** Rows of both streams in the order they came; numbers count within their stream, so links stay true. */
export class LogView extends EventTarget {
  #box; #streams; #rows = []; #forgotten = 0; #from = 0; #to = 0; #dirty = new Set();
  #scheduled = false; #following = true; #characters = 0; #query = ""; #hits = []; #hit = -1; #numbered = true; #touched = 0;

  constructor(box) {
    super();
    this.#box = box;
    this.clear();
    // New rows scroll the box too: only what a hand did says whether to follow.
    for (const name of ["wheel", "touchmove", "keydown", "pointerdown", "pointermove"])
      box.addEventListener(name, (event) => (name !== "pointermove" || event.buttons) && (this.#touched = Date.now()), { passive: true });
    box.addEventListener("scroll", () => this.#scrolled(), { passive: true });
  }

  /** Empty, as at the start of another attempt. */
  clear(numbered = true) {
    this.#numbered = numbered;
    this.#streams = {};
    for (const name of ["stdout", "stderr"])
      this.#streams[name] = { terminal: new Terminal(), open: null, count: 0, wrapped: false };
    this.#rows = [];
    this.#dirty.clear();
    this.#forgotten = this.#from = this.#to = this.#characters = 0;
    this.#hits = [];
    this.#box.replaceChildren();
    this.#changed();
  }

  get lines() {
    return this.#streams.stdout.count + this.#streams.stderr.count;
  }

  get following() {
    return this.#following;
  }

  set following(on) {
    this.#following = on;
    if (on) this.#showTail();
    this.#changed();
  }

  /** More decoded text of a stream. */
  feed(name, text) {
    const stream = this.#streams[name];
    this.#take(name, stream.terminal.feed(text));
    if (stream.terminal.open) {
      stream.open ??= this.#add(name);
      this.#set(stream.open, stream.terminal.open);
    } else if (stream.open) {
      this.#set(stream.open, []); // a progress line that was wiped
    }
    this.#schedule();
  }

  /** No more text will come. */
  end() {
    for (const name of Object.keys(this.#streams)) this.#take(name, this.#streams[name].terminal.end());
    this.#schedule();
  }

  #take(name, finished) {
    const stream = this.#streams[name];
    for (const { runs, wrapped } of finished) {
      const row = stream.open ?? this.#add(name);
      this.#set(row, runs);
      stream.open = null;
      stream.wrapped = wrapped;
    }
  }

  #add(name) {
    const stream = this.#streams[name];
    if (!stream.wrapped) stream.count++;
    const row = { stream: name, n: stream.wrapped ? 0 : stream.count, runs: [], size: 0, node: null };
    stream.wrapped = false;
    this.#rows.push(row);
    this.#forget();
    return row;
  }

  #set(row, runs) {
    const size = runs.reduce((sum, run) => sum + run[0].length, 0);
    this.#characters += size - row.size;
    row.size = size;
    row.runs = runs;
    this.#dirty.add(row);
  }

  #forget() {
    if (this.#rows.length <= KEEP_ROWS && this.#characters <= KEEP_CHARACTERS) return;
    const gone = this.#rows.splice(0, Math.ceil(this.#rows.length / 8));
    this.#characters -= gone.reduce((sum, row) => sum + row.size, 0);
    this.#forgotten += gone.length;
    this.#from = Math.max(0, this.#from - gone.length);
    this.#to = Math.max(0, this.#to - gone.length);
    if (gone.some((row) => row.node)) this.#show(0, Math.min(WINDOW, this.#rows.length));
    if (this.#query) this.#collect();
  }

  #schedule() {
    if (this.#scheduled) return;
    this.#scheduled = true;
    requestAnimationFrame(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush() {
    if (this.#following) {
      if (this.#rows.length - this.#to > WINDOW) this.#show(this.#rows.length - WINDOW / 2, this.#rows.length);
      else this.#append(this.#rows.length);
      while (this.#to - this.#from > WINDOW && this.#box.querySelectorAll(".block").length > 1) {
        const first = this.#box.querySelector(".block");
        for (const row of this.#rows.slice(this.#from, this.#from + first.childElementCount)) row.node = null;
        this.#from += first.childElementCount;
        first.remove();
      }
    } else if (this.#to - this.#from < WINDOW) {
      this.#append(Math.min(this.#rows.length, this.#from + WINDOW));
    }
    for (const row of this.#dirty) if (row.node) draw(row.node.lastChild, row.runs);
    this.#dirty.clear();
    this.#edges();
    if (this.#following) this.#box.scrollTop = this.#box.scrollHeight;
    if (this.#query) { this.#collect(); this.#paint(); }
    this.#changed();
  }

  #node(row) {
    const line = document.createElement("div");
    line.className = row.stream === "stderr" ? "ln err" : "ln";
    const number = document.createElement("a");
    if (row.n && this.#numbered) {
      line.id = LETTER[row.stream] + row.n;
      number.href = "#" + line.id;
      number.textContent = String(row.n);
      number.tabIndex = -1;
    }
    line.append(number, document.createElement("span"));
    if (line.id && "#" + line.id === location.hash) line.classList.add("at");
    row.node = line;
    draw(line.lastChild, row.runs);
    this.#dirty.delete(row);
    return line;
  }

  #append(to) {
    while (this.#to < to) {
      let block = [...this.#box.querySelectorAll(".block")].at(-1);
      if (!block || block.childElementCount >= BLOCK) {
        block = document.createElement("div");
        block.className = "block";
        const after = this.#box.querySelector(".later");
        if (after) after.before(block); else this.#box.append(block);
      }
      const end = Math.min(to, this.#to + BLOCK - block.childElementCount);
      block.append(...this.#rows.slice(this.#to, end).map((row) => this.#node(row)));
      this.#to = end;
    }
  }

  #show(from, to) {
    for (const row of this.#rows.slice(this.#from, this.#to)) row.node = null;
    this.#box.querySelectorAll(".block").forEach((block) => block.remove());
    this.#from = this.#to = Math.max(0, from);
    this.#append(Math.min(to, this.#rows.length));
    this.#edges();
  }

  #showTail() {
    if (this.#to < this.#rows.length) this.#show(this.#rows.length - WINDOW / 2, this.#rows.length);
    this.#box.scrollTop = this.#box.scrollHeight;
  }

  #edges() {
    this.#edge("earlier", this.#from || this.#forgotten, "before", () => this.#earlier(), () =>
      this.#from
        ? `${this.#from.toLocaleString("en")} earlier lines`
        : `${this.#forgotten.toLocaleString("en")} earlier lines are in the whole log only`,
    );
    this.#edge("later", this.#rows.length - this.#to, "after", () => (this.following = true), () =>
      `${(this.#rows.length - this.#to).toLocaleString("en")} newer lines`,
    );
  }

  #edge(name, wanted, where, action, label) {
    let edge = this.#box.querySelector("." + name);
    if (!wanted) return edge?.remove();
    if (!edge) {
      edge = document.createElement("p");
      edge.className = `earlier ${name}`;
      const button = document.createElement("button");
      button.type = "button";
      button.className = "button tiny";
      button.textContent = where === "before" ? "Show earlier" : "Go to the end";
      button.addEventListener("click", action);
      edge.append(button, document.createElement("span"));
      if (where === "before") this.#box.prepend(edge); else this.#box.append(edge);
    }
    edge.firstChild.hidden = where === "before" && !this.#from;
    edge.lastChild.textContent = label();
    return undefined;
  }

  #earlier() {
    const anchor = this.#rows[this.#from];
    this.#following = false;
    this.#show(this.#from - WINDOW / 2, this.#from + WINDOW / 2);
    anchor.node?.scrollIntoView({ block: "start" });
    this.#changed();
  }

  #scrolled() {
    if (Date.now() - this.#touched > 800) return;
    const box = this.#box;
    const atEnd = box.scrollHeight - box.scrollTop - box.clientHeight < 24 && this.#to === this.#rows.length;
    if (atEnd !== this.#following) {
      this.#following = atEnd;
      this.#changed();
    }
  }

  #changed() {
    this.dispatchEvent(new Event("change"));
  }

  /** Bring a row such as `L12` or `E3` into view and mark it; false if it is not (yet) there. */
  go(id) {
    const match = /^([LE])(\d{1,9})$/.exec(id);
    if (!match) return false;
    const stream = match[1] === "L" ? "stdout" : "stderr";
    const index = this.#rows.findIndex((row) => row.stream === stream && row.n === Number(match[2]));
    if (index < 0) return false;
    this.#following = false;
    this.#reveal(index);
    this.#box.querySelectorAll(".at").forEach((node) => node.classList.remove("at"));
    this.#rows[index].node.classList.add("at");
    this.#changed();
    return true;
  }

  #reveal(index) {
    if (index < this.#from || index >= this.#to) this.#show(index - WINDOW / 2, index + WINDOW / 2);
    // Not scrollIntoView: it would also move the page.
    const box = this.#box;
    const top = this.#rows[index].node.getBoundingClientRect().top - box.getBoundingClientRect().top;
    box.scrollTop += top - box.clientHeight / 2;
  }

  /** Mark what is sought; `step` moves to the next (1) or previous (-1) row that has it. */
  find(query, step = 0) {
    if (query !== this.#query) {
      this.#query = query.toLowerCase();
      this.#collect();
      this.#hit = -1;
      if (this.#hits.length) step ||= 1;
    }
    if (step && this.#hits.length) {
      this.#hit = (this.#hit + step + this.#hits.length) % this.#hits.length;
      this.#following = false;
      this.#reveal(this.#hits[this.#hit]);
      this.#changed();
    }
    this.#paint();
    return { at: this.#hit + 1, of: this.#hits.length };
  }

  #collect() {
    this.#hits = [];
    if (!this.#query) return;
    const only = this.#box.classList.contains("only-out") ? "stdout" : this.#box.classList.contains("only-err") ? "stderr" : null;
    this.#rows.forEach((row, i) => {
      if (only && row.stream !== only) return;
      if (row.runs.map((run) => run[0]).join("").toLowerCase().includes(this.#query)) this.#hits.push(i);
    });
  }

  #paint() {
    if (!CSS.highlights) return;
    CSS.highlights.delete("found");
    CSS.highlights.delete("found-here");
    if (!this.#query) return;
    const here = [], others = [];
    this.#hits.forEach((index, k) => {
      const node = this.#rows[index].node;
      if (node) (k === this.#hit ? here : others).push(...ranges(node.lastChild, this.#query));
    });
    CSS.highlights.set("found", new Highlight(...others));
    CSS.highlights.set("found-here", new Highlight(...here));
  }
}

function ranges(span, query) {
  const nodes = [];
  const walker = document.createTreeWalker(span, NodeFilter.SHOW_TEXT);
  let text = "";
  while (walker.nextNode()) {
    nodes.push([text.length, walker.currentNode]);
    text += walker.currentNode.data;
  }
  const place = (at) => {
    const [start, node] = nodes.findLast(([begin]) => begin <= at);
    return [node, Math.min(at - start, node.length)];
  };
  const found = [];
  const lower = text.toLowerCase();
  for (let at = lower.indexOf(query); at >= 0 && found.length < 100; at = lower.indexOf(query, at + query.length)) {
    const range = new Range();
    range.setStart(...place(at));
    range.setEnd(...place(at + query.length));
    found.push(range);
  }
  return found;
}
