"""The usage line: which positionals there are, in which order, and which options must be given."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

_PLACEHOLDER = re.compile(
    r"(?:(?:global|command|common|general|more|other|program|tool)?[ _-]?(?:options?|flags?|opts?|switches)s?)",
    re.I,
)
_MEANS_OPTIONS = re.compile(
    r"(?:\w[\w -]{0,60})?\b(?:options?|flags?|opts?|switches)(?:[ ;,\w]{0,40})", re.I
)
_PLURAL = re.compile(r"(?:\w+_)?(?:files|paths|dirs|directories|inputs|words|urls|filenames)", re.I)
_SUBCOMMAND = re.compile(r"(?:sub)?-?_?(?:commands?|cmd|action)", re.I)
_REST = re.compile(r"(?:command[ _-])?(?:args?|arguments?)(?:\.\.\.)?", re.I)
_WORD = re.compile(r"[\w./:@%+#*-]+")
_CLOSING = {"[": "]", "<": ">", "{": "}", "(": ")"}
_DEEPEST = 20


@dataclass
class Place:
    """One positional of the usage."""

    name: str
    least: int
    most: int | None
    choices: list[str] = field(default_factory=list)


@dataclass
class Usage:
    """What the usage tells beyond the sections."""

    places: list[Place] = field(default_factory=list)
    required: set[str] = field(default_factory=set)
    options: list[str] = field(default_factory=list)
    """Options as the usage writes them (`-o FILE`), for texts without a list of options."""
    subcommand: bool = False
    """Whether a subcommand has a place in it."""


def read(lines: Sequence[str], words: Sequence[str], takes_value: Mapping[str, bool]) -> Usage:
    """The usage of the command that `words` (subcommands) name; `takes_value` knows the options."""
    best = Usage()
    for n, alternative in enumerate(_alternatives(lines)[:12]):
        usage = Usage()
        tokens = _tokens(alternative[:4000])
        _walk(_after_program(tokens, words), usage, takes_value, optional=False, depth=0)
        best.subcommand = best.subcommand or usage.subcommand
        best.options += [option for option in usage.options if option not in best.options]
        if not best.places and usage.places:
            best.places = usage.places
            best.required = usage.required
        elif n == 0:
            best.required = usage.required
    return best


def _alternatives(lines: Sequence[str]) -> list[str]:
    """Each way to call it as one line; deeper lines go on with the one before."""
    found: list[str] = []
    program = ""
    for line in lines:
        text = line.strip()
        if re.match(r"or:?\s", text, re.I):
            text = text.split(None, 1)[1] if " " in text else ""
            found.append(text)
        elif not found or text.split(" ", 1)[0].rstrip(":") == program or text.startswith("$ "):
            found.append(text)
        else:
            found[-1] += f" {text}"
        program = program or found[0].split(" ", 1)[0]
    return found


def _tokens(text: str) -> list[str]:
    """Words, brackets kept together; dots that follow a bracket belong to it."""
    out: list[str] = []
    closing: list[str] = []
    word = ""
    for char in text:
        if closing and char == closing[-1]:
            closing.pop()
        elif char in _CLOSING:
            closing.append(_CLOSING[char])
        if char == " " and not closing:
            if word:
                out.append(word)
            word = ""
        else:
            word += char
    return [*out, word] if word else out


def _after_program(tokens: list[str], words: Sequence[str]) -> list[str]:
    """Without the program and the subcommands that were asked for."""
    if tokens and tokens[0] in ("$", ">", "%"):
        tokens = tokens[1:]
    rest = tokens[1:]
    while words and rest[:1] and rest[0] in words:
        rest = rest[1:]
    plain = 0
    while plain < len(rest) and re.fullmatch(r"[a-z][a-z0-9_-]*", rest[plain]):
        plain += 1
    if not words and 0 < plain < len(rest) and rest[plain][0] != "|":
        return rest[plain:]  # `python -m x`, `uv pip install`: still the command's own words
    return rest


def _walk(
    tokens: list[str], usage: Usage, takes_value: Mapping[str, bool], *, optional: bool, depth: int
) -> None:
    n = 0
    while n < len(tokens):
        token = tokens[n]
        following = tokens[n + 1] if n + 1 < len(tokens) else ""
        if token.lower() in ("...", "…", "|", "--", "or", "&", "[--]", "[...]"):
            if token in ("...", "…", "[...]") and usage.places:
                usage.places[-1].most = None
            if token in ("|", "or") and not following.startswith(
                "-"
            ):  # another way to say the same
                n += 1
        elif token.startswith("[--") and token[3:4] in " ]":
            pass  # what stands after `--` belongs to another program
        elif token.startswith("-") and len(token) > 1:
            n += _option(tokens, n, usage, takes_value, optional=optional)
        else:
            _element(token, following, usage, takes_value, optional=optional, depth=depth)
        n += 1


def _option(
    tokens: list[str], n: int, usage: Usage, takes_value: Mapping[str, bool], *, optional: bool
) -> int:
    """Notes an option of the usage; how many of the following tokens are its value or other spelling."""
    token = tokens[n]
    following = tokens[n + 1] if n + 1 < len(tokens) else ""
    names = token.split("|")
    name = re.split(r"[=\[<{]", names[0], maxsplit=1)[0]
    if following == "|" and n + 2 < len(tokens) and _same(name, tokens[n + 2]):
        usage.options.append(f"{name}, {tokens[n + 2]}")
        return 2
    value = "=" not in token and bool(following) and not following.startswith(("-", "|"))
    known = takes_value.get(name)
    if known is None:
        alone = optional and len(tokens) == 2  # `[-F configfile]`: nothing else can be meant
        value = value and (alone or not re.fullmatch(r"\[.*\]|[a-z]+", following))
    else:
        value = value and known
    written = ", ".join(names) if all(other.startswith("-") for other in names) else names[0]
    usage.options.append(f"{written} {following}" if value else written)
    if not optional and "|" not in tokens:
        usage.required.add(name)
    return int(value)


def _same(short: str, long: str) -> bool:
    return (
        len(short) == 2
        and long.startswith("--")
        and short[1:].lower() == long[2:3].lower()
        and "=" not in long
    )


def _element(
    token: str,
    following: str,
    usage: Usage,
    takes_value: Mapping[str, bool],
    *,
    optional: bool,
    depth: int,
) -> None:
    dots = token.endswith(("...", "…"))
    bare = token.rstrip(".…,")
    if not bare or depth > _DEEPEST:
        return
    opening = bare[0]
    closed = opening in _CLOSING and bare.endswith(_CLOSING[opening])
    inner = bare[1:-1].strip() if closed else bare
    if opening == "{" and closed:
        choices = [part.strip() for part in re.split(r"[,|]", inner)]
        if following in ("...", "…") or len(inner) > 200:
            usage.subcommand = True
        elif len(choices) == 1:
            usage.places.append(Place(choices[0], int(not optional), None if dots else 1))
        else:
            usage.places.append(Place("choice", int(not optional), 1, choices))
        return
    if opening in "[<" and closed and _MEANS_OPTIONS.fullmatch(inner.strip(" .")):
        return
    if opening in "[(" and closed:
        before = len(usage.places)
        _walk(
            _tokens(inner), usage, takes_value, optional=optional or opening == "[", depth=depth + 1
        )
        if dots:
            for place in usage.places[before:]:
                place.most = None
        _fold(usage, before)
        return
    inner = inner.strip(" .…") if closed else inner
    if "|" in inner:
        inner = inner.split("|")[0].strip("<> ")
    dots = dots or (closed and bare[:-1].rstrip().endswith(("...", "…", "..")))
    name = inner.strip("<>[]{}()\"'= ")
    if not name or name.startswith("-"):
        return
    if _PLACEHOLDER.fullmatch(name):
        return
    if _SUBCOMMAND.fullmatch(name):
        usage.subcommand = True
        usage.places.append(Place(name, int(not optional), None if dots else 1))
        return
    if not (closed or _WORD.fullmatch(name)):
        return
    dots = dots or bool(_PLURAL.fullmatch(name))
    usage.places.append(Place(name[:80], int(not optional), None if dots else 1))


def _fold(usage: Usage, start: int) -> None:
    """`FILE [FILE ...]` is one place with many values."""
    places = usage.places
    if 0 < start < len(places) and len(places) == start + 1:
        before, last = places[start - 1], places[start]
        if before.name.strip("<>").lower().rstrip("s12") == last.name.strip("<>").lower().rstrip("s12") and last.least == 0:  # fmt: skip
            before.most = None if last.most is None else (before.most or 1) + last.most
            places.pop()


def is_rest(name: str) -> bool:
    """A place that only says that more may follow a subcommand."""
    return bool(_REST.fullmatch(name))


def is_subcommand(name: str) -> bool:
    """A place where a subcommand is meant."""
    return bool(_SUBCOMMAND.fullmatch(name))
