"""Real third-party tools as Git repositories, from the source archives of the package registries; and own trees."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.git_server import repository_from_archive, repository_from_tree


@dataclass(frozen=True)
class Source:
    """A package at one version; `without` strips files, as if the author had never written them."""

    name: str
    package: str
    version: str
    registry: str
    without: tuple[str, ...] = ()


MANIFESTS = ("pyproject.toml", "setup.py", "setup.cfg", "MANIFEST.in", "tox.ini")


def python(package: str, version: str, name: str = "", without: tuple[str, ...] = ()) -> Source:
    return Source(name or package, package, version, "python", without)


def npm(package: str, version: str) -> Source:
    return Source(package, package, version, "npm")


def own(name: str) -> Source:
    """A tree of ours beside this file, for shapes that no archive of a registry has."""
    return Source(name, name, "1.2", "own")


SOURCES = (
    python("docutils", "0.21.2"),
    python("tabulate", "0.9.0"),
    python("isort", "5.13.2"),
    python("sqlparse", "0.5.3"),
    python("autopep8", "2.3.1", without=(*MANIFESTS, "test")),
    python("pycodestyle", "2.12.1"),
    python("pyflakes", "3.2.0", without=MANIFESTS),
    python("pyupgrade", "3.17.0"),
    python("python-dotenv", "1.0.1"),
    python("yamllint", "1.35.1"),
    python("markdown-it-py", "3.0.0"),
    python("findpython", "0.6.2"),
    python("bandit", "1.7.10"),
    python("jsonschema", "4.23.0"),
    python("chardet", "5.2.0"),
    python("pygments", "2.18.0"),
    npm("cowsay", "1.6.0"),
    npm("prettyjson", "1.2.5"),
    npm("csvtojson", "2.0.10"),
    npm("json5", "2.2.3"),
    npm("semver", "7.6.3"),
    npm("js-yaml", "4.1.0"),
    npm("mustache", "4.2.0"),
    npm("uglify-js", "3.19.3"),
    npm("marked", "14.1.4"),
    npm("markdown-it", "14.1.0"),
    npm("acorn", "8.14.0"),
    own("pnpm-workspace"),
    own("yarn-classic"),
    own("yarn-berry"),
    own("npm-workspace"),
    own("uv-lock"),
    own("inline-script"),
    own("cython-versioneer"),
    own("meson-extension"),
)


def archive(source: Source, folder: Path) -> Path:
    """The source archive, fetched by the registry's ordinary client with this host's configuration."""
    folder.mkdir(parents=True, exist_ok=True)
    wanted = f"{source.package}=={source.version}"
    if source.registry == "python":
        command = [
            sys.executable,
            "-m",
            "pip",
            "download",
            "--quiet",
            "--disable-pip-version-check",
        ]
        command += ["--no-deps", "--no-binary", source.package, "--dest", ".", wanted]
    else:
        command = ["npm", "pack", "--silent", wanted.replace("==", "@")]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{' '.join(command)} failed:\n{done.stdout}{done.stderr}"
    (found,) = (p for p in folder.iterdir() if p.is_file())
    return found


def repository(source: Source, root: Path, scratch: Path) -> Path:
    """The bare repository of a package, tagged with its version as most authors do."""
    if source.registry == "own":
        tree = Path(__file__).parent / "fixtures" / source.name
        return repository_from_tree(root, source.name, tree, tags=[f"v{source.version}"])
    made_by_packaging = ("PKG-INFO", f"{source.package}.egg-info")  # no author commits these
    return repository_from_archive(
        root,
        source.name,
        archive(source, scratch / source.name),
        without=(*source.without, *made_by_packaging),
        tags=[f"v{source.version}"],
    )
