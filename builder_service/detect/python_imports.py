"""Which distributions a folder of Python files needs, judged by its imports alone."""

import ast
import sys
import warnings
from collections.abc import Iterable

from builder_service.detect.finding import is_aside
from builder_service.detect.python_names import KNOWN, RENAMED
from builder_service.detect.tree import Entry, Tree


def parse(text: str) -> ast.Module | None:
    """The syntax tree of a stranger's file, or None; nothing of it runs."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def imported(module: ast.Module) -> set[str]:
    """Dotted names of absolute imports, `a.b` as it stands; those that a `try` guards are left out."""
    found: set[str] = set()
    guarded = _guarded(module)
    for node in ast.walk(module):
        if node in guarded:
            continue
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def distributions(names: Iterable[str], local: frozenset[str]) -> tuple[list[str], list[str]]:
    """What to install for these imports, and the names that nobody knows."""
    wanted: set[str] = set()
    unknown: set[str] = set()
    for name in names:
        top = name.split(".")[0]
        if top in sys.stdlib_module_names or top in local or top == "__future__":
            continue
        dotted = ".".join(name.split(".")[:2])
        if dotted in RENAMED or top in RENAMED:
            wanted.add(RENAMED.get(dotted, RENAMED.get(top, "")))
        elif top in KNOWN:
            wanted.add(top.lower().replace("_", "-"))
        else:
            unknown.add(top)
    return sorted(wanted - {""}), sorted(unknown)


def python_files(tree: Tree) -> list[Entry]:
    """Files of the tool itself, by extension or shebang; tests, examples and set-up files are left out."""
    return [
        entry
        for entry in tree.files
        if not is_aside(entry.path)
        and (
            entry.suffix == ".py"
            or (not entry.suffix and any("python" in word for word in tree.shebang(entry.path)[:1]))
        )
    ]


def local_modules(tree: Tree) -> frozenset[str]:
    """Names that the repository itself provides."""
    names = {entry.stem for entry in tree.files if entry.suffix in (".py", ".pyx", ".so")}
    for entry in tree.files:
        if entry.suffix in (".py", ".pyx"):
            names.update(entry.folders)
    return frozenset(names)


def _guarded(module: ast.Module) -> set[ast.AST]:
    found: set[ast.AST] = set()
    for node in ast.walk(module):
        if not isinstance(node, ast.Try):
            continue
        caught = " ".join(ast.unparse(handler.type) for handler in node.handlers if handler.type)
        bare = any(handler.type is None for handler in node.handlers)
        reraises = any(
            isinstance(part, ast.Raise)
            or (isinstance(part, ast.Call) and "exit" in ast.unparse(part.func))
            for handler in node.handlers
            for part in ast.walk(handler)
        )
        if reraises or not (
            bare or "Import" in caught or "NotFound" in caught or "Exception" in caught
        ):
            continue
        for statement in node.body:
            found.update(ast.walk(statement))
    return found
