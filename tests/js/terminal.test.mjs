// The terminal that logs go through: run by tests/web/test_scripts.py with node's own test runner.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Terminal } from "../../web/static/js/ansi.js";
import { StreamBytes, bytesOf } from "../../web/static/js/stream-bytes.js";
import { duration, relative, running } from "../../web/static/js/times.js";
import { looksLikeJson, pieces, quoted } from "../../web/static/js/words.js";

const textOf = (runs) => (runs ?? []).map((run) => run[0]).join("");

function printed(...parts) {
  const terminal = new Terminal();
  const lines = parts.flatMap((part) => terminal.feed(part)).map((line) => textOf(line.runs));
  return [...lines, ...(terminal.open ? [textOf(terminal.open)] : [])];
}

function styled(text) {
  const terminal = new Terminal();
  terminal.feed(text);
  return (terminal.open ?? []).map(([part, style]) => [part, style.classes, style.fg, style.bg]);
}

test("lines end at LF and CRLF, an unfinished one stays open", () => {
  assert.deepEqual(printed("one\ntwo\r\nthree"), ["one", "two", "three"]);
});

test("a carriage return overwrites, so that a progress bar keeps one line", () => {
  assert.deepEqual(printed("10 %\r 50 %\r100 %\ndone"), ["100 %", "done"]);
  assert.deepEqual(printed("abcdef\rXY"), ["XYcdef"]);
});

test("CR and LF in different chunks are one line end", () => {
  assert.deepEqual(printed("one\r", "\ntwo"), ["one", "two"]);
});

test("backspace, erase in line and column moves are obeyed", () => {
  assert.deepEqual(printed("abc\b\bX"), ["aXc"]);
  assert.deepEqual(printed("abcdef\r\x1b[Kgh"), ["gh"]);
  assert.deepEqual(printed("abcdef\x1b[3D\x1b[K"), ["abc"]);
  assert.deepEqual(printed("abc\x1b[2K\rz"), ["z"]);
  assert.deepEqual(printed("abc\x1b[10Gz"), ["abc      z"]);
});

test("overwriting never splits a character of two code units", () => {
  assert.deepEqual(printed("🐮🐮🐮\r🐔"), ["🐔🐮🐮"]);
});

test("colours become classes from a fixed list", () => {
  assert.deepEqual(styled("\x1b[1;31mred\x1b[0m plain"), [
    ["red", "a1 f1", null, null],
    [" plain", "", null, null],
  ]);
  assert.deepEqual(styled("\x1b[93;44mx"), [["x", "f11 b4", null, null]]);
  assert.deepEqual(styled("\x1b[1m\x1b[22mx\x1b[31m\x1b[39my"), [["xy", "", null, null]]);
});

test("256 and true colours become numbers, never text", () => {
  assert.deepEqual(styled("\x1b[38;5;196mx"), [["x", "", [255, 0, 0], null]]);
  assert.deepEqual(styled("\x1b[48;2;1;2;3mx"), [["x", "", null, [1, 2, 3]]]);
  assert.deepEqual(styled("\x1b[38;2;999;0;0mx"), [["x", "", null, null]]);
  assert.deepEqual(styled("\x1b[38;5mx\x1b[38;2;1mx"), [["xx", "", null, null]]);
});

test("OSC, DCS and their like are dropped whole: titles, links, clipboard", () => {
  assert.deepEqual(printed("a\x1b]0;title\x07b"), ["ab"]);
  assert.deepEqual(printed("\x1b]8;;http://evil.example/\x1b\\link\x1b]8;;\x1b\\"), ["link"]);
  assert.deepEqual(printed("\x1b]52;c;", "aGVsbG8=\x07ok"), ["ok"]);
  assert.deepEqual(printed("\x1bPq#0;2;0;0;0\x1b\\ok"), ["ok"]);
  assert.deepEqual(printed("\x9d0;title\x9cok"), ["ok"]);
});

test("a string sequence that never ends does not swallow the rest of the log", () => {
  assert.ok(printed("\x1b]0;" + "x".repeat(70_000) + "\nafter").at(-1).endsWith("after"));
});

test("other sequences vanish and leave the text", () => {
  assert.deepEqual(printed("\x1b[?25l\x1b[2J\x1b[1;1H\x1b(Ba\x1b[6n\x07\x00b\x1b[31"), ["ab"]);
});

test("a sequence split between chunks is one sequence", () => {
  assert.deepEqual(printed("a\x1b", "[3", "1mb\x1b[", "0mc"), ["abc"]);
});

test("a very long line goes on in further rows and loses nothing", () => {
  const terminal = new Terminal();
  const finished = terminal.feed("x".repeat(25_000) + "\n");
  assert.deepEqual(finished.map((line) => line.wrapped), [true, true, false]);
  assert.equal(finished.map((line) => textOf(line.runs)).join("").length, 25_000);
});

test("a hostile cursor move costs little", () => {
  const began = Date.now();
  printed(("\x1b[999999999Cx\r").repeat(500) + "\x1b[99999999999999999999m");
  assert.ok(Date.now() - began < 5000);
});

test("a progress bar of many steps is cheap", () => {
  const terminal = new Terminal();
  const began = Date.now();
  for (let i = 0; i < 20_000; i++) terminal.feed(`\r${i} ${"#".repeat(80)}`);
  assert.ok(Date.now() - began < 5000);
  assert.match(textOf(terminal.open), /^19999 #/);
});

test("UTF-8 is decoded across chunks, each stream by itself", () => {
  const whole = new TextEncoder().encode("Grüße ✓ 🐮");
  const stream = new StreamBytes();
  let text = "";
  for (let i = 0; i < whole.length; i++) text += stream.take(i, whole.subarray(i, i + 1)).text;
  assert.equal(text + stream.end(), "Grüße ✓ 🐮");
});

test("bytes that were seen are skipped, bytes that are missing are told", () => {
  const stream = new StreamBytes();
  const bytes = (text) => new TextEncoder().encode(text);
  assert.equal(stream.take(0, bytes("abcd")).text, "abcd");
  assert.equal(stream.take(2, bytes("cdef")).text, "ef");
  assert.equal(stream.take(0, bytes("ab")).text, "");
  assert.deepEqual(stream.take(10, bytes("z")), { text: "z", missing: 4 });
  assert.equal(stream.next, 11);
});

test("a reader that begins inside a stream begins with a whole line", () => {
  const stream = new StreamBytes(5);
  assert.equal(stream.take(5, new TextEncoder().encode("rest of line")).text, "");
  assert.equal(stream.take(17, new TextEncoder().encode("\nnext")).text, "next");
});

test("invalid bytes become replacement characters and base64 is exact", () => {
  assert.deepEqual([...bytesOf("/wD+")], [255, 0, 254]);
  assert.equal(new StreamBytes().take(0, bytesOf("/0E=")).text, "\ufffdA");
});

test("words of a command line add up to it", () => {
  const line = `-o "my file.txt" 'it'\\''s'  a\\ b "unclosed`;
  assert.equal(pieces(line).map((piece) => piece.text).join(""), line);
  const words = pieces(line).map((piece) => piece.word).filter((word) => word !== null);
  assert.deepEqual(words, ["-o", "my file.txt", "it's", "a b", "unclosed"]);
});

test("a dropped file's name is quoted as one word", () => {
  for (const name of ["plain.txt", "two words.txt", "it's", "$HOME", "a\nb", "*"]) {
    const [only] = pieces(quoted(name));
    assert.equal(only.word, name);
    assert.equal(pieces(quoted(name)).length, 1);
  }
  assert.equal(quoted("plain.txt"), "plain.txt");
});

test("JSON is told from a command line", () => {
  assert.ok(looksLikeJson(' \u2003["a"]'));
  assert.ok(looksLikeJson('{"0": "a"}'));
  assert.ok(!looksLikeJson('"http://www.example.org"'));
});

test("times are said as people say them", () => {
  assert.equal(relative(0, 4000), "just now");
  assert.equal(relative(0, 61_000), "1 min ago");
  assert.equal(relative(3 * 86_400_000, 0), "in 3 days");
  assert.equal(duration(0.42), "0.4 s");
  assert.equal(running(9.9), "9 s");
  assert.equal(running(61), "1:01");
  assert.equal(duration(187), "3:07");
  assert.equal(duration(3723), "1:02:03");
});
