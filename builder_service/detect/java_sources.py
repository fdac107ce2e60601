"""Java sources: the classes with a `main`, their source folders, and what they import."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from builder_service.detect.finding import is_aside
from builder_service.detect.tree import Entry, Tree

_MOST_FILES = 5000
_MOST_TEXT = 200_000
_COMMENT = re.compile(r"/\*.*?(?:\*/|\Z)|//[^\n]*", re.DOTALL)
_PACKAGE = re.compile(r"^\s*package\s+([\w.]+)\s*;", re.MULTILINE)
_IMPORT = re.compile(r"^\s*import\s+(?:static\s+)?([\w.]+)", re.MULTILINE)
_MAIN = re.compile(
    r"\bpublic\s+(?:final\s+)?static\s+(?:final\s+)?void\s+main\s*\(\s*(?:final\s+)?String\s*(?:\[\s*\]|\.\.\.)\s*\w+|"
    r"\bstatic\s+public\s+void\s+main\s*\(\s*(?:final\s+)?String\s*(?:\[\s*\]|\.\.\.)\s*\w+"
)
_PARSERS = ("picocli", "org.apache.commons.cli", "com.beust.jcommander", "net.sourceforge.argparse4j", "joptsimple",
            "org.kohsuke.args4j", "io.airlift.airline", "com.github.rvesse.airline", "org.docopt", "gnu.getopt")  # fmt: skip
_WINDOWS = ("javax.swing", "java.awt.event", "javafx", "org.eclipse.swt", "android.")


@dataclass(frozen=True)
class Main:
    """A class that can be started."""

    name: str
    """With its package."""
    path: str
    parser: str
    arguments: bool
    window: bool

    @property
    def simple(self) -> str:
        return self.name.rpartition(".")[2]


def files(tree: Tree) -> list[Entry]:
    """Java files that belong to the tool and not to its tests."""
    return [e for e in tree.files if e.suffix == ".java" and not is_test(e.path)][:_MOST_FILES]


def is_test(path: str) -> bool:
    """Whether the folder says test; a package called `tools` or `util` says nothing."""
    folders = [part.lower() for part in path.split("/")[:-1]]
    return any(
        part in ("test", "tests", "it", "itests", "jmh", "androidtest") or part.endswith("-test")
        for part in folders[:4]
    )


def mains(tree: Tree, entries: Iterable[Entry]) -> list[Main]:
    """The classes among these files that have a `main`."""
    found = []
    for entry in entries:
        text = tree.text(entry.path)[:_MOST_TEXT]
        if "main" not in text or not (match := _MAIN.search(_COMMENT.sub(" ", text))):
            continue
        package = _PACKAGE.search(text)
        name = f"{package[1]}.{entry.stem}" if package else entry.stem
        imported = _IMPORT.findall(text)
        parser = next((p for p in _PARSERS if any(i.startswith(p) for i in imported)), "")
        argument = match[0].rpartition(" ")[2].strip("].")
        arguments = len(re.findall(rf"\b{re.escape(argument)}\b", text)) > 1
        window = any(i.startswith(_WINDOWS) for i in imported)
        found.append(Main(name, entry.path, parser, arguments, window))
    return found


def roots(tree: Tree, entries: Iterable[Entry]) -> list[str]:
    """The folders that packages begin in."""
    found: dict[str, None] = {}
    for entry in entries:
        package = _PACKAGE.search(tree.text(entry.path)[:20_000])
        folder = "/".join(entry.folders)
        inside = package[1].replace(".", "/") if package else ""
        if inside and (folder == inside or folder.endswith("/" + inside)):
            found[folder[: len(folder) - len(inside)].rstrip("/")] = None
        elif not inside:
            found[folder] = None
    return list(found)


def imports(tree: Tree, entries: Iterable[Entry]) -> set[str]:
    """What the tool's own files import."""
    return {
        name for entry in entries for name in _IMPORT.findall(tree.text(entry.path)[:_MOST_TEXT])
    }


def is_beside(main: Main) -> bool:
    """Whether a main stands among examples, benchmarks or the like."""
    before = main.path.split("/src/")[0] if "/src/" in main.path else main.path.rsplit("/", 1)[0]
    return is_aside(before + "/x") or bool(
        re.search(r"(Test|Tests|Benchmark|Demo|Example|Sample)s?$", main.simple)
    )
