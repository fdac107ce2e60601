// A command line seen as words, only to colour it and to put file names in; the server decides what it means.

/** Pieces `{text, word}` that add up to the line; `word` is the unquoted word, or null between words. */
export function pieces(line) {
  const found = [];
  const pattern = /(\s+)|((?:"(?:\\[^]|[^"\\])*"?|'[^']*'?|\\[^]?|[^\s"'\\])+)/g;
  for (const [text, space] of line.matchAll(pattern)) found.push({ text, word: space === undefined ? unquoted(text) : null });
  return found;
}

function unquoted(text) {
  return text.replace(/"((?:\\[^]|[^"\\])*)"?|'([^']*)'?|\\([^])/g, (all, double, single, escaped) =>
    double !== undefined ? double.replace(/\\(["\\$`])/g, "$1") : (single ?? escaped),
  );
}

/** A file name as one word of a POSIX command line. */
export function quoted(name) {
  return /^[\w@%+=:,.\/-]+$/.test(name) ? name : `'${name.replaceAll("'", `'\\''`)}'`;
}

/** Whether the text will be read as JSON rather than as a command line. */
export function looksLikeJson(line) {
  return /^[\s\u2003\u00a0]*[[{]/.test(line);
}
