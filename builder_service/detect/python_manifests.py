"""What pyproject.toml, setup.cfg and setup.py say, of any back end; read, never executed."""

import configparser
import re
import tomllib

from builder_service.detect import poetry as poetry_format
from builder_service.detect import python_setup
from builder_service.detect.python_manifest import (
    Json,
    Manifest,
    lines,
    split_extras,
    strings,
    table,
)
from builder_service.detect.tree import Tree


def read(tree: Tree) -> Manifest:
    """Everything that the manifests at the root declare."""
    manifest = Manifest()
    _pyproject(tree, manifest)
    _setup_cfg(tree, manifest)
    python_setup.read(tree, manifest)
    _pipfile(tree, manifest)
    if manifest.version_file and manifest.installable:
        manifest.version_from_tag = True
    return manifest


def _pyproject(tree: Tree, manifest: Manifest) -> None:
    text = tree.text("pyproject.toml")
    if not text.strip():
        return
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        manifest.problems.append(f"pyproject.toml cannot be read: {str(error)[:200]}")
        return
    build, project, tool = (
        table(data.get("build-system")),
        table(data.get("project")),
        table(data.get("tool")),
    )
    poetry, flit = table(tool.get("poetry")), table(tool.get("flit"))
    requires = " ".join(strings(build.get("requires")))
    manifest.backend = str(build.get("build-backend") or ("setuptools" if build or project else ""))
    old_flit = table(flit.get("metadata"))
    package_mode = poetry.get("package-mode", True) is not False
    uv_says = table(tool.get("uv")).get("package")
    has_metadata = bool(project.get("name") or (poetry.get("name") and package_mode) or old_flit)
    # A project without a build system is an application of uv: its tool has no package to install.
    is_app = (
        not build
        and (uv_says is False or not project.get("scripts"))
        and not poetry
        and not old_flit
    )
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
    for scripts, where in (
        (table(project.get("scripts")), "[project.scripts]"),
        (
            table(table(project.get("entry-points")).get("console_scripts")),
            "[project.entry-points]",
        ),
        (table(poetry.get("scripts")), "[tool.poetry.scripts]"),
        (table(flit.get("scripts")), "[tool.flit.scripts]"),
        (
            table(table(table(flit.get("entrypoints"))).get("console_scripts")),
            "[tool.flit.entrypoints]",
        ),
    ):
        for name, value in scripts.items():
            target = (
                value
                if isinstance(value, str)
                else table(value).get("callable") or table(value).get("reference")
            )
            if not isinstance(target, str):
                continue
            if isinstance(value, dict) and value.get("type") == "file":
                manifest.script_files[target] = f"{where} in {declared}"
            else:
                reference, extras = split_extras(target)
                manifest.scripts[str(name)] = (reference, f"{where} in {declared}")
                manifest.entry_extras += [*extras, *strings(table(value).get("extras"))]
    for path in strings(table(tool.get("setuptools")).get("script-files")):
        manifest.script_files[path] = f"[tool.setuptools] script-files in {declared}"
    dynamic = strings(project.get("dynamic"))
    if project.get("name") and "dependencies" not in dynamic:
        manifest.dependencies = strings(project.get("dependencies"))
    elif poetry.get("dependencies"):
        manifest.dependencies = poetry_format.requirements(table(poetry.get("dependencies")))
        python = table(poetry.get("dependencies")).get("python")
        if isinstance(python, str):
            manifest.requires_python = manifest.requires_python or poetry_format.caret(python)
    manifest.extras = {
        name: strings(listed)
        for name, listed in table(project.get("optional-dependencies")).items()
    } or {name: strings(listed) for name, listed in table(poetry.get("extras")).items()}
    _version_source(manifest, requires, tool, dynamic, poetry)


def _pipfile(tree: Tree, manifest: Manifest) -> None:
    text = tree.text("Pipfile")
    if not text.strip() or manifest.installable:
        return
    try:
        data = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        manifest.problems.append(f"Pipfile cannot be read: {str(error)[:200]}")
        return
    manifest.found.append("Pipfile")
    wanted = poetry_format.requirements(table(data.get("packages")), exact=False)
    if manifest.dependencies is None and wanted is not None:
        manifest.dependencies = wanted
    python = table(data.get("requires")).get("python_version")
    if isinstance(python, str) and not manifest.requires_python:
        manifest.requires_python = f">={python}"


def _backend_name(backend: str) -> str:
    return {"poetry.core.masonry.api": "poetry-core", "setuptools.build_meta": "setuptools"}.get(
        backend, backend.split(".")[0] or "no build system"
    )


def _version_source(
    manifest: Manifest, requires: str, tool: Json, dynamic: list[str], poetry: Json
) -> None:
    hatch = table(table(tool.get("hatch")).get("version"))
    pdm = table(table(tool.get("pdm")).get("version"))
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
    manifest.reads_package_info = bool(
        re.search(r"versioningit|setuptools[-_]git[-_]versioning", requires)
    )
    manifest.needs_rust = bool(re.search(r"\bmaturin\b|setuptools[-_]rust", requires))
    manifest.version_file = str(table(tool.get("versioneer")).get("versionfile_source") or "")


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
            manifest.dependencies = lines(get("options", "install_requires"))
    for section in ("options.entry_points", "entry_points"):
        for line in lines(get(section, "console_scripts")):
            manifest.add_entry(line, f"[{section}] in setup.cfg")
    for section in ("options", "files"):
        for line in lines(get(section, "scripts")):
            manifest.script_files[line] = f"[{section}] scripts in setup.cfg"
    manifest.version_file = manifest.version_file or get("versioneer", "versionfile_source")
    if re.search(
        r"pbr", get("metadata", "setup_requires") + get("options", "setup_requires")
    ) or config.has_section("pbr"):
        manifest.version_from_tag = True
