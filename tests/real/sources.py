"""Real third-party tools as Git repositories, from the source archives of the package registries."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.git_server import repository_from_archive


@dataclass(frozen=True)
class Source:
    """A package at one version; `without` strips files, as if the author had never written them."""

    name: str
    package: str
    version: str
    registry: str
    without: tuple[str, ...] = ()


MANIFESTS = ("pyproject.toml", "setup.py", "setup.cfg", "MANIFEST.in", "tox.ini")

SOURCES = (
    Source("tabulate", "tabulate", "0.9.0", "python"),
    Source("isort", "isort", "5.13.2", "python"),
    Source("sqlparse", "sqlparse", "0.5.3", "python"),
    Source("docutils", "docutils", "0.21.2", "python"),
    Source("cowsay", "cowsay", "1.6.0", "npm"),
    Source("prettyjson", "prettyjson", "1.2.5", "npm"),
    Source("csvtojson", "csvtojson", "2.0.10", "npm"),
    Source("autopep8", "autopep8", "2.3.1", "python", without=(*MANIFESTS, "test")),
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
    made_by_packaging = ("PKG-INFO", f"{source.package}.egg-info")  # no author commits these
    return repository_from_archive(
        root,
        source.name,
        archive(source, scratch / source.name),
        without=(*source.without, *made_by_packaging),
        tags=[f"v{source.version}"],
    )
