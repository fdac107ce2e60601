// Bytes of a terminal stream become lines of styled text: SGR colours and the few cursor moves that
// progress bars use are obeyed, every other control (OSC, DCS, titles, links, clipboard) is dropped.

const PLAIN = Object.freeze({ key: "", classes: "", fg: null, bg: null });
const MAX_COLUMNS = 10_000; // a longer line goes on in a further row: one row must stay cheap to draw
const MAX_STRING = 65_536; // an OSC or DCS that never ends swallows no more than this

const GROUND = 0, ESCAPE = 1, CSI = 2, STRING = 3, STRING_ESCAPE = 4, CHARSET = 5;
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;
const ATTRIBUTES = [1, 2, 3, 4, 7, 8, 9];

function cube(n) {
  if (n >= 232) return Array(3).fill(8 + 10 * (n - 232));
  const level = (k) => (k ? 55 + 40 * k : 0);
  n -= 16;
  return [level(Math.floor(n / 36)), level(Math.floor(n / 6) % 6), level(n % 6)];
}

/** One stream's terminal: `feed(text)` gives finished lines, `open` is the line being written. */
export class Terminal {
  #state = GROUND;
  #parameters = "";
  #swallowed = 0;
  #attributes = new Set();
  #fg = null;
  #bg = null;
  #style = PLAIN;
  #styles = new Map([["", PLAIN]]);
  #runs = [];
  #length = 0;
  #column = 0;
  #finished = [];

  /** The unfinished line as runs `[text, style]`, or null if nothing stands in it. */
  get open() {
    return this.#runs.length ? this.#runs : null;
  }

  /** Lines that ended in this text, each `{runs, wrapped}`; `wrapped` lines go on in the next. */
  feed(text) {
    let i = 0;
    while (i < text.length) {
      if (this.#state === GROUND) {
        const rest = text.slice(i, i + 8192);
        const stop = rest.search(CONTROL);
        const plain = stop < 0 ? rest : rest.slice(0, stop);
        if (plain) this.#write(plain);
        i += plain.length;
        if (stop >= 0) this.#control(text[i++]);
      } else {
        this.#sequence(text[i++]);
      }
    }
    const finished = this.#finished;
    this.#finished = [];
    return finished;
  }

  /** The stream has ended: the open line counts as finished. */
  end() {
    if (this.#runs.length) this.#newline(false);
    const finished = this.#finished;
    this.#finished = [];
    return finished;
  }

  #control(c) {
    switch (c) {
      case "\n": case "\v": case "\f": this.#newline(false); break;
      case "\r": this.#column = 0; break;
      case "\b": this.#column = Math.max(0, this.#column - 1); break;
      case "\t": this.#write("\t"); break;
      case "\x1b": this.#state = ESCAPE; break;
      case "\x9b": this.#begin(CSI); break;
      case "\x90": case "\x98": case "\x9d": case "\x9e": case "\x9f": this.#begin(STRING); break;
    }
  }

  #begin(state) {
    this.#state = state;
    this.#parameters = "";
    this.#swallowed = 0;
  }

  #sequence(c) {
    switch (this.#state) {
      case ESCAPE:
        if (c === "[") this.#begin(CSI);
        else if ("]PX^_".includes(c)) this.#begin(STRING);
        else if (" #%()*+-./".includes(c)) this.#state = CHARSET;
        else if (c !== "\x1b") this.#state = GROUND;
        break;
      case CHARSET:
        this.#state = GROUND;
        break;
      case CSI:
        if (c >= "@" && c <= "~") {
          this.#state = GROUND;
          this.#csi(c);
        } else if (c === "\x1b") this.#state = ESCAPE;
        else if (c === "\n" || c === "\r") { this.#state = GROUND; this.#control(c); }
        else if (this.#parameters.length < 256) this.#parameters += c;
        break;
      case STRING:
        if (c === "\x07" || c === "\x9c" || ++this.#swallowed > MAX_STRING) this.#state = GROUND;
        else if (c === "\x1b") this.#state = STRING_ESCAPE;
        break;
      case STRING_ESCAPE:
        if (c === "\\") this.#state = GROUND;
        else { this.#state = ESCAPE; this.#sequence(c); }
        break;
    }
  }

  #csi(final) {
    if (/[^0-9;:]/.test(this.#parameters)) return; // private or intermediate: not for us
    const numbers = this.#parameters.split(/[;:]/).map((n) => (n ? Number(n) : 0));
    const count = Math.min(Math.max(1, numbers[0]), MAX_COLUMNS);
    switch (final) {
      case "m": this.#sgr(numbers); break;
      case "K": this.#erase(numbers[0]); break;
      case "G": this.#column = count - 1; break;
      case "C": this.#column = Math.min(this.#column + count, MAX_COLUMNS - 1); break;
      case "D": this.#column = Math.max(0, this.#column - count); break;
    }
  }

  #sgr(numbers) {
    for (let i = 0; i < numbers.length; i++) {
      const n = numbers[i];
      if (n === 0) { this.#attributes.clear(); this.#fg = this.#bg = null; }
      else if (ATTRIBUTES.includes(n)) this.#attributes.add(n);
      else if (n === 22) { this.#attributes.delete(1); this.#attributes.delete(2); }
      else if (n >= 23 && n <= 29) this.#attributes.delete(n - 20);
      else if (n >= 30 && n <= 37) this.#fg = n - 30;
      else if (n >= 40 && n <= 47) this.#bg = n - 40;
      else if (n >= 90 && n <= 97) this.#fg = n - 82;
      else if (n >= 100 && n <= 107) this.#bg = n - 92;
      else if (n === 39) this.#fg = null;
      else if (n === 49) this.#bg = null;
      else if (n === 38 || n === 48) {
        let colour = null;
        if (numbers[i + 1] === 5) { colour = numbers[i + 2]; i += 2; }
        else if (numbers[i + 1] === 2) { colour = numbers.slice(i + 2, i + 5); i += 4; }
        if (typeof colour === "number") colour = colour > 255 ? null : colour < 16 ? colour : cube(colour);
        else if (colour && (colour.length < 3 || colour.some((v) => v > 255))) colour = null;
        if (n === 38) this.#fg = colour; else this.#bg = colour;
      }
    }
    this.#style = this.#intern();
  }

  #intern() {
    const classes = [...this.#attributes].sort().map((n) => "a" + n);
    const named = (colour, letter) => typeof colour === "number" && classes.push(letter + colour);
    named(this.#fg, "f");
    named(this.#bg, "b");
    const fg = Array.isArray(this.#fg) ? this.#fg : null;
    const bg = Array.isArray(this.#bg) ? this.#bg : null;
    const key = `${classes.join(" ")}|${fg ?? ""}|${bg ?? ""}`;
    if (key === "||") return PLAIN;
    if (!this.#styles.has(key)) {
      if (this.#styles.size > 4096) this.#styles.clear();
      this.#styles.set(key, Object.freeze({ key, classes: classes.join(" "), fg, bg }));
    }
    return this.#styles.get(key);
  }

  #newline(wrapped) {
    this.#finished.push({ runs: this.#runs, wrapped });
    this.#runs = [];
    this.#length = this.#column = 0;
  }

  #write(text) {
    while (text) {
      if (this.#column >= MAX_COLUMNS) this.#newline(true);
      const piece = cut(text, MAX_COLUMNS - this.#column);
      text = text.slice(piece.length);
      if (this.#column === this.#length) this.#append(piece, this.#style);
      else this.#overwrite(piece);
    }
  }

  #append(text, style) {
    const last = this.#runs[this.#runs.length - 1];
    if (last && last[1] === style) last[0] += text;
    else this.#runs.push([text, style]);
    this.#column = this.#length += width(text);
  }

  #cells() {
    return this.#runs.flatMap(([text, style]) => Array.from(text, (c) => [c, style]));
  }

  #fill(cells) {
    this.#runs = [];
    this.#length = 0;
    const column = this.#column;
    for (const [c, style] of cells) this.#append(c, style);
    this.#column = column;
  }

  #overwrite(text) {
    const cells = this.#cells();
    while (cells.length < this.#column) cells.push([" ", PLAIN]);
    for (const c of text) cells[this.#column++] = [c, this.#style];
    this.#fill(cells);
  }

  #erase(which) {
    if (which === 2) { this.#runs = []; this.#length = 0; return; }
    if (which === 0 && this.#column >= this.#length) return;
    const cells = this.#cells();
    if (which === 1) for (let i = 0; i <= this.#column && i < cells.length; i++) cells[i] = [" ", PLAIN];
    else cells.length = this.#column;
    this.#fill(cells);
  }
}

function width(text) {
  let n = text.length;
  for (let i = 0; i < text.length; i++) if ((text.charCodeAt(i) & 0xfc00) === 0xd800) n--;
  return n;
}

function cut(text, columns) {
  if (text.length <= columns) return text;
  const half = (text.charCodeAt(columns - 1) & 0xfc00) === 0xd800 ? 1 : 0;
  return text.slice(0, columns - half || 2);
}
