"""The text of a Dockerfile into its instructions: directives, continued lines, heredocs, JSON arrays. Pure."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

from builder_service.own_dockerfile.refused import Refused

MAX_BYTES = 64 * 1024
MAX_INSTRUCTIONS = 200

_DIRECTIVE = re.compile(r"#\s*(syntax|escape|check)\s*=\s*(\S+)", re.IGNORECASE)
_FRONTEND = re.compile(
    r"(docker\.io/)?docker/dockerfile(-upstream)?(:[\w.-]+)?(@sha256:[0-9a-f]+)?\Z"
)
_HEREDOC = re.compile(r"\d*<<-?\s*([\"']?)([A-Za-z_]\w*)\1")
_FLAG = re.compile(r"--([a-z][a-z-]*)(?:=(\S*))?(?:\s+|$)")
_WITH_HEREDOC = frozenset({"RUN", "COPY", "ADD"})


@dataclass(frozen=True)
class Instruction:
    """`name` in capitals; `text` is what follows the flags; `heredocs` are the texts between `<<X` and `X`."""

    name: str
    text: str
    flags: tuple[tuple[str, str], ...] = ()
    heredocs: tuple[tuple[str, str], ...] = ()
    line: int = 0

    @property
    def array(self) -> list[str] | None:
        """The words of the exec form (`["a", "b"]`), or None."""
        if not self.text.startswith("["):
            return None
        try:
            found = json.loads(self.text)
        except ValueError:
            return None
        return found if all(isinstance(word, str) for word in found) else None


def parse(text: str) -> tuple[list[Instruction], str]:
    """The instructions and the escape character; raises `Refused`."""
    if len(text.encode(errors="replace")) > MAX_BYTES:
        raise Refused(f"it is longer than {MAX_BYTES // 1024} KiB")
    lines = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    escape = _directives(lines)
    found: list[Instruction] = []
    at = 0
    while at < len(lines):
        begun = at
        at, line = _joined(lines, at, escape)
        if not line:
            continue
        name, _, rest = line.partition(" ")
        name = name.upper()
        heredocs: tuple[tuple[str, str], ...] = ()
        if name in _WITH_HEREDOC:
            at, heredocs = _heredocs(lines, at, rest)
        flags, rest = _flags(rest.strip())
        found.append(Instruction(name, rest, flags, heredocs, begun + 1))
        if len(found) > MAX_INSTRUCTIONS:
            raise Refused(f"it has more than {MAX_INSTRUCTIONS} instructions")
    return found, escape


def _directives(lines: list[str]) -> str:
    """The escape character; a frontend of somebody else is refused, since it is a program of its own."""
    escape = "\\"
    for line in lines:
        found = _DIRECTIVE.fullmatch(line.strip())
        if found is None:
            break
        name, value = found[1].lower(), found[2]
        if name == "syntax" and not _FRONTEND.match(value):
            raise Refused(
                f"it wants the frontend {value}, and only docker/dockerfile is understood"
            )
        if name == "escape" and value in ("\\", "`"):
            escape = value
    return escape


def _joined(lines: list[str], at: int, escape: str) -> tuple[int, str]:
    """One logical line from `at` on; comments and empty lines within it do not count."""
    parts: list[str] = []
    while at < len(lines):
        line = lines[at]
        at += 1
        if line.lstrip().startswith("#") or (parts and not line.strip()):
            continue
        stripped = line.rstrip()
        if stripped.endswith(escape) and not stripped.endswith(escape * 2):
            parts.append(stripped[:-1] if not parts else stripped[:-1].rstrip("\n"))
            continue
        parts.append(line)
        break
    return at, re.sub(r"\A(\w+)\s+", r"\1 ", "".join(parts).strip())


def _heredocs(lines: list[str], at: int, rest: str) -> tuple[int, tuple[tuple[str, str], ...]]:
    found = []
    for match in _openings(rest):
        tabs = match[0].startswith("<<-")
        body = []
        while True:
            if at >= len(lines):
                raise Refused(f"the text after <<{match[2]} has no end")
            line = lines[at].lstrip("\t") if tabs else lines[at]
            at += 1
            if line.rstrip() == match[2]:
                break
            body.append(line + "\n")
        found.append((match[2], "".join(body)))
    return at, tuple(found)


def _openings(text: str) -> Iterator["re.Match[str]"]:
    """`<<X` at the beginning of a word; inside quotes it is text."""
    quote, before, at = "", " ", 0
    while at < len(text):
        char = text[at]
        found = _HEREDOC.match(text, at) if not quote and before.isspace() else None
        if found:
            yield found
            at, before = found.end(), "x"
            continue
        if char == "\\" and quote != "'":
            at += 1
        elif char == quote:
            quote = ""
        elif char in "'\"" and not quote:
            quote = char
        at, before = at + 1, char


def _flags(rest: str) -> tuple[tuple[tuple[str, str], ...], str]:
    flags = []
    while found := _FLAG.match(rest):
        flags.append((found[1], found[2] or ""))
        rest = rest[found.end() :]
    return tuple(flags), rest
