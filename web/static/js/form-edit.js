// A change of one field changes its own words in the line, and nothing else.

import { keyOf } from "./form-fields.js";
import { formsOf, fromLine, read, toLine, wordsOf } from "./form-line.js";
import { join, split } from "./line-words.js";

/** The line after the field `key` of a level got this value (undefined: none). Raises `OpenLine`. */
export function change(form, line, level, key, value) {
  const words = split(line);
  const { items, values } = read(form, words.map(({ word }) => word));
  const wanted = structuredClone(values);
  if (value === undefined) delete wanted.levels[level][key];
  else wanted.levels[level][key] = value;
  const edited = inPlace(form, line, words, items, values.path, level, key, value);
  return edited !== null && means(form, edited, wanted) ? edited : toLine(form, wanted);
}

/** The line after another subcommand was chosen at a level ("": none). */
export function choose(form, line, level, name) {
  const values = fromLine(form, line);
  const path = [...values.path.slice(0, level), ...(name ? [name] : [])];
  const levels = [...values.levels.slice(0, level + 1), ...(name ? [{}] : [])];
  return toLine(form, { path, levels, kept: values.kept.filter((one) => one.word[0] === "-") });
}

function means(form, line, wanted) {
  const found = fromLine(form, line);
  const plain = ({ path, levels, kept }) =>
    JSON.stringify([path, levels.map((level) => Object.entries(level).sort(([a], [b]) => (a < b ? -1 : 1))), kept.map((one) => one.word)]);
  return plain(found) === plain(wanted);
}

function inPlace(form, line, words, items, path, level, key, value) {
  const field = formsOf(form, path)[level].fields.find((one) => keyOf(one) === key);
  const own = items.filter((item) => item.field === field && item.level === level && item.kind !== "cluster");
  if (items.some((item) => item.kind === "cluster" && item.parts.some((part) => part.field === field))) return null;
  const span = (item) => [words[item.at].start, words[item.at + item.words - 1].end];
  let texts;
  if (value === undefined) texts = [];
  else if (field.kind === "positional") texts = [value].flat().map((word) => join([word]));
  else texts = wordsOf(form, path.slice(0, level), field, value, spelling(field, own, value)).map(join);
  const edits = [];
  if (texts.length === own.length)
    own.forEach((item, n) => {
      const [start, end] = span(item);
      const before = join(words.slice(item.at, item.at + item.words).map(({ word }) => word));
      if (before !== texts[n]) edits.push([start, end, texts[n]]);
    });
  else if (own.length > 0)
    own.forEach((item, n) => edits.push([...span(item), n === 0 ? texts.join(" ") : ""]));
  else {
    const at = placeFor(field, line, words, items, level);
    edits.push([at, at, texts.join(" ")]);
  }
  return edits.reverse().reduce((text, [start, end, by]) => spliced(text, start, end, by), line);
}

// As it was typed, as long as that spelling says the same.
function spelling(field, own, value) {
  if (own.length === 0 || value === false) return undefined;
  const typed = own[0].name;
  return field.names.includes(typed) ? typed : undefined;
}

function placeFor(field, line, words, items, level) {
  const here = items.filter((item) => item.level === level && item.at >= 0);
  const starts = (item) => words[item.at].start;
  const ends = (item) => words[item.at + item.words - 1].end;
  const command = here.find((item) => item.kind === "command");
  const parent = items.find((item) => item.kind === "command" && item.level === level - 1);
  if (field.kind === "positional") {
    if (command) return starts(command);
    return line.trimEnd().length;
  }
  const dashes = here.find((item) => item.kind === "dashes");
  const options = here.filter((item) => ["option", "flag", "cluster"].includes(item.kind) && (!dashes || item.at < dashes.at));
  if (options.length) return ends(options.at(-1));
  const first = here.find((item) => item !== parent);
  return first ? starts(first) : line.trimEnd().length;
}

// Exactly one blank between what stays and what comes.
function spliced(line, start, end, by) {
  let before = line.slice(0, start);
  let after = line.slice(end);
  if (by === "") {
    after = after.replace(/^[ \t]+/, "");
    if (after === "") before = before.replace(/[ \t]+$/, "");
    return before + after;
  }
  if (before !== "" && !/\s$/.test(before)) before += " ";
  if (after !== "" && !/^\s/.test(after)) after = " " + after;
  return before + by + after;
}
