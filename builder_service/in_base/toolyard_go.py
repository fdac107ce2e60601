"""`toolyard-go`: a Go tool's dependencies, then its programs; from vendor/, the module proxy or Debian's packages."""

import argparse
import json
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path

from builder_service.in_base.debian_sources import Archive, Missing, index, say

HOME = Path("/opt/go")
APP = Path("/app")
DEBIAN = HOME / "debian"
SCRATCH = Path("/tmp/toolyard-gopath")  # noqa: S108 - inside the build container
INDEX = Path("/usr/local/share/toolyard/golang-packages.tsv")
ANSWER_SECONDS = 10
_MOST_ROUNDS = 4
_ABSENT = ["-e", "-deps", "-f", "{{if and .Error (not .Dir)}}{{.ImportPath}}{{end}}"]
_ENV = {
    "GOCACHE": str(HOME / "cache"),
    "GOMODCACHE": str(HOME / "mod"),
    "GOPATH": str(HOME / "path"),
    "GOTOOLCHAIN": "local",
    "GOTELEMETRY": "off",
}
_OTHERS = ". The module proxy does not answer, and Debian's versions of the modules are others than the tool asks for"


@dataclass(frozen=True)
class Way:
    """How a module is built: `vendor` and `modules` as Go does today, `path` below GOPATH as before modules."""

    kind: str
    flags: list[str]
    from_debian: bool = False


@dataclass(frozen=True)
class Module:
    """A folder of the repository and the import path of its packages."""

    folder: str
    path: str

    @property
    def here(self) -> Path:
        return APP / self.folder

    @property
    def notes(self) -> Path:
        return HOME / "ways" / (self.folder.replace("/", "%") or "root")


def main(arguments: list[str]) -> int:
    """0 when done; 1 with a line that starts with `error:`."""
    parser = argparse.ArgumentParser(prog="toolyard-go", description=__doc__)
    parser.add_argument("action", choices=["dependencies", "build"])
    parser.add_argument("--folder", default="")
    parser.add_argument("--path", required=True, help="import path of the folder's packages")
    parser.add_argument("--needed", type=int, default=0, help="that many import paths must be had")
    parser.add_argument("--spare", action="store_true", help="no program has to compile")
    parser.add_argument(
        "names", nargs="*", help="import paths, or NAME=FOLDER[:FILE] of programs, best first"
    )
    options = parser.parse_intermixed_args(arguments)
    module = Module(options.folder, options.path)
    try:
        if options.action == "dependencies":
            prepare(module, options.names, options.needed)
        else:
            build(module, options.names, required=not options.spare)
    except Missing as missing:
        say(f"error: {missing}")
        return 1
    except subprocess.CalledProcessError as error:
        return error.returncode or 1
    finally:
        shutil.rmtree(SCRATCH, ignore_errors=True)
    return 0


def prepare(module: Module, imports: list[str], needed: int) -> None:
    """Have the packages of these import paths at hand, and compiled."""
    way = _way(module, imports, needed)
    module.notes.parent.mkdir(parents=True, exist_ok=True)
    module.notes.write_text(json.dumps(asdict(way)))
    where = _enter(module, way)
    targets = imports
    if way.kind == "path" and not way.from_debian:
        targets = [f"{module.path}/vendor/{p}" for p in imports if (where / "vendor" / p).is_dir()]
    _compile(targets, where, way)


def build(module: Module, programs: list[str], *, required: bool) -> None:
    """Compile the programs; the first one has to succeed, another that does not says so when it is called."""
    way = _read_way(module)
    where = _enter(module, way)
    bin_ = HOME / "bin"
    bin_.mkdir(exist_ok=True)
    for number, program in enumerate(programs):
        name, _, place = program.partition("=")
        folder, _, file = place.partition(":")
        package = f"./{file}" if file else "."
        inside = where / folder
        if way.kind == "path" and not file:
            package, inside = "/".join(filter(None, (module.path, folder))), where
        argv = ["build", *way.flags, "-ldflags=-s -w", "-o", str(bin_ / name), package]
        done = _go(argv, inside, way, check=False)
        if done.returncode and "not one of the workspace modules" in done.stderr:
            done = _go(argv, inside, way, check=False, GOWORK="off")
        sys.stdout.write(done.stderr)
        if done.returncode == 0:
            continue
        if number == 0 and required:
            raise Missing(told(done.stderr) + (_OTHERS if way.from_debian else ""))
        say(f"{name} is left out: it does not compile")
        stand_in = bin_ / name
        stand_in.write_text(f"#!/bin/sh\necho '{name} did not compile; see the log of the build.' >&2\nexit 126\n")  # fmt: skip
        stand_in.chmod(0o755)


def told(stderr: str) -> str:
    """What the compiler or linker complains of first, and where."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    return next(
        (line for line in lines if not line.startswith(("#", "go: downloading"))),
        "the tool does not compile",
    )


def _way(module: Module, imports: list[str], needed: int) -> Way:
    here = module.here
    has_mod = (here / "go.mod").is_file()
    if (here / "vendor").is_dir():
        if has_mod and (here / "vendor/modules.txt").is_file():
            vendored = Way("vendor", ["-mod=vendor"])
            listed = _go(["list", *vendored.flags, *imports], here, vendored, check=False)
            if "inconsistent vendoring" not in listed.stderr:
                return vendored
            say("vendor/ does not fit go.mod and is left aside")
        elif all((here / "vendor" / name).is_dir() for name in imports):
            return Way("path", [])
    if _answers():
        return _from_proxy(module, imports)
    say("The module proxy does not answer; looking among Debian's packages.")
    return _from_debian(imports, needed)


def _answers() -> bool:
    """Whether the first proxy of Go's configuration answers at all."""
    proxies = _go(["env", "GOPROXY"], Path("/"), Way("modules", [])).stdout.strip()
    proxy = proxies.replace("|", ",").split(",")[0]
    if proxy in ("", "off", "direct"):
        return False
    if not proxy.startswith(("http://", "https://")):
        return True  # a folder
    try:
        with urllib.request.urlopen(proxy, timeout=ANSWER_SECONDS):  # noqa: S310 - of the operator
            return True
    except urllib.error.HTTPError as error:
        return error.code < 500
    except OSError:
        return False


def _from_proxy(module: Module, imports: list[str]) -> Way:
    way = Way("modules", [])
    here = module.here
    if not (here / "go.mod").is_file():
        _go(["mod", "init", module.path], here, way)
        sys.stdout.write(_go(["get", *imports], here, way).stderr)
        return way
    listed = _go(["list", "-deps", *imports], here, way, check=False)
    if listed.returncode == 0:
        return way
    # go.mod or go.sum leave something out; Go completes them, as it did by itself until 1.16
    way = Way("modules", ["-mod=mod"])
    done = _go(["list", "-mod=mod", "-deps", *imports], here, way, check=False)
    if done.returncode:
        sys.stdout.write(done.stderr)
        raise subprocess.CalledProcessError(done.returncode, done.args)
    return way


def _from_debian(imports: list[str], needed: int) -> Way:
    packages, missing = choose(imports, index(INDEX))
    missing = [path for path in missing if path in imports[:needed]]
    if missing:
        raise Missing(
            "The Go module proxy does not answer, there is no vendor/ folder, and Debian has no package with "
            f"{', '.join(missing[:6])}{' and others' if len(missing) > 6 else ''}. Vendor the modules with: go mod vendor"
        )
    archive = Archive("golang-", DEBIAN)
    way = Way("path", [], from_debian=True)
    for _ in range(_MOST_ROUNDS):
        for package in archive.unpack(packages):
            say(f"from Debian: {package}")
        # not every package names what its own sources import
        listed = _go(["list", *_ABSENT, *imports], Path("/"), way, check=False).stdout.split()
        packages, _ = choose([path for path in listed if path not in imports], index(INDEX))
        if not packages:
            break
    archive.close()
    return way


def choose(imports: list[str], packages: dict[str, list[str]]) -> tuple[list[str], list[str]]:
    """The Debian packages that hold these import paths, and the paths that none holds."""
    found: list[str] = []
    missing: list[str] = []
    for path in imports:
        holding = packages.get(path)
        if not holding:
            missing.append(path)
        elif not set(holding) & set(found):
            # the shortest name is the package itself, others carry copies for older programs
            found.append(min(holding, key=lambda name: (len(name), name)))
    return found, missing


def _read_way(module: Module) -> Way:
    if module.notes.is_file():
        return Way(**json.loads(module.notes.read_text()))
    modules = (module.here / "go.mod").is_file()
    return Way("modules" if modules else "path", [])


def _enter(module: Module, way: Way) -> Path:
    """Where the module is built: in place, or as a copy at its import path below a GOPATH."""
    if way.kind != "path":
        return module.here
    where = SCRATCH / "src" / module.path
    if not where.exists():
        where.parent.mkdir(parents=True, exist_ok=True)
        shutil.copytree(module.here, where, symlinks=True, ignore=shutil.ignore_patterns(".git"))
    return where


def _compile(imports: list[str], where: Path, way: Way) -> None:
    """Fill the build cache; what cannot be compiled alone is left to the program that needs it."""
    listing = ["list", "-e", *way.flags, "-f", "{{if and (not .Error) .GoFiles}}{{.ImportPath}}{{end}}", *imports]  # fmt: skip
    good = _go(listing, where, way, check=False).stdout.split()
    if good:
        _go(["build", *way.flags, *good], where, way, check=False)


def _go(
    argv: list[str], where: Path, way: Way, *, check: bool = True, **more: str
) -> "subprocess.CompletedProcess[str]":
    env = {**_ENV, **more, "GOFLAGS": "-trimpath -buildvcs=false"}
    if way.kind == "path":
        env |= {
            "GO111MODULE": "off",
            "GOPATH": f"{SCRATCH}:{DEBIAN}/usr/share/gocode" if way.from_debian else str(SCRATCH),
        }
    done = subprocess.run(
        ["env", *(f"{k}={v}" for k, v in env.items()), "go", *argv],
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
