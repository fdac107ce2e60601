"""The left side of an option's entry (`-o, --output=FILE`) as names, values and how they are written."""

import re
from dataclasses import dataclass, field
from typing import Literal

_NAME = re.compile(r"--?\[no-?\][\w-]{1,60}|-{1,2}[\w?#@!.:+-][^\s,=\[\]<>{}()|/]{0,80}|-\d", re.A)
_BRACKETS = {"[": "]", "<": ">", "{": "}", "(": ")", '"': '"', "'": "'"}
_PLAIN = re.compile(r"[\w.:/*@%#+-]+(?:=[\w.:/*@%#+-]+)?(?:\.\.\.|…)?")
_CAPITALS = re.compile(r"[A-Z0-9][A-Z0-9_.:/|+*=-]*(?:\.\.\.|…)?|[A-Z]\w*[A-Z_]\w*")
_RANGE = re.compile(r"(?:INTEGER|FLOAT|INT) RANGE\b")
_LONGEST = 4000


@dataclass
class Spec:
    """What the left side says."""

    names: list[str] = field(default_factory=list)
    off: list[str] = field(default_factory=list)
    metavar: str = ""
    choices: list[str] = field(default_factory=list)
    least: int = 0
    most: int | None = 0
    style: Literal["word", "equals", "attached"] = "word"
    repeats: bool = False
    """A flag with dots: it counts."""
    rest: str = ""
    """What is no specification any more: help that began after a single blank."""


def read(text: str, *, gap: bool) -> Spec:
    """The specification; `gap` tells that help stands apart, so that all of `text` belongs to it."""
    scan = _Scan(text[:_LONGEST], gap)
    scan.run()
    return scan.spec


class _Scan:
    def __init__(self, text: str, gap: bool) -> None:
        self.text = text
        self.gap = gap
        self.at = 0
        self.spec = Spec()
        self.slash = False

    def run(self) -> None:
        while True:
            self._separators()
            name = _NAME.match(self.text, self.at)
            if name is None:
                break
            self.at = name.end()
            self._name(name[0])
            self._value()
        self.spec.rest = self.text[self.at :].strip()

    def _separators(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in " ,|/":
            self.slash = self.slash or (self.text[self.at] == "/" and bool(self.spec.names))
            self.at += 1
        if self.text.startswith("or -", self.at):
            self.at += 3

    def _name(self, name: str) -> None:
        spec = self.spec
        dots = name.rstrip("….") if name.endswith(("...", "…")) else name
        if dots != name:
            name, spec.repeats = dots, True
        name = name.rstrip(":")
        optional = re.match(r"(--?)\[(no-?)\](.+)", name)
        if optional:
            dashes, no, rest = optional.groups()
            spec.names.append(dashes + rest)
            spec.off.append(dashes + no + rest)
        elif self.slash and name.startswith(("--", "-no")):
            spec.off.append(name)
        elif self._is_attached(name):
            spec.names.append(name[:2])
            self._take(name[2:], "attached")
        elif name.strip("-"):
            spec.names.append(name)

    def _is_attached(self, name: str) -> bool:
        """`-nNUM`: a letter and its value, unlike `-name`."""
        value = name[2:]
        if value == "#" and name[1] != "-":
            return True
        return (
            name[1] != "-"
            and len(value) >= 2
            and value.isalpha()
            and value.isupper()
            and not name[1].isupper()
        )

    def _value(self) -> None:
        text, spec = self.text, self.spec
        nextc = text[self.at : self.at + 1]
        if nextc == "=":
            self.at += 1
            token = self._token()
            self._take(token if token.strip(".…") else "VALUE", "equals")
        elif nextc in ("[", "(") and text[self.at + 1 : self.at + 2] != "-":
            token = self._token()
            inner = token[1:-1]
            self._take(token, "equals" if inner.startswith("=") else "attached", optional=True)
        elif nextc and nextc in "<{":
            self._take(self._token(), "attached")
        elif nextc == " ":
            self._words()
        if text.startswith("...", self.at):
            self.at += 3
            spec.repeats = True

    def _words(self) -> None:
        """Values that follow as words of their own."""
        text = self.text
        tokens: list[str] = []
        while self.at < len(text):
            start = self.at
            while self.at < len(text) and text[self.at] == " ":
                self.at += 1
            ahead = _RANGE.match(text, self.at)
            if ahead:
                tokens.append(ahead[0])
                self.at = ahead.end()
                continue
            if tokens and re.match(r"\| (?!-)\S", text[self.at : self.at + 3]):
                self.at += 2  # `USER[:PASS] | TOKEN`: one value, said in two ways
                self._token()
                continue
            if self.at >= len(text) or text[self.at] in "-,|/":
                self.at = start
                break
            token = self._token()
            bracketed = not tokens or tokens[0][0] != "<" or token[0] in "<[.…"
            if not token or not bracketed or not self._is_value(token, len(tokens)):
                self.at = start
                break
            tokens.append(token)
            if text[self.at : self.at + 1] == ",":
                break
        if tokens:
            self._take(" ".join(tokens), "word")

    def _is_value(self, token: str, before: int) -> bool:
        if (token[0] in "<[{(" and token[-1] in ">]}).…") or token in ("...", "…"):
            return True
        if _CAPITALS.fullmatch(re.sub(r"[\[\]<>{}()',]", "", token)):
            return True
        if not _PLAIN.fullmatch(re.sub(r"[\[\]<>]", "", token)) and token[0] not in "\"'":
            return False
        rest = self.text[self.at :].strip()
        if self.gap:  # all that stands left are values, but not whole sentences
            return len(rest.split()) + before < 3 or rest.startswith(("-", ","))
        return not rest or rest.startswith(("-", ","))

    def _token(self) -> str:
        """The next word, brackets kept together."""
        text, start = self.text, self.at
        closing: list[str] = []
        while self.at < len(text):
            char = text[self.at]
            if closing and char == closing[-1]:
                closing.pop()
            elif char in "[<{(" or (char in "\"'" and self.at == start):
                closing.append(_BRACKETS[char])
            elif not closing and (char == " " or (char == "," and self._ends_name())):
                break
            self.at += 1
        return text[start : self.at]

    def _ends_name(self) -> bool:
        return bool(re.match(r",\s*-|,?$", self.text[self.at : self.at + 12]))

    def _take(self, words: str, style: Literal["word", "equals", "attached"], *, optional: bool = False) -> None:  # fmt: skip
        spec = self.spec
        if spec.most != 0:  # `-o FILE, --output=FILE`: the long name's way of writing it
            if style == "equals" and spec.style == "word":
                spec.style = style
            return
        if re.fullmatch(
            r"<[^<>]*>(?:\.\.\.|…)", words
        ):  # clap: it may stand again; click: so many values
            inner = words[1 : words.index(">")].split()
            spec.repeats = len(inner) == 1
            words = " ".join(f"<{word}>" for word in inner)
        least, most, choices = arity(words)
        spec.metavar = re.sub(r"[=\[\]<>{}]", "", words).strip(" .…:")[:400]
        spec.least, spec.most = (0 if optional else least), most
        spec.choices = choices
        spec.style = style


def arity(words: str) -> tuple[int, int | None, list[str]]:
    """How many values these words of a help text stand for, and which ones are possible."""
    if _RANGE.fullmatch(words):
        return 1, 1, []
    least = 0
    most: int | None = 0
    choices: list[str] = []
    for token in _split(words):
        bare = token.rstrip(".…")
        dots = bare != token or "..." in token or "…" in token
        if not bare:  # dots of their own: any number of what stands before
            most = None
            continue
        inner = bare[1:-1] if bare[:1] in "[<{(" and bare[-1:] in "]>})" else bare
        found = _choices(bare, inner)
        if found:
            choices = choices or found
            least, most = least + 1, None if most is None or dots else most + 1
            continue
        if bare[0] == "[" and bare[-1] == "]":
            many = dots or " " in inner.strip()
            most = None if most is None or many else most + 1
            continue
        least += 1
        most = None if dots or most is None else most + 1
    return least, most, choices if most == 1 or len(_split(words)) <= 2 else []


def _split(words: str) -> list[str]:
    out: list[str] = []
    depth = 0
    word = ""
    for char in words:
        depth += (char in "[<{(") - (char in "]>})")
        if char == " " and depth <= 0:
            if word:
                out.append(word)
            word = ""
        else:
            word += char
    return [*out, word] if word else out


def _choices(bare: str, inner: str) -> list[str]:
    inner = inner.lstrip("=").strip()
    if bare[0] == "{":
        parts = re.split(r"\s*[,|]\s*", inner)
    elif "|" in inner and " " not in inner.replace(" | ", "|"):
        parts = re.split(r"\s*\|\s*", inner)
        if not all(re.fullmatch(r"[\w.+:@/-]+", part) for part in parts):
            return []
        if bare[0] != "[" and all(part.isupper() and len(part) > 1 for part in parts):
            return []
        if bare[0] != "[" and any(part.lower() in _NOT_LITERAL for part in parts):
            return []
    else:
        return []
    parts = [part.strip("'\"") for part in parts if part and part not in ("...", "…")]
    return list(dict.fromkeys(part for part in parts if part)) if len(parts) > 1 else []


_NOT_LITERAL = {"file", "path", "dir", "directory", "url", "name", "number", "string", "n", "id", "date", "dur",
    "duration", "glob", "package", "module", "user", "group", "uid", "regex", "pattern", "size", "num", "int", "bool", "host",
}  # fmt: skip
