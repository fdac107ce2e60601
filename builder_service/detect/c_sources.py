"""C and C++ sources: which have a `main`, and which libraries they include."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from builder_service.base_recipes import c as bases
from builder_service.detect.finding import is_aside
from builder_service.detect.tree import Entry, Tree
from builder_service.system_libraries import Library, library_for_header, together

CPP = (".cc", ".cpp", ".cxx", ".c++", ".cp")
SOURCES = (".c", *CPP)
HEADERS = (".h", ".hh", ".hpp", ".hxx", ".h++", ".ipp", ".inl")
_MOST_FILES = 3000
_MOST_TEXT = 300_000
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)|//[^\n]*", re.DOTALL)
_MAIN = re.compile(
    r"^[ \t]*(?:(?:extern\s+\"C\"|static|const|auto|signed|unsigned|int|void|\w+_API)\s+)*w?main\s*\(([^;{)]*)\)\s*"
    r"(?:->\s*int\s*|noexcept\s*|(?:(?:const\s+)?(?:char|int)[^;{]*;\s*)+)?\{?\s*$",
    re.MULTILINE,
)
_ONE_LINE_MAIN = re.compile(
    r"^[ \t]*(?:int|void|auto)\s+main\s*\(([^;{)]*)\)[^;{]*\{", re.MULTILINE
)
_INCLUDE = re.compile(r"^[ \t]*#[ \t]*include[ \t]*[<\"]([^>\"\n]+)[>\"]", re.MULTILINE)


@dataclass(frozen=True)
class Main:
    """A file with a `main`, and whether that takes arguments."""

    path: str
    arguments: bool


def sources(tree: Tree) -> list[Entry]:
    """Files that a compiler takes."""
    return [entry for entry in tree.files if entry.suffix in SOURCES][:_MOST_FILES]


def mains(tree: Tree, files: Iterable[Entry]) -> list[Main]:
    """The files among these that define `main`."""
    found = []
    for entry in files:
        text = tree.text(entry.path)  # the whole of it: a long file has its main at the end
        if not re.search(r"\bw?main\b", text):
            continue
        code = _COMMENT.sub(" ", text)
        if match := _MAIN.search(code) or _ONE_LINE_MAIN.search(code):
            found.append(Main(entry.path, match[1].strip() not in ("", "void")))
    return found


def includes(tree: Tree, *, aside: bool = False) -> set[str]:
    """Headers that the tool's own files include and the repository does not hold."""
    own = {
        "/".join(parts[-length:])
        for entry in tree.files
        if entry.suffix in HEADERS
        for parts in [entry.path.split("/")]
        for length in range(1, min(len(parts), 4) + 1)
    }
    files = [
        e for e in tree.files if e.suffix in SOURCES + HEADERS and (aside or not is_aside(e.path))
    ]
    return {
        name.removeprefix("./")
        for entry in files[:_MOST_FILES]
        for name in _INCLUDE.findall(_COMMENT.sub(" ", tree.text(entry.path)[:_MOST_TEXT]))
        if name.removeprefix("./") not in own
    }


def libraries(headers: Iterable[str]) -> list[Library]:
    """The libraries that we know by these headers."""
    found = {library.package: library for name in headers if (library := library_for_header(name))}
    return [found[package] for package in sorted(found)]


def beside_base(packages: Iterable[str | None], base: str) -> list[str]:
    """Those that the base image does not have anyway."""
    present: set[str] = set(bases.RECIPES["c"].packages)
    if base != "c":
        present |= set(bases.RECIPES[base].packages)
    return sorted(together(package for package in packages if package) - present)
