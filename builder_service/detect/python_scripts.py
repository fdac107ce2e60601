"""Python files that can be run: guards, argument parsers, packages with `__main__`, shebangs."""

import ast
import re
from dataclasses import dataclass, field

from builder_service.detect import python_imports
from builder_service.detect.finding import ASIDE, CLI, PLAIN, Candidate, is_aside
from builder_service.detect.python_manifest import Manifest
from builder_service.detect.python_steps import PYTHON
from builder_service.detect.tree import Entry, Tree, normal
from shared.plan import Command

_PARSERS = frozenset(
    ["argparse", "optparse", "getopt", "click", "typer", "docopt", "fire", "plac", "cleo", "cement", "clize",
     "configargparse", "gooey", "absl.app", "cyclopts", "tap", "simple_parsing", "jsonargparse", "rich_click",
     "cmdliner", "defopt", "baker", "asyncclick", "tyro", "argh"]
)  # fmt: skip
_PYTHON_2 = re.compile(
    r"""^\s*print\s+(?:["'\w%]|>>)|^\s*except\s+[\w.]+\s*,\s*\w+\s*:|^\s*raise\s+\w+\s*,\s*["']|\.has_key\(""",
    re.MULTILINE,
)


@dataclass
class Code:
    """What the Python files use and which of them can be run."""

    imports: set[str] = field(default_factory=set)
    candidates: list[Candidate] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    python_2: list[str] = field(default_factory=list)
    beside: dict[str, str] = field(default_factory=dict)
    """Script → a file of the repository that it opens by a path relative to where it is started."""


def scan(tree: Tree, files: list[Entry], manifest: Manifest) -> Code:
    """Read every file once; nothing of it runs."""
    code = Code()
    declared = {name.rsplit("/", 1)[-1] for name in manifest.script_files}
    for entry in tree.files if not files else [*files, *_aside(tree)]:
        text = tree.text(entry.path)
        module = python_imports.parse(text)
        if module is None:
            code.unreadable.append(entry.path)
            if _PYTHON_2.search(text) and not is_aside(entry.path):
                code.python_2.append(entry.path)
            continue
        try:
            _look(tree, entry, module, manifest, declared, code)
        except RecursionError:
            code.unreadable.append(entry.path)
    return code


def _look(
    tree: Tree,
    entry: Entry,
    module: ast.Module,
    manifest: Manifest,
    declared: set[str],
    code: Code,
) -> None:
    imports = python_imports.imported(module)
    if not is_aside(entry.path):
        code.imports |= imports
    candidate = _candidate(tree, entry, module, imports, manifest)
    if candidate is None or candidate.command.name in declared:
        return
    code.candidates.append(candidate)
    if not entry.folders and (opened := _opened(tree, module)):
        code.beside[candidate.command.name] = opened


def _opened(tree: Tree, module: ast.Module) -> str | None:
    """A data file of the repository whose relative path stands in a call: `open("data/words.txt")`."""
    for node in ast.walk(module):
        if not isinstance(node, ast.Call):
            continue
        function = (
            node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        )
        if not re.search(
            r"open|read|load|Path|parse_file|FileType|add_argument|fromfile", function
        ):
            continue
        words = [
            *node.args,
            *(k.value for k in node.keywords if k.arg in ("default", "file", "path", "filename")),
        ]
        for word in words:
            if isinstance(word, ast.Constant) and isinstance(word.value, str) and "." in word.value:
                path = normal(word.value[:300])
                if path and tree.has(path) and not path.endswith((".py", ".md", ".toml", ".cfg")):
                    return path
    return None


def _aside(tree: Tree) -> list[Entry]:
    return [e for e in tree.files if e.suffix == ".py" and is_aside(e.path) and not _is_test(e)][
        :200
    ]


def _is_test(entry: Entry) -> bool:
    return bool(
        re.search(
            r"(^|/)(tests?|testing|conftest)(/|\.py$|_)|(^|/)test_|_test\.py$|(^|/)setup\.py$",
            entry.path,
        )
    )


def _candidate(
    tree: Tree, entry: Entry, module: ast.Module, imports: set[str], manifest: Manifest
) -> Candidate | None:
    package = tree.has(
        "/".join([*entry.folders, "__init__.py"])[:] if entry.folders else "__init__.py"
    )
    parser = sorted(name for name in imports if name in _PARSERS or name.split(".")[0] in _PARSERS)
    guard = _has_guard(module)
    if entry.name == "__main__.py" and entry.folders:
        run, name = _as_module(entry.folders, manifest), entry.folders[-1]
        why = f"{entry.path} runs as python -m"
    elif (
        guard
        or (_top_level_call(module) and not package)
        or (tree.shebang(entry.path) and _does_something(module.body))
    ):
        if entry.name in ("__init__.py", "setup.py", "conftest.py"):
            return None
        relative = any(isinstance(node, ast.ImportFrom) and node.level for node in ast.walk(module))
        parts = (*entry.folders, entry.stem)
        run = (
            _as_module(parts, manifest)
            if relative and entry.folders
            else [PYTHON, f"/app/{entry.path}"]
        )
        name = entry.name
        why = (
            f"{entry.path} has a __main__ guard" if guard else f"{entry.path} runs at its top level"
        )
    else:
        return None
    argv = "sys" in imports and "argv" in ast.unparse(module)
    if parser:
        why += f" and parses arguments ({parser[0].split('.')[0]})"
    elif argv:
        why += " and reads sys.argv"
    quality = ASIDE if is_aside(entry.path) else CLI if parser or argv else PLAIN
    return Candidate(
        Command(name=name, run=run, evidence=why), quality, entry.depth + (0 if parser else 1)
    )


def _as_module(parts: tuple[str, ...], manifest: Manifest) -> list[str]:
    shown = parts[1:] if parts[0] == "src" and manifest.installable else parts
    return [PYTHON, "-m", ".".join(shown or parts)]


def _has_guard(module: ast.Module) -> bool:
    return any(
        isinstance(node, ast.If)
        and "__name__" in ast.unparse(node.test)
        and "__main__" in ast.unparse(node.test)
        for node in module.body
    )


def _does_something(body: list[ast.stmt]) -> bool:
    """Whether more happens than definitions: many a module of a package has a shebang in vain."""
    for node in body:
        match node:
            case ast.Expr(value=ast.Constant()):
                continue
            case ast.Expr() | ast.For() | ast.While() | ast.With() | ast.Match() | ast.Raise():
                return True
            case ast.If() | ast.Try():
                inner = [*node.body, *node.orelse]
                if _does_something([*inner, *getattr(node, "finalbody", [])]):
                    return True
    return False


def _top_level_call(module: ast.Module) -> bool:
    return any(
        (
            isinstance(node, ast.Expr)
            and isinstance(node.value, ast.Call)
            and "parse_args" in ast.unparse(node)
        )
        or (isinstance(node, ast.Assign) and "parse_args(" in ast.unparse(node.value))
        for node in module.body
    )
