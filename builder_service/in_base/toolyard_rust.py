"""`toolyard-rust`: a Rust tool's crates, then its programs; from vendored sources, the registry or Debian's packages."""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from builder_service.in_base import rust_manifests
from builder_service.in_base.debian_sources import Archive, Missing, index, say

HOME = Path("/opt/rust")
APP = Path("/app")
TARGET = HOME / "target"
DEBIAN = HOME / "debian"
CRATES = DEBIAN / "usr/share/cargo/registry"
KEPT = HOME / "manifests"
NOTES = HOME / "way.json"
INDEX = Path("/usr/local/share/toolyard/rust-crates.tsv")
ROUNDS = 40
_ENV = {
    "CARGO_HOME": str(HOME / "cargo"),
    "CARGO_TARGET_DIR": str(TARGET),
    "CARGO_TERM_COLOR": "never",
    "CARGO_NET_RETRY": "1",
    "CARGO_HTTP_TIMEOUT": "15",
    "CARGO_INCREMENTAL": "0",
    # a release on two processors would take many minutes with them, and gain a few per cent
    "CARGO_PROFILE_RELEASE_LTO": "off",
    "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16",
    "CARGO_PROFILE_RELEASE_DEBUG": "0",
    "CARGO_PROFILE_RELEASE_STRIP": "symbols",
}
_OFFLINE = re.compile(
    r"failed to download|Could(?:n't| not) (?:connect|resolve)|timed out|Timeout was reached|spurious network|"
    r"download of config\.json failed|Unable to update|Failed to connect|Connection refused|unreachable",
    re.IGNORECASE,
)
_USUAL = {"bin": "src/bin", "example": "examples", "test": "tests", "bench": "benches"}
_PROGRAM = "fn main() {}\n"
_OTHERS = ". The crates' registry does not answer, and Debian's versions of the crates are others than the tool asks for"
_SOURCES = """\
[source.crates-io]
replace-with = "here"
[source.here]
directory = "{folder}"
"""


@dataclass(frozen=True)
class Way:
    """How the workspace is built: flags of every cargo command, and whose versions of the crates are used."""

    flags: list[str] = field(default_factory=list)
    from_debian: bool = False


@dataclass(frozen=True)
class Program:
    """A binary target: `NAME=PACKAGE[:FEATURE,…]`."""

    name: str
    package: str
    features: list[str]

    @classmethod
    def read(cls, text: str) -> "Program":
        name, _, rest = text.partition("=")
        package, _, features = rest.partition(":")
        return cls(name, package, [word for word in features.split(",") if word])

    @property
    def argv(self) -> list[str]:
        features = ["--features", ",".join(self.features)] if self.features else []
        return ["--package", self.package, "--bin", self.name, *features]


def main(arguments: list[str]) -> int:
    """0 when done; 1 with a line that starts with `error:`."""
    parser = argparse.ArgumentParser(prog="toolyard-rust", description=__doc__)
    parser.add_argument("action", choices=["dependencies", "build"])
    parser.add_argument("--folder", default="", help="the workspace's root")
    parser.add_argument("--vendor", default="", help="a folder of vendored crates that no configuration names")  # fmt: skip
    parser.add_argument("programs", nargs="*", help="NAME=PACKAGE[:FEATURE,…], best first")
    options = parser.parse_intermixed_args(arguments)
    root = APP / options.folder
    programs = [Program.read(text) for text in options.programs]
    try:
        if options.action == "dependencies":
            prepare(root, programs, options.vendor)
        else:
            build(root, programs)
    except Missing as missing:
        say(f"error: {missing}")
        return 1
    except subprocess.CalledProcessError as error:
        return error.returncode or 1
    return 0


def prepare(root: Path, programs: list[Program], vendor: str) -> None:
    """Fetch the crates and compile them, with empty programs in place of the tool's own source."""
    made = [path for manifest in _manifests(root) for path in _stand_in(manifest, programs)]
    way = _way(root, programs, vendor)
    NOTES.write_text(json.dumps(asdict(way)))
    first, *others = programs
    done = _cargo(["build", "--release", *way.flags, *first.argv], root, check=False)
    for other in others if done.returncode == 0 else []:
        _cargo(["build", "--release", *way.flags, *other.argv], root, check=False)
    for path in made:
        path.unlink()
    # a crate that fails here fails again with the tool's own source, and is told there
    say("the crates are compiled" if done.returncode == 0 else "the crates could not be compiled before the source")  # fmt: skip


def build(root: Path, programs: list[Program]) -> None:
    """Compile the programs; the first one has to succeed, another that does not says so when it is called."""
    way = Way(**json.loads(NOTES.read_text())) if NOTES.is_file() else Way(["--offline"])
    if way.from_debian:
        for kept in KEPT.rglob("Cargo.*"):
            shutil.copyfile(kept, root / kept.relative_to(KEPT))
    for source in _sources(root):
        # cargo compares times, and the empty programs were compiled after these files were made
        source.touch()
    for number, program in enumerate(programs):
        argv = ["build", "--release", *way.flags, *program.argv]
        done = _cargo(argv, root, check=False)
        if done.returncode == 0:
            shutil.copy2(TARGET / "release" / program.name, HOME / "bin" / program.name)
            continue
        # cargo's own closing lines tell nothing, but look like the reason
        sys.stdout.write(
            re.sub(r"(?m)^error: (could not compile|aborting due).*\n?", "", done.stderr)
        )
        if number == 0:
            raise Missing(told(done.stderr) + (_OTHERS if way.from_debian else ""))
        say(f"{program.name} is left out: it does not compile")
        stand_in = HOME / "bin" / program.name
        stand_in.write_text(f"#!/bin/sh\necho '{program.name} did not compile; see the log of the build.' >&2\nexit 126\n")  # fmt: skip
        stand_in.chmod(0o755)


def told(stderr: str) -> str:
    """What rustc or cargo complains of first, and where."""
    found = re.search(r"^error(?:\[E\d+\])?: (.+)\n(?:\s+--> (\S+))?", stderr + "\n", re.MULTILINE)
    if found is None:
        return "the tool does not compile"
    return found[1] + (f" ({found[2]})" if found[2] else "")


def _way(root: Path, programs: list[Program], vendor: str) -> Way:
    if vendor:
        _source(APP / vendor)
    locked = ["--locked"] if (root / "Cargo.lock").is_file() else []
    done = _cargo(["fetch", *locked], root, check=False)
    if done.returncode and locked and "--locked" in done.stderr:
        say("Cargo.lock does not fit Cargo.toml and is brought up to date")
        locked = []
        done = _cargo(["fetch"], root, check=False)
    if done.returncode == 0:
        return Way([*locked, "--offline"])
    if not _OFFLINE.search(done.stderr):
        sys.stdout.write(done.stderr)
        raise subprocess.CalledProcessError(done.returncode, done.args)
    say("The crates' registry does not answer; looking among Debian's packages.")
    return _from_debian(root, programs)


def _from_debian(root: Path, programs: list[Program]) -> Way:
    crates = offered(index(INDEX))
    chosen: dict[str, set[str]] = {}
    missing: list[str] = []

    def version(crate: str, asked: str) -> str:
        found, good = rust_manifests.newest(asked, crates.get(crate, {}))
        if found is None:
            missing.append(crate)
            return asked
        if not good:
            say(f"{crate} {asked} is asked for; Debian has {found}")
        chosen.setdefault(crate, set()).add(found)
        return f"={found}"

    named = {p.package: [f for q in programs if q.package == p.package for f in q.features] for p in programs}  # fmt: skip
    manifests = {path.parent: tomllib.loads(path.read_text()) for path in _manifests(root)}
    needed = _together(manifests, programs[0].package)
    for folder in needed | {root}:
        manifest = manifests[folder]
        name = (manifest.get("package") or {}).get("name", "")
        made = rust_manifests.trimmed(manifest, named.get(name, []), version)
        if folder == root and "workspace" in made:
            inside = [each.relative_to(root).as_posix() for each in sorted(needed - {root})]
            made["workspace"] = {**made["workspace"], "members": inside}
            made["workspace"].pop("default-members", None)
        kept = KEPT / folder.relative_to(root) / "Cargo.toml"
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(rust_manifests.written(made))
        shutil.copyfile(kept, folder / "Cargo.toml")
    if missing:
        raise Missing(
            "The crates' registry does not answer, nothing is vendored, and Debian has no package with the crate "
            f"{', '.join(sorted(set(missing))[:6])}. Vendor the crates with: cargo vendor"
        )
    (root / "Cargo.lock").unlink(missing_ok=True)
    _source(CRATES)
    packages = {crates[crate][found] for crate, versions in chosen.items() for found in versions}
    _resolve(root, crates, packages)
    shutil.copyfile(root / "Cargo.lock", KEPT / "Cargo.lock")
    return Way(["--offline"], from_debian=True)


def _together(manifests: dict[Path, dict[str, Any]], package: str) -> set[Path]:
    """The folders of a package and of those that it depends on by path."""
    waiting = [f for f, text in manifests.items() if (text.get("package") or {}).get("name") == package]  # fmt: skip
    shared: dict[str, Any] = {}
    for folder, text in manifests.items():
        for key, spec in ((text.get("workspace") or {}).get("dependencies") or {}).items():
            if isinstance(spec, dict) and "path" in spec:
                shared[key] = folder / spec["path"]
    found: set[Path] = set()
    while waiting:
        folder = Path(os.path.normpath(waiting.pop()))
        if folder in found or folder not in manifests:
            continue
        found.add(folder)
        for kind in ("dependencies", "build-dependencies"):
            for key, spec in (manifests[folder].get(kind) or {}).items():
                if isinstance(spec, dict) and "path" in spec:
                    waiting.append(folder / spec["path"])
                elif isinstance(spec, dict) and spec.get("workspace") and key in shared:
                    waiting.append(shared[key])
    return found


def _resolve(root: Path, crates: dict[str, dict[str, str]], packages: set[str]) -> None:
    """Unpack what is named, then whatever cargo still misses."""
    archive = Archive("librust-", DEBIAN)
    for _ in range(ROUNDS):
        new = archive.unpack(packages)
        for package in new:
            say(f"from Debian: {package}")
        done = _cargo(["generate-lockfile", "--offline"], root, check=False)
        if done.returncode == 0:
            archive.close()
            return
        found = re.search(r"no matching package named `([\w-]+)` found|for the requirement `([\w-]+) = ", done.stderr)  # fmt: skip
        crate = (found[1] or found[2]) if found else ""
        packages = set(crates.get(crate, {}).values())
        if not new or not packages:
            sys.stdout.write(done.stderr)
            raise Missing(
                "The crates' registry does not answer, and Debian's packages do not fit one another"
                + (f" (crate {crate})" if crate else "")
                + ". Vendor the crates with: cargo vendor"
            )
    raise Missing("Debian's packages of the crates could not be put together.")


def offered(packages: dict[str, list[str]]) -> dict[str, dict[str, str]]:
    """The crates of Debian: name, version, package."""
    found: dict[str, dict[str, str]] = {}
    for folder, names in packages.items():
        parts = re.fullmatch(r"(.+?)-(\d+\.\d+\.\d+\S*)", folder)
        if parts:
            found.setdefault(parts[1], {})[parts[2]] = names[0]
    return found


def _source(folder: Path) -> None:
    config = HOME / "cargo" / "config.toml"
    config.write_text(_SOURCES.format(folder=folder))


def _manifests(root: Path) -> list[Path]:
    return [path for path in sorted(root.rglob("Cargo.toml")) if not _left_out(root, path)]


def _sources(root: Path) -> Iterable[Path]:
    return (p for p in root.rglob("*.rs") if p.is_file() and not p.is_symlink() and not _left_out(root, p))  # fmt: skip


def _left_out(root: Path, path: Path) -> bool:
    folders = path.relative_to(root).parts[:-1]
    return "target" in folders[:1] or any((root / Path(*folders[: n + 1]) / ".cargo-checksum.json").exists() for n in range(len(folders)))  # fmt: skip


def _stand_in(manifest: Path, programs: list[Program]) -> list[Path]:
    """Empty files at the places where the manifest says that its targets are; those that were made."""
    text: dict[str, Any] = tomllib.loads(manifest.read_text())
    package = text.get("package")
    if package is None:
        return []
    name = package.get("name")
    places: dict[str, str] = {(text.get("lib") or {}).get("path", "src/lib.rs"): ""}
    targets = {kind: text.get(kind) or [] for kind in _USUAL}
    told = [target.get("name") for target in targets["bin"]]
    implied = [{"name": p.name} for p in programs if p.package == name and p.name not in told]
    targets["bin"] = [*targets["bin"], *implied]
    for kind, usual in _USUAL.items():
        for target in targets[kind]:
            own = kind == "bin" and target.get("name") == name
            otherwise = "src/main.rs" if own else f"{usual}/{target.get('name')}.rs"
            places[target.get("path") or otherwise] = _PROGRAM
    script = package.get("build", "build.rs" if text.get("build-dependencies") else False)
    if isinstance(script, str):
        places[script] = _PROGRAM
    made = []
    for place, content in places.items():
        path = manifest.parent / place
        if not path.exists() and ".." not in Path(place).parts and not place.startswith("/"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
            made.append(path)
    return made


def _cargo(
    argv: list[str], where: Path, *, check: bool = True
) -> "subprocess.CompletedProcess[str]":
    done = subprocess.run(
        ["env", *(f"{k}={v}" for k, v in _ENV.items()), "cargo", *argv],
        cwd=where,
        capture_output=True,
        text=True,
        check=False,
    )
    if check and done.returncode:
        sys.stdout.write(done.stderr)
        done.check_returncode()
    return done


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
