"""Variables and quotes as Dockerfiles have them: `$A`, `${A:-b}`, `"a b"`, `a\\ b`. Pure."""

import re
from collections.abc import Mapping

from builder_service.own_dockerfile.refused import Refused

_VARIABLE = re.compile(r"\$(?:(\w+)|\{(\w+)(?:(:?[-+])((?:[^{}]|\$\{[^{}]*\})*))?\})")
_MOST = 32 * 1024


def expand(text: str, values: Mapping[str, str]) -> str:
    """The text with its variables replaced; inside single quotes and after a backslash they stay."""
    out: list[str] = []
    at, size, quoted = 0, 0, False
    while at < len(text):
        piece, step = text[at], 1
        if piece == "'":
            quoted = not quoted
        elif piece == "\\" and not quoted:
            following = text[at + 1 : at + 2]
            piece, step = ("$" if following == "$" else piece + following), 2
        elif piece == "$" and not quoted:
            found = _VARIABLE.match(text, at)
            if found is not None:
                piece, step = _value(found, values), len(found[0])
            elif text.startswith("${", at):
                raise Refused(f"the variable in {text[at : at + 40]!r} is not understood")
        out.append(piece)
        at, size = at + step, size + len(piece)
        if size > _MOST:  # variables that double each other
            raise Refused("a variable is too long")
    return "".join(out)


def _value(found: "re.Match[str]", values: Mapping[str, str]) -> str:
    name, how, other = found[1] or found[2], found[3], found[4] or ""
    value = values.get(name)
    present = bool(value) if how in (":-", ":+") else value is not None
    if how in (":-", "-"):
        return (value or "") if present else expand(other, values)
    if how in (":+", "+"):
        return expand(other, values) if present else ""
    return value or ""


def split(text: str) -> list[str]:
    """Words at white space, quotes and backslashes taken away."""
    words: list[str] = []
    word: list[str] = []
    begun, quote, at = False, "", 0
    while at < len(text):
        char = text[at]
        following = text[at + 1 : at + 2]
        if char.isspace() and not quote:
            if begun:
                words.append("".join(word))
            word, begun = [], False
        elif char == quote:
            quote = ""
        elif char in "'\"" and not quote:
            quote, begun = char, True
        elif char == "\\" and following and (not quote or (quote == '"' and following in '"\\')):
            word.append(following)
            begun = True
            at += 1
        else:
            word.append(char)
            begun = True
        at += 1
    if begun:
        words.append("".join(word))
    return words


def pairs(text: str) -> list[tuple[str, str]]:
    """`A=1 B="2 3"`, or the old form `A the rest`."""
    first = text.split(None, 1)
    if not first:
        raise Refused("an ENV is empty")
    if "=" not in first[0]:
        return [(first[0], first[1].strip() if len(first) > 1 else "")]
    found = []
    for word in split(text):
        name, _, value = word.partition("=")
        found.append((name, value))
    return found
