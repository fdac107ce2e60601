// The values of a form and the command line, each made from the other. The line is the truth: what it
// holds beyond the form is kept as it was typed.
//
// Values: `{path, levels, kept, dashes?}`. `path` are the chosen subcommands, `levels[i]` the values of the
// i-th of them by field (0: the command itself), `kept` the words that no field knows, with their places.

import { bestName, isMany, keyOf, looksLikeOption, places, staysOpen, valueOf, written } from "./form-fields.js";
import { join, split } from "./line-words.js";

/** The forms of the command and of the subcommands in `path`. */
export function formsOf(form, path) {
  const forms = [form];
  for (const name of path) {
    const next = forms.at(-1).subcommands?.[name];
    if (!next) break;
    forms.push(next);
  }
  return forms;
}

/** The values that the line means. Raises `OpenLine`. */
export function fromLine(form, line) {
  return read(form, split(line).map(({ word }) => word)).values;
}

/** A line that means these values. */
export function toLine(form, values) {
  return join(toArgv(form, values));
}

/** What each word is: `items` add up to the words, in their order; `values` are what they mean together. */
export function read(form, argv) {
  const reader = new Reader(form, argv);
  reader.run();
  return { items: reader.items, values: reader.values() };
}

class Reader {
  constructor(form, argv) {
    this.form = form;
    this.argv = argv;
    this.at = 0;
    this.path = [];
    this.forms = [form];
    this.items = [];
    this.dashed = false;
    this.dashedAfterOpen = false;
  }

  run() {
    while (this.at < this.argv.length) {
      const word = this.argv[this.at];
      if (!this.dashed && word === "--") {
        this.dashed = true;
        this.dashedAfterOpen = this.items.findLast((item) => item.kind !== "kept")?.open ?? false;
        this.#item("dashes", 1);
      } else if (!this.dashed && word.length > 1 && word[0] === "-") this.#option(word);
      else this.#word(word);
    }
    for (let level = 0; level < this.forms.length; level += 1) this.#assign(level);
  }

  #item(kind, words, more = {}) {
    this.items.push({ kind, level: this.path.length, at: this.at, words, ...more });
    this.at += words;
  }

  #keep() {
    this.#item("kept", 1, { after: this.dashed });
  }

  // The deepest level that knows the name; options of a command may follow its subcommand, too.
  #find(name) {
    for (let level = this.forms.length - 1; level >= 0; level -= 1)
      for (const field of this.forms[level].fields ?? []) {
        if (field.kind === "positional") continue;
        if (field.names.includes(name)) return { field, level, on: true };
        if (field.off === name) return { field, level, on: false };
      }
    return null;
  }

  #option(word) {
    const exact = this.#find(word);
    if (exact) return exact.field.kind === "flag" ? this.#flag(exact, word) : this.#values(exact, word);
    const equals = word.indexOf("=");
    const named = equals > 1 ? this.#find(word.slice(0, equals)) : null;
    if (named?.field.kind === "option" && (equals > 2 || named.field.style === "equals") && !(isMany(named.field) && named.field.least > 1))
      return this.#item("option", 1, { ...named, name: word.slice(0, equals), values: [word.slice(equals + 1)], inline: true });
    if (word[1] !== "-" && this.#cluster(word)) return;
    this.#keep();
  }

  #flag(found, name) {
    this.#item("flag", 1, { ...found, name });
  }

  #values(found, name) {
    const { field } = found;
    const following = this.argv.slice(this.at + 1);
    const values = [];
    const follows = field.style === "word" || field.least > 0;
    if (following.length < field.least) return this.#keep(); // not finished
    while (follows && values.length < following.length && (field.most === null || values.length < field.most)) {
      const word = following[values.length];
      if (values.length >= field.least && (word === "--" || looksLikeOption(word) || this.#find(word))) break;
      values.push(word);
    }
    this.#item("option", 1 + values.length, { ...found, name, values, open: staysOpen(field, values) });
  }

  // `-xvf file`: letters of flags, the last one may be an option with its value.
  #cluster(word) {
    const parts = [];
    for (let at = 1; at < word.length; at += 1) {
      const name = `-${word[at]}`;
      const found = this.#find(name);
      if (!found) return false;
      if (found.field.kind === "flag") {
        parts.push({ ...found, kind: "flag", name });
        continue;
      }
      if (isMany(found.field)) return false;
      const rest = word.slice(at + 1);
      if (rest !== "") {
        parts.push({ ...found, kind: "option", name, values: [rest] });
        break;
      }
      const needs = found.field.least > 0 ? 1 : 0;
      if (this.at + needs >= this.argv.length) return false;
      const values = needs ? [this.argv[this.at + 1]] : [];
      parts.push({ ...found, kind: "option", name, values, takes: needs });
    }
    const words = 1 + (parts.at(-1).takes ?? 0);
    if (parts.length === 1) this.#item(parts[0].kind, words, { ...parts[0], attached: true });
    else this.#item("cluster", words, { parts });
    return true;
  }

  #word(word) {
    const form = this.forms.at(-1);
    const level = this.path.length;
    const before = this.items.filter((item) => item.level === level && item.kind === "word").length;
    const positionals = (form.fields ?? []).filter((field) => field.kind === "positional");
    const most = positionals.reduce((sum, field) => sum + (field.most ?? 0), 0);
    const name = form.subcommands?.[word] ? word : form.aliases?.[word];
    const possible = before === 0 || before <= most;
    if (name && form.subcommands[name] && possible && (!this.dashed || positionals.length === 0 || this.dashedAfterOpen)) {
      this.#item("command", 1, { name });
      this.path.push(name);
      this.forms.push(form.subcommands[name]);
      this.dashed = false;
      return;
    }
    this.#item("word", 1, { word, after: this.dashed });
  }

  // Words in their order to the positionals in theirs; each gets its least first.
  #assign(level) {
    const words = this.items.filter((item) => item.kind === "word" && item.level === level);
    const fields = (this.forms[level].fields ?? []).filter((field) => field.kind === "positional");
    let left = words.length;
    let later = fields.reduce((sum, field) => sum + field.least, 0);
    let next = 0;
    for (const field of fields) {
      later -= field.least;
      const free = Math.max(left - later, 0);
      const takes = Math.min(left, field.most === null ? Math.max(free, Math.min(left, field.least)) : Math.min(field.most, Math.max(free, Math.min(left, field.least))));
      for (const item of words.slice(next, next + takes)) Object.assign(item, { kind: "positional", field });
      next += takes;
      left -= takes;
    }
    for (const item of words.slice(next)) item.kind = "kept";
  }

  values() {
    const levels = this.forms.map(() => new Map());
    const note = (part) => {
      const of = levels[part.level];
      if (!of.has(part.field)) of.set(part.field, []);
      of.get(part.field).push(part);
    };
    for (const item of this.items) {
      if (item.kind === "cluster") item.parts.forEach(note);
      else if (item.kind === "positional") note({ ...item, values: [item.word] });
      else if (item.field) note(item);
    }
    const values = {
      path: this.path,
      levels: levels.map((of) => Object.fromEntries([...of].map(([field, parts]) => [keyOf(field), meant(field, parts)]))),
      kept: this.items
        .filter((item) => item.kind === "kept")
        .map((item) => ({ at: item.at, word: this.argv[item.at], ...(item.after ? { after: true } : {}) })),
    };
    const dashes = this.items.some((item) => item.kind === "dashes");
    if (dashes && !needsDashes(this.form, values)) values.dashes = true;
    return values;
  }
}

function meant(field, parts) {
  if (field.kind === "positional") {
    const words = parts.flatMap((part) => part.values);
    return isMany(field) ? words : words[0];
  }
  if (field.kind === "option") return valueOf(field, parts.map((part) => part.values));
  if (!parts.at(-1).on) return false;
  const times = parts.filter((part) => part.on).length;
  return field.type === "count" || times > 1 ? times : true;
}

/** The words of these values, in the form's order. */
export function toArgv(form, values) {
  return assembled(form, values, values.dashes || values.kept?.some((one) => one.after));
}

function needsDashes(form, values) {
  return assembled(form, values, false).includes("--");
}

/** The words that one value of a field stands for, at each of its places. */
export function wordsOf(form, path, field, value, name = undefined) {
  const isName = (word) => formsOf(form, path).some((one) => (one.fields ?? []).some((other) => other.names.includes(word) || other.off === word));
  if (field.kind === "flag") {
    if (value === false) return field.off ? [[field.off]] : [];
    return Array.from({ length: value === true ? 1 : value }, () => [name ?? bestName(field)]);
  }
  return places(field, value).map((words) => written(field, words, isName, name));
}

function assembled(form, values, dashes) {
  const forms = formsOf(form, values.path);
  const chunks = []; // words that must stay together
  let dashed = false;
  forms.forEach((one, level) => {
    const given = values.levels[level] ?? {};
    const fields = (one.fields ?? []).filter((field) => given[keyOf(field)] !== undefined);
    const options = fields.filter((field) => field.kind !== "positional");
    const parts = options.map((field) =>
      wordsOf(form, values.path.slice(0, level), field, given[keyOf(field)]).map((words) => ({ words, open: isOpen(field, words) })),
    );
    const open = (of) => Number(of.some((part) => part.open)); // such a field is ended by the next option
    const sorted = parts.sort((a, b) => open(b) - open(a)).flat();
    chunks.push(...sorted.map((part) => part.words));
    const words = fields.filter((field) => field.kind === "positional").flatMap((field) => [given[keyOf(field)]].flat());
    const last = level === forms.length - 1;
    const follows = words.length > 0 || !last;
    const needed = (sorted.at(-1)?.open && follows) || words.some((word) => word.length > 1 && word[0] === "-") || (last && dashes);
    const next = last ? [] : [values.path[level]];
    if (needed && !last) chunks.push(["--", ...words, ...next]);
    else chunks.push(...[...(needed ? ["--"] : []), ...words, ...next].map((word) => [word]));
    dashed = dashed || (needed && last);
  });
  return withKept(chunks, values.kept ?? [], dashed);
}

function isOpen(field, words) {
  return field.kind === "option" && field.names.includes(words[0]) && staysOpen(field, words.slice(1));
}

// Words that no field knows go where they stood, but never between an option and its value.
function withKept(chunks, kept, dashed) {
  const out = [...chunks];
  const length = () => out.reduce((sum, chunk) => sum + chunk.length, 0);
  let least = 0; // they keep their order
  for (const { at, word, after } of kept) {
    let place = 0;
    let index = 0;
    while (index < out.length && place < at) place += out[index++].length;
    const dashes = dashed ? out.findLastIndex((chunk) => chunk[0] === "--") : -1;
    if (after) index = Math.max(index, dashes + 1);
    else if (dashes >= 0 && word[0] === "-") index = Math.min(index, dashes);
    if (at >= length()) index = after || dashes < 0 || word[0] !== "-" ? out.length : dashes;
    index = Math.max(index, least);
    least = index + 1;
    out.splice(index, 0, [word]);
  }
  return out.flat();
}
