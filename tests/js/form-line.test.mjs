// Form and line in step: run by tests/web/test_scripts.py with node's own test runner.

import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";

import { change, choose } from "../../web/static/js/form-edit.js";
import { keyOf } from "../../web/static/js/form-fields.js";
import { formsOf, fromLine, toArgv, toLine } from "../../web/static/js/form-line.js";
import { OpenLine, join, split } from "../../web/static/js/line-words.js";
import { Cases } from "./form-cases.mjs";

const words = (line) => split(line).map(({ word }) => word);

test("form to line to form is the identity for 10,000 cases", () => {
  const cases = new Cases(20_261);
  for (let n = 0; n < 10_000; n += 1) {
    const form = cases.form();
    const values = cases.withUnknown(form, cases.values(form));
    const line = toLine(form, values);
    const again = fromLine(form, line);
    if (isDeepStrictEqual(again, values) && isDeepStrictEqual(words(line), toArgv(form, values)) && toLine(form, again) === line) continue;
    assert.deepEqual(again, values, `case ${n}: ${line}\n${JSON.stringify(form)}`);
    assert.fail(`case ${n}: ${line}\n${JSON.stringify(form)}`);
  }
});

test("a changed field changes itself and nothing else, for 2,000 cases", () => {
  const cases = new Cases(77);
  for (let n = 0; n < 2000; n += 1) {
    const form = cases.form();
    const values = cases.withUnknown(form, cases.values(form));
    const level = cases.below(values.levels.length);
    const here = formsOf(form, values.path)[level];
    const options = here.fields.filter((field) => field.kind !== "positional");
    if (options.length === 0) continue;
    const field = cases.one(options);
    const other = cases.maybe(0.3) ? undefined : cases.value(field, new Set(formsOf(form, values.path).flatMap((one) => one.fields.flatMap((of) => [...of.names, of.off]))));
    const line = change(form, toLine(form, values), level, keyOf(field), other);
    const wanted = structuredClone(values);
    if (other === undefined) delete wanted.levels[level][keyOf(field)];
    else wanted.levels[level][keyOf(field)] = other;
    const found = fromLine(form, line);
    const plain = ({ path, levels, kept }) => [path, levels, kept.map((one) => one.word)];
    if (!isDeepStrictEqual(plain(found), plain(wanted))) assert.deepEqual(plain(found), plain(wanted), `case ${n}: ${line}\n${JSON.stringify(form)}`);
  }
});

const option = (names, more = {}) => ({ kind: "option", type: "text", names, style: "word", least: 1, most: 1, ...more });
const flag = (names, more = {}) => ({ kind: "flag", type: "flag", names, least: 0, most: 0, ...more });
const place = (name, more = {}) => ({ kind: "positional", type: "text", names: [name], least: 1, most: 1, ...more });
const TOOL = {
  fields: [
    flag(["-v", "--verbose"], { type: "count" }), flag(["-x"]), option(["-f", "--file"]), option(["--timeout", "-t"]),
    flag(["--color"], { off: "--no-color" }), option(["--site"], { repeatable: true }), option(["--many"], { most: null }),
    option(["--level"], { least: 0, style: "equals" }), place("NAME", { most: null }), place("DEST"),
  ],
};  // prettier-ignore

test("a line as people type it is understood", () => {
  const read = (line) => fromLine(TOOL, line).levels[0];
  assert.deepEqual(read("-vv -xf 'a b' n d"), { "-v": 2, "-x": true, "-f": "a b", NAME: ["n"], DEST: "d" });
  assert.deepEqual(read("-fa b c d"), { "-f": "a", NAME: ["b", "c"], DEST: "d" });
  assert.deepEqual(read("--file=-x --timeout -5"), { "-f": "-x", "--timeout": "-5" });
  assert.deepEqual(read("a --site b --site c"), { NAME: ["a"], "--site": ["b", "c"] });
  assert.deepEqual(read("--many a b --level -- -n d"), { "--many": ["a", "b"], "--level": true, NAME: ["-n"], DEST: "d" });
  assert.deepEqual(read("--no-color"), { "--color": false });
  assert.deepEqual(read("--level=3"), { "--level": "3" });
});

test("what the form does not know is kept as typed, where it stood", () => {
  const found = fromLine(TOOL, "--wild=1 -t 3 -q --timeout");
  assert.deepEqual(found.kept, [{ at: 0, word: "--wild=1" }, { at: 3, word: "-q" }, { at: 4, word: "--timeout" }]);
  assert.equal(toLine(TOOL, found), "--wild=1 --timeout 3 -q --timeout");
  const full = { fields: [place("A")] };
  const dashed = fromLine(full, "a -- --odd b");
  assert.equal(toLine(full, dashed), "-- a --odd b");
  assert.deepEqual(fromLine(full, toLine(full, dashed)).levels, dashed.levels);
});

test("an option that stands more often than it may loses no word", () => {
  const found = fromLine(TOOL, "-t 1 -t 2");
  assert.deepEqual(found.levels[0], { "--timeout": ["1", "2"] });
  assert.equal(toLine(TOOL, found), "--timeout 1 --timeout 2");
});

test("an edit leaves quotes, order and spelling alone", () => {
  const line = `-t 1 "two words" --wild  -v 'd'`;
  assert.equal(change(TOOL, line, 0, "--timeout", "20"), `-t 20 "two words" --wild  -v 'd'`);
  assert.equal(change(TOOL, line, 0, "--timeout", undefined), `"two words" --wild  -v 'd'`);
  assert.equal(change(TOOL, line, 0, "-x", true), `-t 1 "two words" --wild  -v -x 'd'`);
  assert.equal(change(TOOL, line, 0, "NAME", ["one"]), `-t 1 one --wild  -v 'd'`);
  assert.equal(change(TOOL, "", 0, "--site", ["a b"]), "--site 'a b'");
  assert.equal(change(TOOL, "n d", 0, "--color", false), "--no-color n d");
  assert.equal(change(TOOL, "--color n d", 0, "--color", false), "--no-color n d");
});

test("an edit that cannot stand where it is typed writes the line anew", () => {
  assert.equal(change(TOOL, "n d", 0, "--many", ["a", "b"]), "--many a b -- n d");
  assert.equal(change(TOOL, "n d", 0, "DEST", "-d"), "-- n -d");
  assert.equal(change(TOOL, "-vx n d", 0, "-x", undefined), "--verbose n d");
});

test("subcommands are chosen, two levels deep, and their options stand behind them", () => {
  const form = {
    fields: [flag(["-q"])],
    aliases: { rem: "remote" },
    subcommands: { remote: { fields: [flag(["--all"])], subcommands: { add: { fields: [option(["-t"]), place("URL")] } } }, log: { fields: [] } },
  };
  const found = fromLine(form, "-q rem --all add -t x u");
  assert.deepEqual([found.path, found.levels], [["remote", "add"], [{ "-q": true }, { "--all": true }, { "-t": "x", URL: "u" }]]);
  assert.equal(change(form, "-q rem add u", 2, "-t", "b"), "-q rem add -t b u");
  assert.equal(change(form, "rem add -q u", 0, "-q", undefined), "rem add u");
  assert.equal(choose(form, "-q remote --all add u", 0, "log"), "-q log");
  assert.equal(choose(form, "", 0, "log"), "log");
  assert.equal(choose(form, "-q log --odd", 0, ""), "-q --odd");
});

test("an unfinished line says so instead of guessing", () => {
  for (const line of ["'a", 'x "b', "a\\"]) assert.throws(() => fromLine(TOOL, line), OpenLine);
});

test("words are split and quoted as the server does it", () => {
  assert.deepEqual(words(`a "b\\"c\\d" 'e f' g\\ h \\\n i"j"'k'`), ["a", 'b"c\\d', "e f", "g h", "i" + "j" + "k"]);
  assert.equal(join(["", "a b", "it's", "-x", "é"]), `'' 'a b' 'it'\\''s' -x 'é'`);
});
