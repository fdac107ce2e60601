// Forms, values and lines made from a seed. Started alone it prints some of the lines with their words as JSON.

import { argv, stdout } from "node:process";

import { keyOf, looksLikeOption } from "../../web/static/js/form-fields.js";
import { read, toArgv } from "../../web/static/js/form-line.js";
import { join } from "../../web/static/js/line-words.js";

/** Numbers from 0 to below 1, the same for the same seed (mulberry32). */
export function seeded(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const WORDS = [
  "a", "out.txt", "", " ", "two words", "it's", '"quoted"', "'", "a\nb", "\t", "\r\n", "ünï", "日本語", "🐮", "\u00a0", "\u2003x",
  "-", "-5", "-0.5", "--", "-x", "--flag", "--x=y", "-abc", "=", "=a", "a=b", "\\", "\\n", "$HOME", "`id`", "$(id)", "*", "~",
  "[1]", '{"0": "a"}', "#", ";", "&&", "|", ">", "!", "%", "\ufeff", "e\u0301", "'\\''", "a'b\"c\\d", "x".repeat(300),
];  // prettier-ignore

export class Cases {
  constructor(seed) {
    this.chance = seeded(seed);
  }

  below(n) {
    return Math.floor(this.chance() * n);
  }

  one(list) {
    return list[this.below(list.length)];
  }

  maybe(share) {
    return this.chance() < share;
  }

  form(depth = 0) {
    const letters = [..."abcdefghijklmnopqrstuvwxyzABCDEFGH1"];
    const fields = [];
    for (let n = this.below(9); n > 0; n -= 1) fields.push(this.named(letters, `${depth}${n}`));
    for (let n = this.below(4); n > 0; n -= 1) fields.push(this.positional(n));
    // one positional with any number of values at most: two could not be told apart
    let open = false;
    const kept = fields.filter((field) => {
      if (field.kind !== "positional" || field.most !== null) return true;
      const first = !open;
      open = true;
      return first;
    });
    const subcommands = {};
    if (depth < 2 && this.maybe(0.35)) for (let n = 1 + this.below(3); n > 0; n -= 1) subcommands[`sub${depth}${n}`] = this.form(depth + 1);
    const aliases = Object.keys(subcommands).length && this.maybe(0.3) ? { [`alias${depth}`]: Object.keys(subcommands)[0] } : {};
    return { fields: kept, subcommands, aliases };
  }

  named(letters, id) {
    const short = letters.length && this.maybe(0.6) ? `-${letters.splice(this.below(letters.length), 1)[0]}` : null;
    const long = short === null || this.maybe(0.7) ? `${this.maybe(0.85) ? "--" : "-"}name${id}` : null;
    const names = [short, long].filter(Boolean);
    if (this.maybe(0.4)) {
      const type = this.maybe(0.3) ? "count" : "flag";
      const off = type === "flag" && this.maybe(0.3) ? `--no-name${id}` : null;
      return { kind: "flag", type, names, off, least: 0, most: 0 };
    }
    const style = this.one(["word", "word", "equals", "attached"]);
    const [least, most] = style === "word" ? this.one([[1, 1], [1, 1], [0, 1], [0, null], [1, null], [2, 2], [1, 3]]) : this.one([[1, 1], [0, 1]]);  // prettier-ignore
    if (least === 0 && style === "equals" && !long?.startsWith("--")) names.push(`--even${id}`);
    if (style === "attached" && !short && !long.startsWith("--")) names.push(`--even${id}`);
    return { kind: "option", type: "text", names, style, least, most, repeatable: this.maybe(0.35) };
  }

  positional(n) {
    const [least, most] = this.one([[1, 1], [0, 1], [0, null], [1, null], [2, 2], [1, 2]]);
    return { kind: "positional", type: "text", names: [`POS${n}`], least, most };
  }

  words(count, allowed) {
    return Array.from({ length: count }, (_, n) => {
      for (;;) {
        const word = this.maybe(0.5) ? this.one(WORDS) : this.one(WORDS) + this.one(WORDS);
        if (allowed(word, n)) return word;
      }
    });
  }

  place(field, names) {
    const count = field.most === null ? field.least + this.below(3) : field.least + this.below(field.most - field.least + 1);
    // What stands after an option's least number of values is told by its looks, as in every such tool.
    return this.words(count, (word, n) => {
      if (field.least === 0 && field.most === 1 && field.style === "attached") return word !== "" && !names.has(field.names[0] + word) && !names.has((field.names[0] + word).split("=")[0]);
      if (field.least === 0 && field.most === 1) return true;
      return n < field.least || !(word === "--" || looksLikeOption(word) || names.has(word));
    });
  }

  value(field, names) {
    if (field.kind === "flag") {
      if (field.type === "count") return 1 + this.below(4);
      return field.off && this.maybe(0.4) ? false : this.maybe(0.9) ? true : 2;
    }
    const one = () => {
      const words = this.place(field, names);
      if (field.most !== 1) return words;
      return words.length ? words[0] : true;
    };
    return field.repeatable ? Array.from({ length: 1 + this.below(3) }, one) : one();
  }

  positionals(fields, form) {
    const given = {};
    const taken = new Set([...Object.keys(form.subcommands), ...Object.keys(form.aliases)]);
    const put = (field, count) => {
      if (count === 0) return;
      const words = this.words(count, (word) => !taken.has(word));
      given[keyOf(field)] = field.most === 1 ? words[0] : words;
    };
    if (this.maybe(0.15)) {
      for (const field of fields.filter((one) => one.least > 0)) {
        if (this.maybe(0.4)) break;
        put(field, field.least);
      }
      return given;
    }
    let filling = true;
    for (const field of fields) {
      const free = field.most === null ? 4 : field.most - field.least;
      const more = filling ? this.below(free + 1) : 0;
      if (more < free || field.most === null) filling = false;
      put(field, field.least + more);
    }
    return given;
  }

  values(form) {
    const path = [];
    const levels = [];
    let here = form;
    const names = new Set();
    for (;;) {
      for (const field of here.fields) for (const name of [...field.names, field.off]) if (name) names.add(name);
      const given = {};
      for (const field of here.fields) if (field.kind !== "positional" && this.maybe(0.5)) given[keyOf(field)] = this.value(field, names);
      const subcommands = Object.keys(here.subcommands);
      const deeper = subcommands.length > 0 && this.maybe(0.75);
      if (!deeper) Object.assign(given, this.positionals(here.fields.filter((field) => field.kind === "positional"), here));
      levels.push(given);
      if (!deeper) return { path, levels, kept: [] };
      path.push(this.one(subcommands));
      here = here.subcommands[path.at(-1)];
    }
  }

  /** With unknown options between what is known. */
  withUnknown(form, values) {
    const words = toArgv(form, values);
    const { items } = read(form, words);
    const dashes = items.find((item) => item.kind === "dashes");
    const starts = [...items.map((item) => item.at), words.length].filter((at) => !dashes || at <= dashes.at);
    const chosen = starts.filter(() => this.maybe(0.3));
    const kept = chosen.map((at, n) => ({ at: at + n, word: this.one(["--zz-unknown", "--zz=a b", "--zz='", "-Z", "-Zq", "--zz-ü"]) }));
    return { ...values, kept };
  }
}

if (argv[2] === "print") {
  const cases = new Cases(Number(argv[3]));
  for (let n = 0; n < Number(argv[4]); n += 1) {
    const form = cases.form();
    const words = toArgv(form, cases.withUnknown(form, cases.values(form)));
    stdout.write(JSON.stringify([join(words), words]) + "\n");
  }
}
