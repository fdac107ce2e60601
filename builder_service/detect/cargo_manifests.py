"""The Cargo.toml files of a repository: packages, the workspaces that they belong to, their programs."""

import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from builder_service.detect.finding import NoPlan
from builder_service.detect.tree import Tree

Table = dict[str, Any]


@dataclass(frozen=True)
class Binary:
    """A program of a package."""

    name: str
    path: str
    features: tuple[str, ...] = ()
    declared: bool = False


@dataclass(frozen=True)
class Package:
    """One Cargo.toml; `root` is the folder of its workspace."""

    folder: str
    root: str
    name: str
    manifest: Table = field(hash=False)
    binaries: tuple[Binary, ...] = ()

    @property
    def default_run(self) -> str:
        return str(table(self.manifest.get("package")).get("default-run") or "")

    def told(self, key: str, root: Table) -> str:
        """A field like `edition`, from the workspace where the package says so."""
        value = table(self.manifest.get("package")).get(key)
        if isinstance(value, dict):
            value = table(table(root.get("workspace")).get("package")).get(key)
        return value if isinstance(value, str) else ""


def table(value: object) -> Table:
    return value if isinstance(value, dict) else {}


def read(tree: Tree) -> tuple[list[Package], dict[str, Table]]:
    """All packages, and every manifest by its folder; raises `NoPlan` when the first one cannot be read."""
    manifests: dict[str, Table] = {}
    for entry in tree.files:
        if entry.name != "Cargo.toml" or tree.has("/".join([*entry.folders, ".cargo-checksum.json"])):  # fmt: skip
            continue
        folder = "/".join(entry.folders)
        try:
            manifests[folder] = tomllib.loads(tree.text(entry.path))
        except (tomllib.TOMLDecodeError, RecursionError) as error:
            if not folder:
                raise NoPlan(f"Cargo.toml cannot be read: {str(error)[:200]}") from error
    packages = []
    for folder, manifest in manifests.items():
        name = table(manifest.get("package")).get("name")
        if not isinstance(name, str) or not re.fullmatch(r"[\w-]+", name):
            continue
        root = _root(folder, manifests)
        packages.append(Package(folder, root, name, manifest, tuple(_binaries(tree, folder, name, manifest))))  # fmt: skip
    return packages, manifests


def _root(folder: str, manifests: dict[str, Table]) -> str:
    """The folder of the workspace that lists this package, else its own."""
    if "workspace" in manifests[folder]:
        return folder
    parts = folder.split("/") if folder else []
    for count in range(len(parts) - 1, -1, -1):
        above = "/".join(parts[:count])
        space = table(table(manifests.get(above)).get("workspace"))
        if "workspace" not in table(manifests.get(above)):
            continue
        inside = "/".join(parts[count:])
        members = [str(m).removeprefix("./").rstrip("/") for m in space.get("members") or []]
        left_out = [str(m).removeprefix("./").rstrip("/") for m in space.get("exclude") or []]
        if any(inside == e or inside.startswith(e + "/") for e in left_out):
            return folder
        # packages that a member depends on by path belong to the workspace too
        paths = _local(above, table(manifests.get(above)))
        if folder in paths or any(fnmatchcase(inside, member) for member in members):
            return above
        listed = [f for f in manifests if any(fnmatchcase(f[len(above) :].strip("/"), m) for m in members)]  # fmt: skip
        if any(folder in _local(f, manifests[f]) for f in listed):
            return above
    return folder


def _local(folder: str, manifest: Table) -> set[str]:
    found = set()
    for name in ("dependencies", "build-dependencies"):
        for spec in table(manifest.get(name)).values():
            path = table(spec).get("path")
            if isinstance(path, str):
                parts: list[str] = folder.split("/") if folder else []
                for part in path.split("/"):
                    if part == "..":
                        parts = parts[:-1]
                    elif part not in ("", "."):
                        parts.append(part)
                found.add("/".join(parts))
    return found


def _binaries(tree: Tree, folder: str, name: str, manifest: Table) -> Iterator[Binary]:
    prefix = f"{folder}/" if folder else ""
    seen = set()
    places = set()
    for target in manifest.get("bin") or []:
        own = table(target).get("name")
        if not isinstance(own, str) or not re.fullmatch(r"[\w.+-]+", own):
            continue
        usual = [f"src/bin/{own}.rs", f"src/bin/{own}/main.rs", "src/main.rs"]
        path = target.get("path") or next((p for p in usual if tree.has(prefix + p)), usual[0])
        features = tuple(str(word) for word in target.get("required-features") or [])
        seen.add(own)
        places.add(str(path))
        yield Binary(own, str(path), features, declared=True)
    if table(manifest.get("package")).get("autobins") is False:
        return
    if tree.has(f"{prefix}src/main.rs") and "src/main.rs" not in places and name not in seen:
        yield Binary(name, "src/main.rs")
    for entry in tree.files:
        found = re.fullmatch(r"src/bin/([\w.+-]+?)(?:\.rs|/main\.rs)", entry.path.removeprefix(prefix))  # fmt: skip
        if entry.path.startswith(prefix) and found and found[1] not in seen and found[0] not in places:  # fmt: skip
            yield Binary(found[1], found[0])
