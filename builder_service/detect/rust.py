"""Rust tools: every program of the packages of a Cargo workspace, its crates fetched and compiled before its source."""

import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from builder_service.detect import network
from builder_service.detect.cargo_manifests import Binary, Package, Table, read, table
from builder_service.detect.finding import (
    ASIDE,
    CLI,
    DECLARED,
    Candidate,
    Facts,
    Finding,
    NoPlan,
    is_aside,
    rank,
    same_name,
    strength,
)
from builder_service.detect.language import Language
from builder_service.detect.tree import Tree, normal
from shared.plan import Command, Plan, Step

BIN = "/opt/rust/bin"
VERSION = "1.96"
_EDITION = 2024
_COMMANDS = 40
_ASIDE_FOLDERS = frozenset(["xtask", "fuzz", "benches", "examples", "tests", "build-tools"])
_NETWORK = frozenset(
    ["reqwest", "hyper", "ureq", "curl", "isahc", "surf", "attohttpc", "minreq", "tonic", "tungstenite", "tokio-tungstenite",
     "openssl", "native-tls", "rustls", "trust-dns-resolver", "hickory-resolver", "octocrab", "git2", "gix", "ssh2", "lettre", "socket2",
     "aws-config", "rusoto_core", "postgres", "mysql", "redis", "pnet", "quinn", "awc", "actix-web", "warp", "axum"]
)  # fmt: skip
_SYSTEM = {
    "openssl-sys": ["libssl-dev"], "curl-sys": ["libcurl4-openssl-dev"], "libgit2-sys": ["libgit2-dev", "libssl-dev"], "libssh2-sys": ["libssh2-1-dev", "libssl-dev"],
    "libsqlite3-sys": ["libsqlite3-dev"], "libz-sys": ["zlib1g-dev"], "bzip2-sys": ["libbz2-dev"], "lzma-sys": ["liblzma-dev"],
    "zstd-sys": ["libzstd-dev"], "libudev-sys": ["libudev-dev"], "hidapi": ["libudev-dev"], "libusb1-sys": ["libusb-1.0-0-dev"],
    "alsa-sys": ["libasound2-dev"], "libdbus-sys": ["libdbus-1-dev"], "pq-sys": ["libpq-dev"], "mysqlclient-sys": ["default-libmysqlclient-dev"],
    "pcap": ["libpcap-dev"], "onig_sys": ["libonig-dev"], "pcre2-sys": ["libpcre2-dev"], "fontconfig-sys": ["libfontconfig-dev"],
    "yeslogic-fontconfig-sys": ["libfontconfig-dev"], "servo-fontconfig-sys": ["libfontconfig-dev"], "freetype-sys": ["libfreetype-dev", "cmake"],
    "expat-sys": ["libexpat1-dev", "cmake"], "xcb": ["libxcb1-dev", "libxcb-render0-dev", "libxcb-shape0-dev", "libxcb-xfixes0-dev"],
    "x11": ["libx11-dev"], "glib-sys": ["libglib2.0-dev"], "cairo-sys-rs": ["libcairo2-dev"], "pango-sys": ["libpango1.0-dev"],
    "gtk-sys": ["libgtk-3-dev"], "leptonica-sys": ["libleptonica-dev"], "tesseract-sys": ["libtesseract-dev"], "magic-sys": ["libmagic-dev"],
    "bindgen": ["libclang-dev"], "clang-sys": ["libclang-dev"], "cmake": ["cmake"], "prost-build": ["protobuf-compiler"], "libsodium-sys": ["libsodium-dev"],
    "gmp-mpfr-sys": ["libgmp-dev", "m4"], "ncurses": ["libncurses-dev"], "libseccomp-sys": ["libseccomp-dev"], "sdl2-sys": ["libsdl2-dev"], "hts-sys": ["libclang-dev", "cmake", "zlib1g-dev", "libbz2-dev", "liblzma-dev", "libcurl4-openssl-dev"],
}  # fmt: skip


def detect(tree: Tree, facts: Facts) -> Finding:
    """The Rust plan, or what was looked at; raises `NoPlan` when it is Rust and cannot be built."""
    packages, manifests = read(tree)
    if not packages:
        sources = sum(entry.suffix == ".rs" for entry in tree.files)
        looked = (
            f"{sources} Rust files but no Cargo.toml with a package"
            if sources
            else "no Cargo.toml with a package"
        )
        return Finding(None, looked=[looked])
    names = [facts.name, *(package.name for package in packages if not package.folder)]
    ranked = rank(_candidates(tree, packages, facts), names)[:_COMMANDS]
    if not ranked:
        return Finding(
            None, looked=[f"Cargo.toml ({packages[0].name}): no src/main.rs, no [[bin]]"]
        )
    owners = {_run(binary): package for package in packages for binary in package.binaries}
    root = owners[ranked[0].command.run[0]].root
    ranked = [candidate for candidate in ranked if owners[candidate.command.run[0]].root == root]
    plan = _plan(tree, packages, manifests, root, [candidate.command for candidate in ranked])
    return Finding(plan, strength(ranked, names), [])


def command_for(tree: Tree, asked: str) -> Command | None:
    """The command that an owner named: a program's source file, or a package's folder."""
    packages, _ = read(tree)
    wanted = normal(asked)
    for package in packages:
        for binary in package.binaries:
            path = "/".join(filter(None, (package.folder, binary.path)))
            if wanted in (path, package.folder or "."):
                return Command(name=binary.name, run=[_run(binary)], evidence=f"asked for: {asked}")
    return None


def plan_for(tree: Tree, facts: Facts, command: Command) -> Plan:
    """The plan for a command that the owner named and detection did not see."""
    packages, manifests = read(tree)
    for package in packages:
        if any(_run(binary) == command.run[0] for binary in package.binaries):
            return _plan(tree, packages, manifests, package.root, [command])
    raise NoPlan(f"No package of the repository has a program {command.name}.")


def _run(binary: Binary) -> str:
    return f"{BIN}/{binary.name}"


def _candidates(tree: Tree, packages: list[Package], facts: Facts) -> Iterator[Candidate]:
    for package in packages:
        for binary in package.binaries:
            where = f"{package.folder}/Cargo.toml".lstrip("/")
            parts = set(package.folder.split("/"))
            aside = bool(parts & _ASIDE_FOLDERS) or is_aside(f"{package.folder}/x")
            single = len(package.binaries) == 1
            if (
                not single
                and not binary.declared
                and is_aside(binary.path.removesuffix("/main.rs"))
            ):
                aside = True
            preferred = not package.default_run or package.default_run == binary.name
            quality = ASIDE if aside else DECLARED if preferred else CLI
            evidence = (
                f"{binary.name} in [[bin]] of {where}"
                if binary.declared
                else f"{binary.name}: {binary.path} of {where}"
            )
            evidence += ", its default-run" if package.default_run == binary.name else ""
            # the package that is named like the repository speaks for a program of another name
            near = single and same_name(package.name, facts.name)
            depth = 0 if near or not package.folder else package.folder.count("/") + 1
            yield Candidate(
                Command(name=binary.name, run=[_run(binary)], evidence=evidence), quality, depth
            )


def _plan(
    tree: Tree,
    packages: list[Package],
    manifests: dict[str, Table],
    root: str,
    commands: list[Command],
) -> Plan:
    inside = [package for package in packages if package.root == root]
    top = manifests.get(root, {})
    wanted = {command.run[0] for command in commands}
    used = [p for p in inside if wanted & {_run(binary) for binary in p.binaries}]
    for package in used:
        _check(package, top)
    crates = _crates(tree, root, inside, top)
    vendor, folders = _vendored(tree, root)
    programs = [_argument(inside, command.run[0]) for command in commands]
    where = ["--folder", root] if root else []
    env = {"RUSTC_BOOTSTRAP": "1"} if _nightly(tree, root, inside) else {}
    steps = []
    if crates:
        argv = ["toolyard-rust", "dependencies", *where, *(["--vendor", vendor] if vendor else []), *programs]  # fmt: skip
        files = [e.path for e in tree.files if e.name in ("Cargo.toml", "Cargo.lock") or ".cargo/" in f"/{e.path}"]  # fmt: skip
        steps.append(Step(name="dependencies", argv=argv, env=env, files=[*files, *folders]))
    steps.append(Step(name="build", argv=["toolyard-rust", "build", *where, *programs], env=env))
    lock = tree.has("/".join(filter(None, (root, "Cargo.lock"))))
    manifest = "/".join(filter(None, (root, "Cargo.toml"))) + (" + Cargo.lock" if lock else "")
    net, why = network.propose(crates, _NETWORK)
    evidence = [
        manifest + (f" (workspace of {len(inside)} packages)" if len(inside) > 1 else ""),
        (f"{len(crates)} crates of others" + (", vendored" if folders else ""))
        if crates
        else "no dependencies",
        *(["unstable features of Rust are allowed"] if env else []),
        *_other_release(tree, root),
        commands[0].evidence,
        why,
    ]
    return Plan(
        runtime="rust",
        runtime_version=VERSION,
        base="rust",
        system_packages=sorted({name for crate in crates for name in _SYSTEM.get(crate, [])}),
        steps=steps,
        commands=commands,
        network=net,
        evidence=evidence,
    )


def _argument(packages: list[Package], run: str) -> str:
    for package in packages:
        for binary in package.binaries:
            if _run(binary) == run:
                features = f":{','.join(binary.features)}" if binary.features else ""
                return f"{binary.name}={package.name}{features}"
    raise NoPlan("No package of the workspace has this program.")


def _check(package: Package, top: Table) -> None:
    """Raises `NoPlan` when the package needs another Rust than there is."""
    wanted = package.told("rust-version", top)
    edition = package.told("edition", top)
    needs = f"Rust {wanted}" if wanted else f"edition {edition}"
    too_new = _number(wanted) > _number(VERSION) or (edition.isdigit() and int(edition) > _EDITION)
    if too_new:
        raise NoPlan(
            f"The tool needs {needs}; builds here have Rust {VERSION} (edition {_EDITION}). "
            "Choose an older tag of the repository as its ref."
        )


def _number(text: str) -> tuple[int, int]:
    found = re.match(r"(\d+)\.(\d+)", text)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _crates(tree: Tree, root: str, packages: list[Package], top: Table) -> set[str]:
    """Names of all crates from elsewhere: of the lock, else of the manifests."""
    own = {package.name for package in packages}
    try:
        lock = tomllib.loads(tree.text("/".join(filter(None, (root, "Cargo.lock")))))
    except tomllib.TOMLDecodeError:
        lock = {}
    listed = {
        str(table(p).get("name")) for p in lock.get("package") or [] if table(p).get("source")
    }
    asked = set(_asked(package.manifest for package in packages))
    return (listed | asked) - own if asked - own else set()


def _asked(manifests: Iterable[Table]) -> Iterator[str]:
    for manifest in manifests:
        for part in (manifest, *table(manifest.get("target")).values()):
            for name in ("dependencies", "build-dependencies"):
                for key, spec in table(table(part).get(name)).items():
                    if "path" not in table(spec):
                        yield str(table(spec).get("package") or key)


def _vendored(tree: Tree, root: str) -> tuple[str, list[str]]:
    """A folder of vendored crates that no configuration names, and all such folders as files of a step."""
    configs = [tree.text("/".join(filter(None, (root, ".cargo", name)))) for name in ("config.toml", "config")]  # fmt: skip
    named = []
    for text in configs:
        named += re.findall(r'^\s*directory\s*=\s*"([^"]+)"', text, re.MULTILINE)
    folders = [normal("/".join(filter(None, (root, name)))) for name in named]
    usual = "/".join(filter(None, (root, "vendor")))
    found = [f"{folder}/" for folder in folders if folder and Path(tree.root, folder).is_dir()]
    if found:
        return "", found
    place = Path(tree.root, usual)
    if place.is_dir() and not place.is_symlink() and any(place.glob("*/.cargo-checksum.json")):
        return usual, [f"{usual}/"]
    return "", []


def _nightly(tree: Tree, root: str, packages: list[Package]) -> bool:
    """Whether the tool asks for a nightly toolchain or uses features that only that one has."""
    for name in ("rust-toolchain", "rust-toolchain.toml"):
        if "nightly" in tree.text("/".join(filter(None, (root, name)))):
            return True
    heads = (
        tree.text("/".join(filter(None, (package.folder, path))))[:20_000]
        for package in packages
        for path in ("src/lib.rs", *(binary.path for binary in package.binaries))
    )
    return any(re.search(r"^#!\[feature\(", head, re.MULTILINE) for head in heads)


def _other_release(tree: Tree, root: str) -> Iterator[str]:
    """A sentence where the toolchain file names a release that is not the one here."""
    for name in ("rust-toolchain.toml", "rust-toolchain"):
        text = tree.text("/".join(filter(None, (root, name))))
        found = re.search(
            r"""^(?:\s*channel\s*=\s*["'])?(\d{1,3}\.\d{1,4})(?!\d)""", text, re.MULTILINE
        )
        if found and found[1] != VERSION:
            yield f"{name} asks for Rust {found[1]}, which is not to be had here: {VERSION} instead"
            return


LANGUAGE = Language("rust", detect, command_for, plan_for, (".rs",), ("cargo",))
