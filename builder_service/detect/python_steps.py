"""How a Python tool is installed: dependencies first, so that they stay when only the source changes."""

import re
from collections.abc import Iterable

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name

from builder_service import versions
from builder_service.detect import python_imports
from builder_service.detect.finding import Facts, NoPlan
from builder_service.detect.python_manifest import Manifest
from builder_service.detect.tree import Tree, normal
from shared.plan import Step

RUNTIME_VERSION = "3.11"
VENV = "/opt/venv"
PYTHON = f"{VENV}/bin/python"
_INSTALL = ["uv", "pip", "install", "--python", PYTHON, "--compile-bytecode"]

_SYSTEM = {
    "python-magic": ["libmagic1"], "opencv-python": ["libgl1", "libglib2.0-0"], "pyaudio": ["portaudio19-dev"],
    "psycopg2": ["libpq-dev"], "mysqlclient": ["default-libmysqlclient-dev", "pkg-config"],
    "pycairo": ["libcairo2-dev", "pkg-config"], "cairosvg": ["libcairo2"], "weasyprint": ["libpango-1.0-0", "libpangoft2-1.0-0"],
    "pytesseract": ["tesseract-ocr"], "graphviz": ["graphviz"], "pydot": ["graphviz"], "pydub": ["ffmpeg"],
    "ffmpeg-python": ["ffmpeg"], "moviepy": ["ffmpeg"], "pdf2image": ["poppler-utils"], "pyzbar": ["libzbar0"],
    "python-ldap": ["libldap-dev", "libsasl2-dev"], "pycurl": ["libcurl4-openssl-dev", "libssl-dev"],
    "soundfile": ["libsndfile1"], "librosa": ["libsndfile1"], "wand": ["libmagickwand-6.q16-6"], "gitpython": ["git"],
    "python-nmap": ["nmap"], "xmlsec": ["libxmlsec1-dev", "pkg-config"], "pygraphviz": ["libgraphviz-dev", "pkg-config"],
    "yt-dlp": ["ffmpeg"], "tkinter": ["python3-tk"], "pybedtools": ["bedtools", "zlib1g-dev"],
}  # fmt: skip


def check_version(requires: str) -> None:
    """Raises `NoPlan` when the base image's Python does not fit."""
    try:
        fits = SpecifierSet(requires).contains(f"{RUNTIME_VERSION}.2", prereleases=True)
    except InvalidSpecifier:
        return
    if not fits:
        raise NoPlan(
            f"The tool needs Python {requires}; builds here have Python {RUNTIME_VERSION}. "
            "Choose an older tag of the repository as its ref."
        )


def requirements_file(tree: Tree) -> str | None:
    """The usual places of a requirements file."""
    for path in ("requirements.txt", "requirements/base.txt", "requirements/requirements.txt", "requirements/main.txt",
                 "requirements/prod.txt", "requirement.txt", "deps/requirements.txt"):  # fmt: skip
        if tree.has(path):
            return path
    return None


def _requirement_files(tree: Tree, path: str, seen: set[str]) -> list[str]:
    """The file and those that it includes."""
    if path in seen or not tree.has(path):
        return []
    seen.add(path)
    files = [path]
    folder = path.rsplit("/", 1)[0] + "/" if "/" in path else ""
    for found in re.findall(
        r"^\s*(?:-r|-c|--requirement|--constraint)[ =]?\s*(\S+)", tree.text(path), re.MULTILINE
    ):
        files += _requirement_files(tree, normal(folder + found), seen)
    return files


def install_steps(
    tree: Tree, manifest: Manifest, imports: set[str], facts: Facts, evidence: list[str]
) -> tuple[list[Step], set[str]]:
    """The steps, and the names of what they install; adds what was found to `evidence`."""
    env: dict[str, str] = {}
    later: list[Step] = []
    if manifest.version_from_tag:
        version = facts.version or "0.1"
        env = versions.environment(version)
        evidence.append(f"version {version}, from the repository's tags")
        if manifest.versioningit and not tree.has("PKG-INFO"):
            later.append(_package_info(manifest, version))
    first, wanted = _dependencies(tree, manifest, imports, env, evidence)
    if manifest.installable:
        cli = ("cli", "cmd", "commandline")
        extra = next((name for name in manifest.extras if name.lower() in cli), None)
        target = f".[{extra}]" if extra else "."
        later.append(Step(name="install", argv=[*_INSTALL, "--", target], env=env))
    return [*first, *later], wanted | _names(manifest.dependencies or [])


def _dependencies(
    tree: Tree, manifest: Manifest, imports: set[str], env: dict[str, str], evidence: list[str]
) -> tuple[list[Step], set[str]]:
    """What can be installed before the source is there; from the manifest, else requirements, else imports."""
    listed = manifest.dependencies
    if listed and all(_plain(text) for text in listed):
        return [Step(name="dependencies", argv=[*_INSTALL, "--", *listed], files=[])], set()
    requirements = requirements_file(tree)
    if requirements is not None and not (manifest.installable and listed):
        return _from_requirements(tree, manifest, requirements, env, evidence)
    if manifest.found and (manifest.installable or listed is not None):
        return [], set()
    found, unknown = python_imports.distributions(imports, python_imports.local_modules(tree))
    if unknown:
        evidence.append("imports that nothing is known about: " + ", ".join(unknown[:10]))
    if not found:
        evidence.append("no manifest, and no import beyond the standard library")
        return [], set()
    evidence.append("no manifest: " + ", ".join(found) + " by imports")
    return [Step(name="dependencies", argv=[*_INSTALL, "--", *found], files=[])], _names(found)


def _from_requirements(
    tree: Tree, manifest: Manifest, path: str, env: dict[str, str], evidence: list[str]
) -> tuple[list[Step], set[str]]:
    text = tree.text(path)
    local = bool(re.search(r"^\s*(-e\b|\.|--editable|file:)", text, re.MULTILINE))
    if local and manifest.installable:
        return [], set()
    evidence.append(path)
    step = Step(
        name="dependencies",
        argv=[*_INSTALL, "-r", path],
        env=env if local else {},
        files=None if local else _requirement_files(tree, path, set()),
    )
    return [step], _names(re.findall(r"^\s*([A-Za-z0-9][\w.\-\[\],]*)", text, re.MULTILINE))


def _package_info(manifest: Manifest, version: str) -> Step:
    code = (
        "import pathlib, sys; pathlib.Path('PKG-INFO').write_text("
        "f'Metadata-Version: 2.1\\nName: {sys.argv[1]}\\nVersion: {sys.argv[2]}\\n')"
    )
    return Step(name="version", argv=[PYTHON, "-c", code, manifest.name or "tool", version])


def _plain(text: str) -> bool:
    """Whether a requirement is a name with conditions, not a path or an address."""
    try:
        return Requirement(text).url is None
    except InvalidRequirement:
        return False


def _names(requirements: Iterable[str]) -> set[str]:
    found = (re.match(r"[A-Za-z0-9][\w.-]*", text.strip()) for text in requirements)
    return {canonicalize_name(match[0]) for match in found if match}


def system_packages(wanted: set[str], imports: set[str]) -> list[str]:
    """Debian packages without which some well-known distributions do not work."""
    tops = {name.split(".")[0] for name in imports}
    return sorted(
        {
            package
            for key, packages in _SYSTEM.items()
            if key in wanted | tops
            for package in packages
        }
    )
