"""What pyproject.toml, setup.cfg and setup.py say, of any back end; read, never executed."""

import ast
import configparser
import re
import tomllib
from dataclasses import dataclass, field
from typing import Any

from builder_service.detect.python_imports import parse
from builder_service.detect.tree import Tree

Json = dict[str, Any]


@dataclass
class Manifest:
    """The facts of all Python manifests of one folder together."""

    installable: bool = False
    backend: str = ""
    name: str = ""
    description: str = ""
    requires_python: str = ""
    scripts: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Command → (object reference, where it is declared)."""
    script_files: dict[str, str] = field(default_factory=dict)
    """Files that are installed as commands → where they are declared."""
    dependencies: list[str] | None = None
    """Requirements, or None where only the back end knows them."""
    extras: list[str] = field(default_factory=list)
    version_from_tag: bool = False
    versioningit: bool = False
    found: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def read(tree: Tree) -> Manifest:
    """Everything that the manifests at the root declare."""
    manifest = Manifest()
    _pyproject(tree, manifest)
    _setup_cfg(tree, manifest)
    _setup_py(tree, manifest)
    return manifest


def _table(value: object) -> Json:
    return value if isinstance(value, dict) else {}


def _strings(value: object) -> list[str]:
    return [item for item in value if isinstance(item, str)] if isinstance(value, list) else []


def _pyproject(tree: Tree, manifest: Manifest) -> None:
    text = tree.text("pyproject.toml")
    if not text.strip():
        return
    try:
        data = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        manifest.problems.append(f"pyproject.toml cannot be read: {str(error)[:200]}")
        return
    build, project, tool = (
        _table(data.get("build-system")),
        _table(data.get("project")),
        _table(data.get("tool")),
    )
    poetry, flit = _table(tool.get("poetry")), _table(tool.get("flit"))
    requires = " ".join(_strings(build.get("requires")))
    manifest.backend = str(build.get("build-backend") or ("setuptools" if build or project else ""))
    old_flit = _table(flit.get("metadata"))
    package_mode = poetry.get("package-mode", True) is not False
    uv_says = _table(tool.get("uv")).get("package")
    has_metadata = bool(project.get("name") or (poetry.get("name") and package_mode) or old_flit)
    # A project without a build system is an application of uv: its tool has no package to install.
    is_app = not build and (uv_says is False or not project.get("scripts")) and not poetry
    manifest.installable = (
        has_metadata and package_mode and not (is_app and not tree.has("setup.py"))
    )
    manifest.name = str(
        project.get("name")
        or poetry.get("name")
        or old_flit.get("dist-name")
        or old_flit.get("module")
        or ""
    )
    manifest.description = str(project.get("description") or poetry.get("description") or "")
    manifest.requires_python = str(
        project.get("requires-python") or old_flit.get("requires-python") or ""
    )
    if project or poetry or old_flit or build:
        manifest.found.append(f"pyproject.toml ({_backend_name(manifest.backend)})")
    declared = "pyproject.toml"
    for table, where in (
        (_table(project.get("scripts")), "[project.scripts]"),
        (
            _table(_table(project.get("entry-points")).get("console_scripts")),
            "[project.entry-points]",
        ),
        (_table(poetry.get("scripts")), "[tool.poetry.scripts]"),
        (_table(flit.get("scripts")), "[tool.flit.scripts]"),
        (
            _table(_table(_table(flit.get("entrypoints"))).get("console_scripts")),
            "[tool.flit.entrypoints]",
        ),
    ):
        for name, value in table.items():
            target = (
                value
                if isinstance(value, str)
                else _table(value).get("callable") or _table(value).get("reference")
            )
            if not isinstance(target, str):
                continue
            if isinstance(value, dict) and value.get("type") == "file":
                manifest.script_files[target] = f"{where} in {declared}"
            else:
                manifest.scripts[str(name)] = (target, f"{where} in {declared}")
    for path in _strings(_table(tool.get("setuptools")).get("script-files")):
        manifest.script_files[path] = f"[tool.setuptools] script-files in {declared}"
    dynamic = _strings(project.get("dynamic"))
    if project.get("name") and "dependencies" not in dynamic:
        manifest.dependencies = _strings(project.get("dependencies"))
    elif poetry.get("dependencies"):
        manifest.dependencies = poetry_requirements(_table(poetry.get("dependencies")))
        python = _table(poetry.get("dependencies")).get("python")
        if isinstance(python, str):
            manifest.requires_python = manifest.requires_python or caret(python)
    manifest.extras = [str(name) for name in _table(project.get("optional-dependencies"))]
    _version_source(manifest, requires, tool, dynamic, poetry)


def _backend_name(backend: str) -> str:
    return {"poetry.core.masonry.api": "poetry-core", "setuptools.build_meta": "setuptools"}.get(
        backend, backend.split(".")[0] or "no build system"
    )


def _version_source(
    manifest: Manifest, requires: str, tool: Json, dynamic: list[str], poetry: Json
) -> None:
    hatch = _table(_table(tool.get("hatch")).get("version"))
    pdm = _table(_table(tool.get("pdm")).get("version"))
    manifest.version_from_tag = bool(
        re.search(
            r"setuptools[-_]scm|hatch-vcs|pbr\b|flit[-_]scm|setuptools-git-versioning|dunamai",
            requires,
        )
        or "poetry-dynamic-versioning" in requires
        or "uv-dynamic-versioning" in requires
        or "versioningit" in requires
        or "setuptools_scm" in tool
        or hatch.get("source") in ("vcs", "versioningit", "uv-dynamic-versioning")
        or pdm.get("source") == "scm"
    )
    manifest.versioningit = "versioningit" in requires


def _setup_cfg(tree: Tree, manifest: Manifest) -> None:
    text = tree.text("setup.cfg")
    if not text.strip():
        return
    config = configparser.RawConfigParser(strict=False)
    config.optionxform = str  # type: ignore[assignment,method-assign]
    try:
        config.read_string(text)
    except configparser.Error as error:
        manifest.problems.append(f"setup.cfg cannot be read: {str(error)[:200]}")
        return

    def get(section: str, key: str) -> str:
        return config.get(section, key, fallback="")

    if get("metadata", "name"):
        manifest.found.append("setup.cfg")
        manifest.installable = True
        manifest.name = manifest.name or get("metadata", "name")
        manifest.description = (
            manifest.description or get("metadata", "description") or get("metadata", "summary")
        )
        manifest.requires_python = manifest.requires_python or get("options", "python_requires")
        if config.has_option("options", "install_requires") and manifest.dependencies is None:
            manifest.dependencies = _lines(get("options", "install_requires"))
    for section in ("options.entry_points", "entry_points"):
        for line in _lines(get(section, "console_scripts")):
            _entry(manifest, line, f"[{section}] in setup.cfg")
    for section in ("options", "files"):
        for line in _lines(get(section, "scripts")):
            manifest.script_files[line] = f"[{section}] scripts in setup.cfg"
    if re.search(
        r"pbr", get("metadata", "setup_requires") + get("options", "setup_requires")
    ) or config.has_section("pbr"):
        manifest.version_from_tag = True


def _entry(manifest: Manifest, line: str, where: str) -> None:
    name, separator, target = line.partition("=")
    if separator and target.strip():
        manifest.scripts.setdefault(name.strip(), (target.strip(), where))


def _lines(text: str) -> list[str]:
    return [
        line.strip()
        for line in text.splitlines()
        if line.strip() and not line.strip().startswith("#")
    ]


def _setup_py(tree: Tree, manifest: Manifest) -> None:
    text = tree.text("setup.py")
    module = parse(text) if text.strip() else None
    if module is None:
        return
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
        for k, v in _table(_value(keyword.value, known)).items()
    }
    words |= {keyword.arg: _value(keyword.value, known) for keyword in call.keywords if keyword.arg}
    manifest.name = manifest.name or _text(words.get("name"))
    manifest.description = manifest.description or _text(words.get("description"))
    manifest.requires_python = manifest.requires_python or _text(words.get("python_requires"))
    points = words.get("entry_points")
    if isinstance(points, str):
        config = configparser.RawConfigParser(delimiters=("=",))
        config.optionxform = str  # type: ignore[assignment,method-assign]
        try:
            config.read_string("\n".join(line.strip() for line in points.splitlines()))
            lines = [f"{k} = {v}" for k, v in config.items("console_scripts")]
        except configparser.Error:
            lines = []
    else:
        found = _table(points).get("console_scripts")
        lines = _lines(found) if isinstance(found, str) else _strings(found)
    for line in lines:
        _entry(manifest, line, "entry_points in setup.py")
    for path in _strings(words.get("scripts")):
        manifest.script_files[path] = "scripts in setup.py"
    named = {keyword.arg for keyword in call.keywords}
    if manifest.dependencies is None and "pyproject.toml" not in " ".join(manifest.found):
        if "install_requires" not in named and None not in named:
            manifest.dependencies = []
        elif isinstance(words.get("install_requires"), list):
            manifest.dependencies = _strings(words.get("install_requires"))
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
    known: Json = {}
    for node in module.body:
        if (
            isinstance(node, ast.Assign)
            and len(node.targets) == 1
            and isinstance(node.targets[0], ast.Name)
        ):
            value = _value(node.value, known)
            if value is not None:
                known[node.targets[0].id] = value
    return known


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
        return "".join(map(str, parts)) if None not in parts else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
        left, right = _value(node.left, known), _value(node.right, known)
        if isinstance(left, str) and isinstance(right, str):
            return left + right
        lists = [side for side in (left, right) if isinstance(side, list)]
        return [item for side in lists for item in side] if lists else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod):
        left, right = _value(node.left, known), _value(node.right, known)
        try:
            return (
                left % (tuple(right) if isinstance(right, list) else right)
                if isinstance(left, str)
                else None
            )
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


def poetry_requirements(table: Json) -> list[str] | None:
    """Poetry's dependency table as requirements; None when one is a path or an address."""
    found = []
    for name, value in table.items():
        for spec in value if isinstance(value, list) else [value]:
            if name.lower() == "python":
                continue
            details = spec if isinstance(spec, dict) else {"version": spec}
            if details.get("optional"):
                continue
            if not isinstance(details.get("version"), str) or {"path", "git", "url"} & set(details):
                return None
            extras = ",".join(_strings(details.get("extras")))
            version = caret(details["version"])
            markers = [details["markers"]] if isinstance(details.get("markers"), str) else []
            if isinstance(details.get("python"), str):
                markers += [
                    _python_marker(part) for part in caret(details["python"]).split(",") if part
                ]
            marker = " and ".join(f"({text})" for text in markers)
            found.append(
                f"{name}{f'[{extras}]' if extras else ''}{version}{f' ; {marker}' if marker else ''}"
            )
    return found


def _python_marker(part: str) -> str:
    operator, version = re.match(r"([<>=!~]*)(.*)", part.strip()).groups()  # type: ignore[union-attr]
    key = "python_full_version" if version.count(".") > 1 else "python_version"
    return f"{key} {operator or '=='} '{version}'"


def caret(text: str) -> str:
    """Poetry's `^1.2`, `~1.2`, `1.*` and bare versions as standard specifiers."""
    parts = []
    for part in text.split("||")[0].replace(" ", ",").split(","):
        part = part.strip()
        if not part or part == "*":
            continue
        kind, version = (
            (part[0], part[1:]) if part[0] in "^~" and not part.startswith("~=") else ("", part)
        )
        numbers = re.match(r"\d+(\.\d+)*", version)
        if not kind:
            parts.append(part if part[0] in "<>=!~" else f"=={part}")
            continue
        if numbers is None:
            continue
        digits = [int(number) for number in numbers[0].split(".")]
        if kind == "~":
            keep = min(2, len(digits))
        else:
            keep = next((i + 1 for i, digit in enumerate(digits) if digit), len(digits))
        upper = [*digits[: keep - 1], digits[keep - 1] + 1]
        parts.append(f">={version},<{'.'.join(str(number) for number in upper)}")
    return ",".join(parts)
