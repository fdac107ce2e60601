"""What a Go file says at its head: package, imports, and whether this machine's builds take it."""

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

_SYSTEMS = frozenset(
    [
        "aix",
        "android",
        "darwin",
        "dragonfly",
        "freebsd",
        "hurd",
        "illumos",
        "ios",
        "js",
        "linux",
        "nacl",
        "netbsd",
        "openbsd",
        "plan9",
        "solaris",
        "wasip1",
        "windows",
        "zos",
    ]
)
_MACHINES = frozenset(
    [
        "386",
        "amd64",
        "arm",
        "arm64",
        "loong64",
        "mips",
        "mips64",
        "mips64le",
        "mipsle",
        "ppc64",
        "ppc64le",
        "riscv64",
        "s390x",
        "wasm",
        "sparc64",
    ]
)
_TRUE = frozenset(["linux", "amd64", "unix", "gc"])
_COMMENT = re.compile(r"/\*.*?\*/", re.DOTALL)
_HEAD_ENDS = re.compile(r"^(?:func|type|var|const)\b", re.MULTILINE)
_BLOCK = re.compile(r"^import\s*\(([^)]*)\)", re.MULTILINE)
_SINGLE = re.compile(r"^import\s+(?:[\w.]+\s+)?[\"`]([^\"`\s]+)[\"`]", re.MULTILINE)
_QUOTED = re.compile(r"[\"`]([^\"`\s]+)[\"`]")
_TOKEN = re.compile(r"\s*(&&|\|\||[!()]|[\w.]+)")


@dataclass(frozen=True)
class GoFile:
    """A Go file that a build on Linux takes."""

    path: str
    package: str
    imports: tuple[str, ...]
    has_main: bool
    import_path: str
    """The import comment of its package clause; nearly always empty."""
    links: tuple[str, ...]
    """Libraries that its cgo preamble asks for: words of `pkg-config:`, names after `-l`."""
    arguments: bool
    """Whether it reads its command line by itself."""


def read(path: str, text: str) -> GoFile | None:
    """The file, or None where tests, other systems, `ignore` and other tags leave it out."""
    if not fits_name(path) or not fits_tags(text):
        return None
    clause = re.search(r"^package\s+(\w+)(?:[ \t]*//[ \t]*import[ \t]+\"([^\"]+)\")?", text, re.MULTILINE)  # fmt: skip
    if clause is None:
        return None
    plain = _COMMENT.sub("", text)
    ends = _HEAD_ENDS.search(plain)
    head = re.sub(r"//.*", "", plain[: ends.start()] if ends else plain)
    imports = _SINGLE.findall(head)
    for block in _BLOCK.findall(head):
        imports += _QUOTED.findall(block)
    return GoFile(
        path=path,
        package=clause[1],
        imports=tuple(dict.fromkeys(imports)),
        has_main=bool(re.search(r"^func\s+main\s*\(\s*\)", plain, re.MULTILINE)),
        import_path=clause[2] or "",
        links=_links(text) if "C" in imports else (),
        arguments="os.Args" in text or "flag" in imports,
    )


def fits_name(path: str) -> bool:
    """Go's own rule for names: no tests, no `_` or `.` first, no other system's or machine's suffix."""
    name = PurePosixPath(path).stem
    if name.startswith(("_", ".")) or name.endswith("_test"):
        return False
    words = name.split("_")[1:][-2:]
    if len(words) == 2 and words[0] in _SYSTEMS and words[1] in _MACHINES:
        return words == ["linux", "amd64"]
    last = words[-1] if words else ""
    return last in _TRUE or last not in _SYSTEMS | _MACHINES


def fits_tags(text: str) -> bool:
    """Whether the constraints above the package clause hold without cgo; constraints that cannot be read hold."""
    head = re.split(r"^package\s", text, maxsplit=1, flags=re.MULTILINE)[0]
    new = re.search(r"^//go:build\s+(.+)$", head, re.MULTILINE)
    if new:
        return _holds(new[1])
    return all(
        any(all(_tag(tag) for tag in option.split(",")) for option in line.split())
        for line in re.findall(r"^//\s*\+build\s+(.+)$", head, re.MULTILINE)
    )


def _tag(text: str) -> bool:
    if text.startswith("!"):
        return not _tag(text[1:])
    return text in _TRUE or bool(re.fullmatch(r"go1\.\d+", text))


def _holds(expression: str) -> bool:
    tokens = _TOKEN.findall(expression.split("//")[0])

    def either() -> bool:
        value = both()
        while tokens and tokens[0] == "||":
            tokens.pop(0)
            value = both() or value
        return value

    def both() -> bool:
        value = one()
        while tokens and tokens[0] == "&&":
            tokens.pop(0)
            value = one() and value
        return value

    def one() -> bool:
        token = tokens.pop(0)
        if token == "!":  # noqa: S105
            return not one()
        if token == "(":  # noqa: S105
            value = either()
            tokens.pop(0)
            return value
        return _tag(token)

    try:
        return either()
    except (IndexError, RecursionError):
        return True


def _links(text: str) -> tuple[str, ...]:
    found: list[str] = []
    for kind, words in re.findall(r"#cgo\s[^\n]*?(pkg-config|LDFLAGS):([^\n]*)", text):
        for word in words.split():
            if kind == "LDFLAGS" and not word.startswith("-l"):
                continue
            found.append(word.removeprefix("-l"))
    return tuple(dict.fromkeys(found))
