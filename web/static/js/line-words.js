// A command line as words and back, exactly as web/arguments.py reads it.

const BLANK = " \t\r\n";

/** The line ends inside a quote or after a backslash; nothing can be said about its words yet. */
export class OpenLine extends Error {}

/** Words with their places in the line: `{word, start, end}`. Raises `OpenLine`. */
export function split(line) {
  const found = [];
  let word = null;
  let start = 0;
  const add = (part, at) => {
    if (word === null) start = at;
    word = (word ?? "") + part;
  };
  const close = (end) => {
    if (word !== null) found.push({ word, start, end });
    word = null;
  };
  let at = 0;
  while (at < line.length) {
    const char = line[at];
    if (BLANK.includes(char)) {
      close(at);
      at += 1;
    } else if (char === "\\" && line[at + 1] === "\n") {
      at += 2; // a continued line
    } else if (char === "\\" && line.startsWith("\r\n", at + 1)) {
      at += 3;
    } else if (char === "\\") {
      if (at + 1 === line.length) throw new OpenLine("The line ends with a backslash.");
      const escaped = String.fromCodePoint(line.codePointAt(at + 1));
      add(escaped, at);
      at += 1 + escaped.length;
    } else if (char === "'") {
      const end = line.indexOf("'", at + 1);
      if (end < 0) throw new OpenLine("A single quote is not closed.");
      add(line.slice(at + 1, end), at);
      at = end + 1;
    } else if (char === '"') {
      const [part, end] = doubleQuoted(line, at);
      add(part, at);
      at = end;
    } else {
      add(char, at);
      at += 1;
    }
  }
  close(line.length);
  return found;
}

function doubleQuoted(line, start) {
  let part = "";
  let at = start + 1;
  while (at < line.length) {
    const char = line[at];
    const following = line[at + 1];
    if (char === '"') return [part, at + 1];
    if (char === "\\" && following === "\n") {
      at += 2;
    } else if (char === "\\" && following !== undefined && '"\\$`'.includes(following)) {
      part += following;
      at += 2;
    } else {
      part += char;
      at += 1;
    }
  }
  throw new OpenLine("A double quote is not closed.");
}

/** A word as the line has to have it. */
export function quoted(word) {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}

/** A line that `split` reads as exactly these words. */
export function join(argv) {
  return argv.map(quoted).join(" ");
}
