"""How Go programs are built: dependencies first and compiled, so that they stay when only the source changes."""

import os
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from builder_service.detect.go_files import GoFile
from builder_service.detect.go_mod import GoMod
from builder_service.detect.tree import Tree
from shared.plan import Step

_MANIFESTS = ("go.mod", "go.sum", "go.work", "go.work.sum")

# Packages that answer only with cgo, and the libraries that they link.
_CGO = {
    "github.com/mattn/go-sqlite3": [], "github.com/google/gopacket/pcap": ["libpcap-dev"], "github.com/gopacket/gopacket/pcap": ["libpcap-dev"],
    "github.com/libgit2/git2go": ["libgit2-dev"], "github.com/miekg/pkcs11": [], "github.com/shirou/gopsutil": [],
    "github.com/go-gl/gl": ["libgl1-mesa-dev"], "github.com/go-gl/glfw": ["xorg-dev", "libgl1-mesa-dev"],
    "github.com/hajimehoshi/oto": ["libasound2-dev"], "github.com/ebitengine/oto": ["libasound2-dev"], "github.com/faiface/beep": ["libasound2-dev"],
    "github.com/h2non/bimg": ["libvips-dev"], "github.com/davidbyttow/govips": ["libvips-dev"], "github.com/gographics/imagick": ["libmagickwand-dev"],
    "github.com/otiai10/gosseract": ["libtesseract-dev", "libleptonica-dev"], "github.com/biogo/hts": [],
    "github.com/pebbe/zmq4": ["libzmq3-dev"], "github.com/valyala/gozstd": [], "github.com/DataDog/zstd": [],
}  # fmt: skip
_LIBRARIES = {
    "m": "", "pthread": "", "dl": "", "rt": "", "c": "", "stdc++": "g++", "z": "zlib1g-dev", "zlib": "zlib1g-dev", "bz2": "libbz2-dev", "lzma": "liblzma-dev",
    "zstd": "libzstd-dev", "libzstd": "libzstd-dev", "curl": "libcurl4-openssl-dev", "libcurl": "libcurl4-openssl-dev",
    "ssl": "libssl-dev", "crypto": "libssl-dev", "openssl": "libssl-dev", "libssl": "libssl-dev", "libcrypto": "libssl-dev",
    "sqlite3": "libsqlite3-dev", "pcap": "libpcap-dev", "libpcap": "libpcap-dev", "ncurses": "libncurses-dev", "ncursesw": "libncurses-dev",
    "readline": "libreadline-dev", "xml2": "libxml2-dev", "libxml-2.0": "libxml2-dev", "png": "libpng-dev", "libpng": "libpng-dev",
    "jpeg": "libjpeg-dev", "libjpeg": "libjpeg-dev", "webp": "libwebp-dev", "libwebp": "libwebp-dev", "magic": "libmagic-dev",
    "usb-1.0": "libusb-1.0-0-dev", "libusb-1.0": "libusb-1.0-0-dev", "X11": "libx11-dev", "x11": "libx11-dev", "pcre": "libpcre3-dev",
    "libpcre": "libpcre3-dev", "pcre2-8": "libpcre2-dev", "libpcre2-8": "libpcre2-dev", "asound": "libasound2-dev", "alsa": "libasound2-dev",
    "seccomp": "libseccomp-dev", "libseccomp": "libseccomp-dev", "systemd": "libsystemd-dev", "libsystemd": "libsystemd-dev",
    "vips": "libvips-dev", "yaml": "libyaml-dev", "hts": "libhts-dev", "lz4": "liblz4-dev", "snappy": "libsnappy-dev",
}  # fmt: skip


@dataclass(frozen=True)
class Program:
    """A main package, or one file of a folder of separate programs."""

    name: str
    module: GoMod
    folder: str
    file: str = ""
    aside: bool = False
    """Whether it lies among examples and tests, so that nothing is fetched for it."""


@dataclass
class Made:
    """Steps, and what has to be said about them."""

    steps: list[Step] = field(default_factory=list)
    imports: set[str] = field(default_factory=set)
    """Everything imported from elsewhere, for the proposal of a network."""
    system_packages: list[str] = field(default_factory=list)
    evidence: list[str] = field(default_factory=list)


def steps(
    tree: Tree, packages: dict[str, list[GoFile]], modules: list[GoMod], programs: list[Program]
) -> Made:
    """Per module: a step for the dependencies, if it has any, and one for its programs, the best program first."""
    made = Made()
    groups: dict[str, list[Program]] = {}
    for program in programs:
        groups.setdefault(program.module.folder, []).append(program)
    reached: list[GoFile] = []
    needed: dict[str, list[str]] = {}
    must = 0
    for folder, group in groups.items():
        # only what the best program imports has to be had; the others may fail by themselves
        first = _reached(packages, modules, group[:1])
        rest = _reached(packages, modules, [program for program in group if not program.aside])
        own, more = _foreign(first, modules, tree), _foreign(rest, modules, tree)
        must = must if needed else len(own)
        needed[folder] = [*own, *(path for path in more if path not in own)]
        reached += [*first, *rest]
    made.imports = {path for file in reached for path in file.imports}
    made.system_packages, cgo = _system(reached, needed)
    made.evidence += ["compiled with cgo"] if cgo else []
    env = {"CGO_ENABLED": "1" if cgo else "0"}
    builds: list[Step] = []
    for number, (folder, group) in enumerate(groups.items()):
        where = ["--folder", folder] if folder else []
        where += ["--path", group[0].module.path]
        vendored = _vendored(tree, folder)
        if needed[folder]:
            files = [entry.path for entry in tree.files if entry.name in _MANIFESTS]
            files += [f"{folder}/vendor/".lstrip("/")] if vendored else []
            count = ["--needed", "0" if number else str(must)]
            argv = ["toolyard-go", "dependencies", *where, *count, *needed[folder]]
            made.steps.append(Step(name="dependencies", argv=argv, env=env, files=files))
        spare = ["--spare"] if number else []
        argv = ["toolyard-go", "build", *where, *spare, *(_argument(p, folder) for p in group)]
        builds.append(Step(name="build", argv=argv, env=env))
    count_ = sum(map(len, needed.values()))
    place = ", in vendor/" if any(_vendored(tree, folder) for folder in groups) else ""
    made.evidence.append(
        f"imports {count_} packages of others{place}" if count_ else "no dependencies"
    )
    made.steps += builds
    return made


def _argument(program: Program, folder: str) -> str:
    inside = program.folder[len(folder) :].strip("/") if folder else program.folder
    return f"{program.name}={inside}" + (f":{program.file}" if program.file else "")


def _vendored(tree: Tree, folder: str) -> bool:
    place = Path(tree.root, folder, "vendor")
    return place.is_dir() and not place.is_symlink() and any(place.iterdir())


def _reached(
    packages: dict[str, list[GoFile]], modules: list[GoMod], programs: list[Program]
) -> list[GoFile]:
    """The files of these programs and of the repository's own packages that they import."""
    found: list[GoFile] = []
    seen: set[str] = set()
    waiting = []
    for program in programs:
        if program.file:
            path = str(PurePosixPath(program.folder, program.file))
            found += [f for f in packages.get(program.folder, []) if f.path == path]
        else:
            waiting.append(program.folder)
    waiting += [own for file in found for own in _own(file, modules)]
    while waiting:
        folder = waiting.pop()
        if folder in seen:
            continue
        seen.add(folder)
        for file in packages.get(folder, []):
            found.append(file)
            waiting += _own(file, modules)
    return found


def _own(file: GoFile, modules: list[GoMod]) -> list[str]:
    """The folders of the repository that a file imports."""
    found = []
    for path in file.imports:
        owners = [module for module in modules if module.inside(path)]
        if owners:
            owner = max(owners, key=lambda module: len(module.path))
            found.append(f"{owner.folder}/{path[len(owner.path) :].strip('/')}".strip("/"))
        elif path.startswith(("./", "../")):
            here = PurePosixPath(file.path).parent
            found.append(os.path.normpath(here / path))
    return found


def _foreign(files: list[GoFile], modules: list[GoMod], tree: Tree) -> list[str]:
    """The import paths of these files that are neither the repository's own nor Go's."""
    paths = {path for file in files for path in file.imports if not path.startswith(".")}
    return sorted(
        path
        for path in paths
        if not any(module.inside(path) for module in modules)
        # the standard library's paths have no dot in their first part, nearly all others have one
        and (
            "." in path.split("/")[0]
            or any(Path(tree.root, m.folder, "vendor", path).is_dir() for m in modules)
        )
    )


def _system(reached: list[GoFile], needed: dict[str, list[str]]) -> tuple[list[str], bool]:
    """Debian packages to link with, and whether the C compiler is needed at all."""
    found: set[str] = set()
    cgo = any("C" in file.imports for file in reached)
    for file in reached:
        for name in file.links:
            found.add(_LIBRARIES.get(name, ""))
    for path in {path for paths in needed.values() for path in paths}:
        for package, libraries in _CGO.items():
            if path == package or path.startswith(package + "/"):
                cgo = True
                found.update(libraries)
    if any(file.links for file in reached):
        found.add("pkg-config")
    return sorted(found - {""}), cgo
