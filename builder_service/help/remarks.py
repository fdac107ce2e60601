"""What an option's help says of it in passing: default, choices, required, repeated, its kind of value."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

_TAG = re.compile(
    r"\[(boolean|string|number|array|count|required|deprecated|multiple|repeatable|integer)\]", re.I
)
_DEFAULT = re.compile(r"\bdefaults?(?: value)?(?:\s+(?:is|to|of|are)\b)?\s?[:=]?\s*", re.I)
_CHOICES = re.compile(
    r"[\[(](?:choices|possible values|one of|options|allowed|accepted values|values)\s?(?:are|:|=)\s*",
    re.I,
)
_CHOICE_LIST = re.compile(r"(?:possible|allowed|accepted|valid) values:$", re.I)
_BULLET = re.compile(r"- ([\w.+:@/-]{1,60})(?::(?:\s|$)|$)")
_REQUIRED = re.compile(r"[\[(;]\s?(?:required|mandatory)\b\s?[\]);.]", re.I)
_REPEATED = re.compile(
    r"\b(?:(?:multiple|several) times|more than once|(?:can|may) be repeated|is repeatable"
    r"|repeatable\b|multi-allowed|(?:specified|given|used|passed|supplied|provided) (?:multiple|repeatedly)"
    r"|multiple options|allows? multiple|multiple allowed|can be (?:specified|used) multiple)",
    re.I,
)
_COUNTED = re.compile(
    r"\b(?:use|specify|give|repeat|pass) (?:it )?(?:twice|thrice|\d times)|\badditive\b|\bcan be used up to"
    r"|-vv\b|\btwice (?:for|to)\b|increase(?:s)? (?:the )?verbosity with each"
    r"|\brepeat(?:ed)? (?:for|to)\b|\b(?:in|de)creases? (?:the )?(?:output )?verbosity",
    re.I,
)
_INVERSE = re.compile(r"\(inverse:\s(--?[\w-]{1,60})\)|\bUse `(--no-[\w-]{1,60})` to disable", re.I)
_TRAILING = re.compile(r"\s\[(-?\d[\d.,:]{0,20}|stdout|stdin)\]\.?$")
_LONGEST_VALUE = 200


@dataclass
class Remarks:
    """All that was found."""

    default: str | None = None
    choices: list[str] = field(default_factory=list)
    required: bool = False
    repeated: bool = False
    counted: bool = False
    off: str = ""
    tags: set[str] = field(default_factory=set)


def read(lines: Sequence[str]) -> Remarks:
    """The remarks in the lines of an entry's help."""
    text = " ".join(line for line in lines if line)[:8000]
    inverse = _INVERSE.search(text)
    tags = {tag.lower() for tag in _TAG.findall(text)}
    return Remarks(
        default=_default(text),
        choices=_choices(text) or _listed(lines),
        required=bool(_REQUIRED.search(text)) or "required" in tags,
        repeated=bool(_REPEATED.search(text))
        or bool(tags & {"array", "multiple", "repeatable"}),
        counted=bool(_COUNTED.search(text)) or "count" in tags,
        off=(inverse[1] or inverse[2]) if inverse else "",
        tags=tags,
    )  # fmt: skip


def _default(text: str) -> str | None:
    """Bracketed remarks first; then `Default: 3` and `defaults to 3`, if what follows is one value."""
    plain: str | None = None
    for found in _DEFAULT.finditer(text):
        before = text[: found.start()].rstrip()
        opened = before[-1:] in ("[", "(", ";", ",") and (
            before[-1:] in "[(" or before.rfind("[") > before.rfind("]")
            or before.rfind("(") > before.rfind(")")
        )  # fmt: skip
        says = found[0].strip().lower()
        if says in ("default", "defaults") and not opened and plain is None:
            continue  # "the default behaviour"
        if opened:
            closing = "]" if before.rfind("[") > before.rfind("(") else ")"
            value = _until(text, found.end(), closing)
            if value and not re.match(r"(?:for|when|if|in|on|unless)\s", value):
                return value
        elif plain is None:
            plain = _one_value(text[found.end() : found.end() + 400])
    trailing = _TRAILING.search(text)
    return plain or (trailing[1] if trailing else None)


def _until(text: str, at: int, closing: str) -> str | None:
    opening = "[" if closing == "]" else "("
    depth = 1
    quote = ""
    for end in range(at, min(len(text), at + 2000)):
        char = text[end]
        if quote:
            quote = "" if char == quote else quote
        elif char in "\"'`" and (end == at or text[end - 1] in "( [,") and char in text[end + 1 :]:
            quote = char
        depth += (char == opening) - (char == closing) if not quote else 0
        if depth == 0 or (char == ";" and depth == 1 and not quote):
            value = _bare(text[at:end].strip())
            return value if len(value) <= _LONGEST_VALUE else None
    return None


def _one_value(text: str) -> str | None:
    quoted = re.match(r"([\"'`])(.{0,120}?)\1", text)
    if quoted:
        return quoted[2]
    found = re.match(r"[^\s,;()\[\]]{1,120}", text)
    if not found:
        return None
    value = found[0].rstrip(".,;:")
    rest = text[found.end() :].lstrip()
    ends = found[0][-1] in ".,;" or not rest or rest[0] in "([;,.\n" or rest[0].isupper()
    telling = bool(re.search(r"[\d./_]", value)) or value in (
        "true",
        "false",
        "True",
        "False",
        "None",
    )
    return value if value and (ends or telling) and value.lower() not in _NO_VALUES else None


_NO_VALUES = {
    "the",
    "a",
    "an",
    "is",
    "to",
    "no",
    "value",
    "values",
    "behavior",
    "behaviour",
    "this",
    "all",
    "when",
    "if",
}


def _bare(value: str) -> str:
    if len(value) > 1 and value[0] == value[-1] and value[0] in "\"'`":
        return value[1:-1]
    if len(value) > 2 and value[0] == "(" and value[-1] == ")":
        return value[1:-1]
    return value


def _choices(text: str) -> list[str]:
    found = _CHOICES.search(text)
    if not found:
        return []
    closing = "]" if found[0][0] == "[" else ")"
    end = text.find(closing, found.end(), found.end() + 8000)
    if end < 0:
        return []
    inside = re.split(r",\s*(?:preset|default|env)s?\s?:", text[found.end() : end])[0]
    parts = [part.strip(" \"'`") for part in re.split(r",\s*or\s|\sor\s|,|\s?\|\s?", inside)]
    kept = [part for part in parts if part and part not in ("...", "…")]
    if len(kept) < 2 or any(" " in part and not inside.count('"') for part in kept):
        return []
    return list(dict.fromkeys(kept))


def _listed(lines: Sequence[str]) -> list[str]:
    """clap's long form: `Possible values:` and a bulleted line for each."""
    found: list[str] = []
    reading = False
    for line in lines:
        if _CHOICE_LIST.fullmatch(line.strip()):
            reading = True
        elif reading and (bullet := _BULLET.match(line.strip())):
            found.append(bullet[1])
    return found if len(found) > 1 else []
