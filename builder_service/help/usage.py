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
_RUNTIME = re.compile(r"(?:\S*/)?(?:python|java|node|perl|ruby|Rscript|bash|sh|npx)[\d.]*")
_SCRIPT = re.compile(r"[\w./-]+\.(?:py|js|mjs|cjs|pl|rb|R|sh|jar)")
_WORD = re.compile(r"[\w./:@%+#*-]+")
_CLOSING = {"[": "]", "<": ">", "{": "}", "(": ")"}
_DEEPEST = 20

Arities = Mapping[str, tuple[int, int | None]]
"""By an option's name, how many values follow at least and at most."""


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
    commands: list[str] = field(default_factory=list)
    """The subcommands themselves, where it lists them (`{add,remove} ...`)."""
    heads: set[str] = field(default_factory=set)
    """What dots of their own follow: argparse's word for a subcommand, which may be empty."""


def read(lines: Sequence[str], words: Sequence[str], arities: Arities) -> Usage:
    """The usage of the command that `words` (subcommands) name; `arities` knows the options."""
    best = Usage()
    for n, alternative in enumerate(_alternatives(lines)[:12]):
        usage = Usage()
        tokens = _tokens(alternative[:40_000])
        _walk(_after_program(tokens, words), usage, arities, optional=False, depth=0)
        best.subcommand = best.subcommand or usage.subcommand
        best.commands = best.commands or usage.commands
        best.heads |= usage.heads
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


def _length(tokens: Sequence[str]) -> int:
    """Words of the program itself: `python -m x` and `java -jar x.jar` are three."""
    if not _RUNTIME.fullmatch(tokens[0] if tokens else ""):
        return 1
    if tokens[1:2] in (["-m"], ["-jar"], ["-cp"]):
        return 3
    return 2 if _SCRIPT.fullmatch(tokens[1] if len(tokens) > 1 else "") else 1


def _after_program(tokens: list[str], words: Sequence[str]) -> list[str]:
    """Without the program and the subcommands that were asked for."""
    if tokens and tokens[0] in ("$", ">", "%"):
        tokens = tokens[1:]
    rest = tokens[_length(tokens) :]
    while words and rest[:1] and rest[0] in words:
        rest = rest[1:]
    plain = 0
    while plain < len(rest) and re.fullmatch(r"[a-z][a-z0-9_-]*", rest[plain]):
        plain += 1
    if not words and 0 < plain < len(rest) and rest[plain][0] != "|":
        return rest[plain:]  # `python -m x`, `uv pip install`: still the command's own words
    return rest


def _walk(tokens: list[str], usage: Usage, arities: Arities, *, optional: bool, depth: int) -> None:
    n = 0
    while n < len(tokens):
        token = tokens[n]
        following = tokens[n + 1] if n + 1 < len(tokens) else ""
        if token.lower() in ("...", "…", "|", "--", "or", "&", "[--]", "[...]"):
            if token in ("...", "…") and depth == 0 and not usage.commands:
                usage.heads.add(usage.places[-1].name if usage.places else "")
            if token in ("...", "…", "[...]") and usage.places and not usage.commands:
                usage.places[-1].most = None
            if token in ("|", "or") and not following.startswith(
                "-"
            ):  # another way to say the same
                n += 1
        elif token.startswith("[--") and token[3:4] in " ]":
            pass  # what stands after `--` belongs to another program
        elif token.startswith("-") and len(token) > 1:
            n += _option(tokens, n, usage, arities, optional=optional)
        else:
            _element(token, following, usage, arities, optional=optional, depth=depth)
        n += 1


def _option(tokens: list[str], n: int, usage: Usage, arities: Arities, *, optional: bool) -> int:
    """Notes an option of the usage; how many of the following tokens are its value or other spelling."""
    token = tokens[n]
    following = tokens[n + 1] if n + 1 < len(tokens) else ""
    names = token.split("|")
    name = re.split(r"[=\[<{]", names[0], maxsplit=1)[0]
    if following == "|" and n + 2 < len(tokens) and _same(name, tokens[n + 2]):
        usage.options.append(f"{name}, {tokens[n + 2]}")
        return 2
    values = 0
    if "=" not in token and following and not following.startswith(("-", "|")):
        values = _values(tokens[n + 1 :], arities.get(name), optional=optional)
    written = ", ".join(names) if all(other.startswith("-") for other in names) else names[0]
    usage.options.append(" ".join([written, *tokens[n + 1 : n + 1 + values]]))
    if not optional and "|" not in tokens:
        usage.required.add(name)
    return values


def _values(after: Sequence[str], arity: tuple[int, int | None] | None, *, optional: bool) -> int:
    """How many of the tokens after an option are its values."""
    if arity is None:
        alone = optional and len(after) == 1  # `[-F configfile]`: nothing else can be meant
        return int(alone or not re.fullmatch(r"\[.*\]|[a-z]+", after[0]))
    least, most = arity
    if optional or most == 1:  # in its brackets, all that stands there
        least = len(after) if most is None else most
    elif most != least and after[least : least + 1] and after[least].startswith("["):
        least += 1  # `-f FILE [FILE ...]`
    values = 0
    while values < min(least, len(after)) and not after[values].startswith(("-", "|")):
        values += 1
    return values


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
    arities: Arities,
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
            usage.commands += choices if depth == 0 else []
        elif len(choices) == 1:
            usage.places.append(Place(choices[0], int(not optional), None if dots else 1))
        else:
            usage.places.append(Place("choice", int(not optional), 1, choices))
        return
    if opening in "[<" and closed and _MEANS_OPTIONS.fullmatch(inner.strip(" .")):
        return
    if opening in "[(" and closed:
        before = len(usage.places)
        _walk(_tokens(inner), usage, arities, optional=optional or opening == "[", depth=depth + 1)
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
