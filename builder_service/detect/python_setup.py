"""What a setup.py says, read as a syntax tree and never executed."""

import ast
import configparser
import re
from collections.abc import Iterator
from typing import Any

from builder_service.detect.python_imports import parse
from builder_service.detect.python_manifest import Json, Manifest, lines, strings, table
from builder_service.detect.tree import Tree

_LONGEST = 20_000
_WIDE = re.compile(r"%[^a-zA-Z%]*(?:\d{3}|\*)")
"""A format that asks for more room than a name needs."""


def read(tree: Tree, manifest: Manifest) -> None:
    """Add what the call of `setup()` says, as far as it can be told without running it."""
    text = tree.text("setup.py")
    module = parse(text) if text.strip() else None
    if module is None:
        return
    try:
        _read(text, module, manifest)
    except RecursionError:
        manifest.problems.append("setup.py is nested too deeply to be read.")


def _read(text: str, module: ast.Module, manifest: Manifest) -> None:
    call = _setup_call(module)
    if call is None:
        return
    manifest.found.append("setup.py")
    manifest.installable = True
    known = _constants(module)
    words = {
        k: v
        for keyword in call.keywords
        if keyword.arg is None
        for k, v in table(_value(keyword.value, known)).items()
    }
    words |= {keyword.arg: _value(keyword.value, known) for keyword in call.keywords if keyword.arg}
    manifest.name = manifest.name or _text(words.get("name"))
    manifest.description = manifest.description or _text(words.get("description"))
    manifest.requires_python = manifest.requires_python or _text(words.get("python_requires"))
    for name, listed in table(words.get("extras_require")).items():
        manifest.extras.setdefault(name, strings(listed))
    points = words.get("entry_points")
    if isinstance(points, str):
        config = configparser.RawConfigParser(delimiters=("=",))
        config.optionxform = str  # type: ignore[assignment,method-assign]
        try:
            config.read_string("\n".join(line.strip() for line in points.splitlines()))
            found_lines = [f"{k} = {v}" for k, v in config.items("console_scripts")]
        except configparser.Error:
            found_lines = []
    else:
        found = table(points).get("console_scripts")
        found_lines = lines(found) if isinstance(found, str) else strings(found)
    for line in found_lines:
        manifest.add_entry(line, "entry_points in setup.py")
    for path in strings(words.get("scripts")):
        manifest.script_files[path] = "scripts in setup.py"
    named = {keyword.arg for keyword in call.keywords}
    if manifest.dependencies is None and "pyproject.toml" not in " ".join(manifest.found):
        if "install_requires" not in named and None not in named:
            manifest.dependencies = []
        elif isinstance(words.get("install_requires"), list):
            manifest.dependencies = strings(words.get("install_requires"))
    if "use_scm_version" in named or "pbr" in named or re.search(r"setuptools[-_]scm", text):
        manifest.version_from_tag = True


def _setup_call(module: ast.Module) -> ast.Call | None:
    for node in ast.walk(module):
        if isinstance(node, ast.Call):
            name = (
                node.func.attr
                if isinstance(node.func, ast.Attribute)
                else getattr(node.func, "id", "")
            )
            if name == "setup":
                return node
    return None


def _constants(module: ast.Module) -> Json:
    """What names stand for; of branches the last one, which as a rule is not for Windows or an old Python."""
    known: Json = {}
    for node in _statements(module.body):
        if (
            isinstance(node, ast.Assign)
            and len(node.targets) == 1
            and isinstance(node.targets[0], ast.Name)
        ):
            value = _value(node.value, known)
            if value is not None:
                known[node.targets[0].id] = value
    return known


def _statements(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    for node in body:
        yield node
        if isinstance(node, ast.If | ast.Try | ast.With):
            yield from _statements(node.body)
            yield from _statements(getattr(node, "orelse", []))


def _value(node: ast.expr, known: Json) -> Any:
    """A literal, as far as it can be told without running anything; None for the rest."""
    if isinstance(node, ast.Constant):
        return node.value
    if isinstance(node, ast.Name):
        return known.get(node.id)
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return _items(node.elts, known)
    if isinstance(node, ast.ListComp | ast.GeneratorExp):
        return _comprehension(node, known)
    if isinstance(node, ast.Dict):
        return {
            _value(key, known): _value(value, known)
            for key, value in zip(node.keys, node.values, strict=True)
            if key is not None and isinstance(_value(key, known), str)
        }
    if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "dict":
        return {
            keyword.arg: _value(keyword.value, known) for keyword in node.keywords if keyword.arg
        }
    if isinstance(node, ast.JoinedStr):
        parts = [
            _value(v.value if isinstance(v, ast.FormattedValue) else v, known) for v in node.values
        ]
        return "".join(map(str, parts))[:_LONGEST] if None not in parts else None
    if isinstance(node, ast.BinOp):
        return _operation(node, _value(node.left, known), _value(node.right, known))
    return None


def _operation(node: ast.BinOp, left: Any, right: Any) -> Any:
    """Joined texts and lists, `"%s" % name`; never more than a manifest can want."""
    if isinstance(node.op, ast.Add):
        if isinstance(left, str) and isinstance(right, str):
            return (left + right)[:_LONGEST]
        lists = [side for side in (left, right) if isinstance(side, list)]
        return [item for side in lists for item in side][:_LONGEST] if lists else None
    if isinstance(node.op, ast.Mod) and isinstance(left, str) and not _WIDE.search(left):
        try:
            return (left % (tuple(right) if isinstance(right, list) else right))[:_LONGEST]
        except (TypeError, ValueError):
            return None
    return None


def _items(elements: list[ast.expr], known: Json) -> list[Any]:
    found: list[Any] = []
    for item in elements:
        value = _value(item.value if isinstance(item, ast.Starred) else item, known)
        if isinstance(item, ast.Starred) and isinstance(value, list):
            found += value
        elif value is not None:
            found.append(value)
    return found


def _comprehension(node: ast.ListComp | ast.GeneratorExp, known: Json) -> list[Any] | None:
    """`[f"{name} = pkg.{name}:main" for name in names]`, as setup files like to write."""
    (loop, *more) = node.generators
    source = _value(loop.iter, known)
    if more or loop.ifs or not isinstance(loop.target, ast.Name) or not isinstance(source, list):
        return None
    made = [_value(node.elt, {**known, loop.target.id: item}) for item in source]
    return [value for value in made if value is not None]


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
