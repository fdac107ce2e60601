"""How help texts are read, rule by rule; and that no text whatever harms a build."""

import argparse
import random
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from builder_service.help.clean import MOST_CHARACTERS, MOST_LINES
from builder_service.help.parse import parse
from shared.form import Field, Form

TEXTS = sorted((Path(__file__).parent / "help_texts").glob("*/*.txt"))


def form_of(text: str) -> Form:
    form = parse(text)
    assert form is not None
    return form


def field(text: str, name: str) -> Field:
    return next(one for one in form_of(text).fields if name in one.names)


@pytest.mark.parametrize(
    ("line", "facts"),
    [
        ("-o, --output FILE  where", {"type": "path", "least": 1, "most": 1, "style": "word"}),
        ("--output=FILE  where", {"style": "equals"}),
        ("--color[=WHEN]  how", {"least": 0, "most": 1, "style": "equals"}),
        ("-j[N]  jobs", {"names": ("-j",), "least": 0, "style": "attached"}),
        ("-nNUM  how many", {"names": ("-n",), "style": "attached", "type": "integer"}),
        ("--[no-]color  colours", {"kind": "flag", "names": ("--color",), "off": "--no-color"}),
        ("--fast / --safe  check", {"kind": "flag", "off": "--safe"}),
        ("-v, --verbose...  more", {"kind": "flag", "type": "count"}),
        ("--mode {a,b,c}  which", {"choices": ("a", "b", "c"), "type": "choice"}),
        ("--mode [a|b|c]  which", {"choices": ("a", "b", "c"), "least": 1}),
        ("--files [FILE ...]  which", {"least": 0, "most": None}),
        ("--site NAME [NAME ...]  which", {"least": 1, "most": None}),
        ("--range LOW HIGH  from to", {"least": 2, "most": 2}),
        ("--size <w> <h>  both", {"least": 2, "most": 2}),
        ("--include <glob>...  which", {"repeatable": True, "most": 1}),
        ("--input <files...>  which", {"most": None}),
        ("--file string   the name", {"metavar": "string", "kind": "option"}),
        ("--count int   how many (default 3)", {"type": "integer", "default": "3"}),
        ("--names strings   which", {"repeatable": True}),
        ("--level <n>  how [default: 3] [possible values: 1, 2, 3]", {"choices": ("1", "2", "3"), "default": "3"}),
        ('--to <x>  target (choices: "a b", "c", default: "c")', {"choices": ("a b", "c"), "default": "c"}),
        ("--name TEXT  who  [required]", {"required": True}),
        ("--opt VALUE  may be given multiple times", {"repeatable": True}),
        ("--depth N  Defaults to 7.", {"default": "7"}),
        ("--where DIR  by default the default folder", {"default": None}),
        ("--where X  the default is `a b`", {"default": "a b"}),
        ("-X, --exec <cmd>  run", {"names": ("-X", "--exec")}),
        ("-V | --version  show", {"names": ("-V", "--version")}),
    ],
)  # fmt: skip
def test_an_option_is_read(line: str, facts: dict[str, object]) -> None:
    form = form_of(f"usage: tool [options]\n\noptions:\n  {line}\n")
    assert len(form.fields) == 1
    assert {name: getattr(form.fields[0], name) for name in facts} == facts


def test_rich_boxes_are_read_with_wrapped_columns() -> None:
    text = """
 Usage: tool [OPTIONS] NAME

 Greets.

╭─ Arguments ───────────────────────────────────────────────────────╮
│ *    name      TEXT  Whom to greet, at some length, so that it    │
│                      wraps [required]                             │
╰───────────────────────────────────────────────────────────────────╯
╭─ Options ─────────────────────────────────────────────────────────╮
│ *  --count    -c      INTEGER RANGE [x>=1]  How often [required]  │
│    --style            [plain|bold|          Which look            │
│                       blink]                [default: plain]      │
│    --formal       --no-formal               Formally              │
╰───────────────────────────────────────────────────────────────────╯
╭─ Looks ───────────────────────────────────────────────────────────╮
│ --colour      TEXT  Which one                                     │
╰───────────────────────────────────────────────────────────────────╯
"""
    form = form_of(text)
    count, style, formal, colour, name = form.fields
    assert (count.names, count.required, count.type) == (("--count", "-c"), True, "integer")
    assert (style.choices, style.default, style.help) == (
        ("plain", "bold", "blink"), "plain", "Which look [default: plain]",
    )  # fmt: skip
    assert (formal.names, formal.off) == (("--formal",), "--no-formal")
    assert (colour.group, form.groups) == ("Looks", ("Looks",))
    assert (name.kind, name.required) == ("positional", True)
    assert name.help == "Whom to greet, at some length, so that it wraps [required]"
    assert form.about == "Greets."


def test_subcommands_under_titles_of_their_own_are_found() -> None:
    text = "Usage: tool [OPTIONS] COMMAND [ARGS]...\n\nPlugins:\n  auth  Sign in\n  org   Visit\n"
    other = "\nHelp topics:\n  actions  Read of them\n\nExit codes:\n  ok  All went well\n"

    assert list(form_of(text + other).subcommands) == ["auth", "org"]


def test_picocli_and_go_flag_texts_are_read() -> None:
    picocli = """Usage: checksum [-hV] [-a=<algorithm>] <file>
Prints the checksum (SHA-256 by default) of a file to STDOUT.
      <file>      The file whose checksum to calculate.
  -a, --algorithm=<algorithm>
                  MD5, SHA-1, SHA-256, ...
  -h, --help      Show this help message and exit.
  -V, --version   Print version information and exit.
"""
    form = form_of(picocli)
    assert [one.names for one in form.fields] == [("-a", "--algorithm"), ("-h", "--help"), ("-V", "--version"), ("file",)]  # fmt: skip
    go = 'Usage of serve:\n  -addr string\n    \tlisten here (default ":80")\n  -v\tverbose\n'
    assert field(go, "-addr").default == ":80"
    assert field(go, "-v").kind == "flag"


def test_a_short_list_of_options_in_the_usage_alone_is_enough() -> None:
    form = form_of("usage: tool [-AbX] [-o file] [-F config] name [value ...]\n")
    assert [one.names[0] for one in form.fields] == ["-A", "-b", "-X", "-o", "-F", "name", "value"]
    assert [one.kind for one in form.fields[3:5]] == ["option", "option"]


def test_docopt_aliases_in_the_usage_join_one_field() -> None:
    form = form_of("Usage:\n  tool <a>\n  tool -h | --help\n\nOptions:\n  -q  quiet\n")
    assert ("-h", "--help") in [one.names for one in form.fields]


WORDS = (
    "alpha",
    "bravo",
    "charlie",
    "delta",
    "echo",
    "foxtrot",
    "golf",
    "hotel",
    "of",
    "the",
    "file",
)
HEADS = (None, "COMMAND", "TYPE", "action", "<command>", "THE_ACTION_THAT_IS_MEANT", "")


def sentence(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=chance.randrange(2, 18))).capitalize() + "."


def some_argparse(chance: random.Random) -> tuple[str, object]:
    """A help text as argparse writes it, and what it says: options, positionals, subcommands."""
    parser = argparse.ArgumentParser(prog=chance.choice(("x", "some-longer-program", "python -m thing")), description=sentence(chance))  # fmt: skip
    options = {("-h", "--help")}
    places: list[tuple[str, int, int | None]] = []
    subcommands: list[str] = []
    for n in range(chance.randrange(12)):
        names = (f"-{'abcdefgijklm'[n]}", f"--{'-'.join(chance.sample(WORDS, chance.randrange(1, 4)))}{n}")  # fmt: skip
        options.add(names)
        values = chance.choice(("?", "*", "+", 2, None))
        help_ = chance.choice((None, sentence(chance)))
        if chance.random() < 0.4:
            parser.add_argument(*names, action="store_true", help=help_)
        else:
            parser.add_argument(*names, nargs=values, help=help_)
    for n in range(chance.randrange(3)):
        places.append((f"{chance.choice(WORDS)}{n}", 1, 1))
        parser.add_argument(places[-1][0], help=sentence(chance))
    if chance.random() < 0.7:
        chosen: dict[str, Any] = {"metavar": chance.choice(HEADS)}
        if chosen["metavar"] or chance.random() < 0.5:
            chosen["title"] = chance.choice(("commands", "positional arguments"))
        if chosen["metavar"] != "":
            chosen["help"] = chance.choice((None, sentence(chance)))
        below = parser.add_subparsers(**chosen)
        for n in range(chance.randrange(1, 8)):
            subcommands.append(f"{'-'.join(chance.sample(WORDS, chance.randrange(1, 4)))}{n}")
            below.add_parser(subcommands[-1], aliases=[f"a{n}", f"b{n}"] if n % 3 else [], help=sentence(chance))  # fmt: skip
    elif chance.random() < 0.6:
        many = chance.choice(("*", "+", "?", argparse.REMAINDER))
        parser.add_argument("rest", nargs=many, help=sentence(chance))
        places.append(("rest", int(many == "+"), 1 if many == "?" else None))
    return parser.format_help(), (options, places, subcommands)


def test_whatever_argparse_writes_is_read_as_it_was_meant(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for seed in range(150):
        try:
            text, meant = some_argparse(random.Random(seed))
        except AssertionError:  # argparse itself fails to wrap an empty metavar
            continue
        form = form_of(text)
        places = [(one.names[0], one.least, one.most) for one in form.fields if one.kind == "positional"]  # fmt: skip
        options = {one.names for one in form.fields if one.kind != "positional"}
        assert (options, places, list(form.subcommands)) == meant, text


def test_what_follows_two_dashes_is_not_a_field() -> None:
    form = form_of("usage: tool [options] DIR [-- ARGS...]\n\noptions:\n  -x  y\n")
    assert [one.names[0] for one in form.fields] == ["-x", "DIR"]


def test_the_words_of_a_subcommand_are_no_positionals() -> None:
    form = parse("usage: tool remote add NAME URL\n\noptions:\n  -t B  track\n", ("remote", "add"))
    assert form is not None
    assert [one.names[0] for one in form.fields] == ["-t", "NAME", "URL"]


@pytest.mark.parametrize(
    "text",
    ["", "hello", "1.2.3\n", "\x00\x01\x02", "Traceback (most recent call last):\n  File\n", "\n" * 5000],
)  # fmt: skip
def test_nonsense_is_no_form(text: str) -> None:
    assert parse(text) is None


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text(alphabet=" \n\t-=[]<>{}()|,./:*'\"aAoO1│╭╰─╮╯\x1b\x08…é", max_size=400))
def test_no_text_raises(text: str) -> None:
    form = parse("usage: " + text)
    assert form is None or Form.model_validate_json(form.model_dump_json()) == form


def test_no_mutilated_help_raises() -> None:
    chance = random.Random(7)
    for path in TEXTS:
        lines = path.read_text().splitlines()[:160]
        chance.shuffle(lines)
        cut = [
            line[chance.randrange(len(line) + 1) :] if chance.random() < 0.2 else line
            for line in lines
        ]
        parse("\n".join(cut))


HOSTILE = {
    "brackets": "usage: x " + "[" * 260_000,
    "nested": "usage: x " + "[a " * 80_000,
    "options": "  -a, --aaa  x\n" * 18_000,
    "names": "  " + ", ".join(f"--a{n}" for n in range(40_000)),
    "blanks": "  --a" + " " * 260_000 + "b",
    "many blanks": ("  --a" + " " * 3000 + "\n") * 80,
    "defaults": "  --a X  " + "default " * 32_000,
    "open defaults": "  --a X  " + "[default: (" * 23_000,
    "choices": "  --a {" + ",".join("abc" for _ in range(60_000)),
    "bars": "  --a [" + "a|" * 120_000 + "a]",
    "escapes": "\x1b[" * 130_000,
    "long escapes": ("\x1b[" + "0;" * 60) * 2100,
    "overstrikes": "usage\x08" * 40_000,
    "boxes": "╭─ Options ─╮\n" + "│ * -a  b  c │\n" * 10_000,
    "headings": "Options:\n" * 28_000,
    "commands": "Commands:\n" + "  a  b\n" * 35_000,
    "dashes": "-" * 260_000,
    "quotes": '  --a "' * 30_000,
    "wide": ("  --a" + "b" * 3990 + "\n") * 64,
    "usages": "usage: x a\n" * 23_000,
    "dots": "usage: x " + "a... " * 50_000,
    "required": "  --a X  " + "(required" * 28_000,
    "titles": ("word " * 18 + "\n\n  -x\n") * 2400,
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_a_hostile_text_is_read_in_bounded_time(name: str) -> None:
    began = time.process_time()
    form = parse(HOSTILE[name])
    assert time.process_time() - began < 4
    assert form is None or len(form.model_dump_json()) < 1_500_000


def test_what_stands_after_the_limit_is_not_read() -> None:
    late = "\nOptions:\n  --late  too late\n"
    assert parse("word\n" * 1000 + late) is not None
    assert parse("word " * (MOST_CHARACTERS // 5) + late) is None
    assert parse("word\n" * MOST_LINES + late) is None
