"""Go tools: every main package of the repository, built from vendor/, modules or Debian's packages."""

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import PurePosixPath

from builder_service.detect import go_steps, network
from builder_service.detect.finding import (
    ASIDE,
    CLI,
    DECLARED,
    PLAIN,
    Candidate,
    Facts,
    Finding,
    NoPlan,
    is_aside,
    rank,
    strength,
)
from builder_service.detect.go_files import GoFile, read
from builder_service.detect.go_mod import GoMod, choose_go, parse, plain_name
from builder_service.detect.go_steps import Program
from builder_service.detect.language import Language
from builder_service.detect.tree import Tree, normal
from shared.plan import Command, Plan

BIN = "/opt/go/bin"
_COMMANDS = 40
_GENERAL = frozenset(
    ["cmd", "src", "main", "app", "cli", "source", "go", "golang", "program", "bin", "core"]
)
_ASIDE_FOLDERS = frozenset(
    [
        "testdata",
        "internal",
        "hack",
        "e2e",
        "mage",
        "_examples",
        "_example",
        "_test",
        "gen",
        "generate",
        "generator",
    ]
)
_PARSERS = frozenset(
    ["flag", "github.com/spf13/cobra", "github.com/spf13/pflag", "github.com/urfave/cli", "github.com/alecthomas/kong",
     "github.com/jessevdk/go-flags", "github.com/docopt/docopt-go", "gopkg.in/alecthomas/kingpin.v2", "github.com/alecthomas/kingpin",
     "github.com/alexflint/go-arg", "github.com/peterbourgon/ff", "github.com/codegangsta/cli", "github.com/mitchellh/cli"]
)  # fmt: skip
_NETWORK = frozenset(
    ["net/http", "net", "net/smtp", "net/rpc", "crypto/tls", "golang.org/x/net/http2", "golang.org/x/net/proxy", "golang.org/x/net/websocket", "golang.org/x/net/icmp", "golang.org/x/crypto/ssh", "google.golang.org/grpc",
     "google.golang.org/api", "cloud.google.com/go", "github.com/aws/aws-sdk-go", "github.com/aws/aws-sdk-go-v2", "github.com/go-resty/resty",
     "github.com/gorilla/websocket", "github.com/gocolly/colly", "github.com/google/go-github", "github.com/go-git/go-git",
     "github.com/miekg/dns", "github.com/valyala/fasthttp", "nhooyr.io/websocket", "github.com/hashicorp/go-retryablehttp"]
)  # fmt: skip


def detect(tree: Tree, facts: Facts) -> Finding:
    """The Go plan, or what was looked at; raises `NoPlan` when it is Go and cannot be built."""
    packages = _packages(tree)
    modules = _modules(tree)
    if not packages and not modules:
        return Finding(None, looked=["no go.mod and no Go file"])
    modules = modules or [_before_modules(tree, packages, facts)]
    candidates = rank(_candidates(packages, modules, facts), _names(modules, facts))[:_COMMANDS]
    if not candidates:
        count = sum(len(files) for files in packages.values())
        return Finding(None, looked=[f"{count} Go files: no package main with a func main()"])
    programs = [_program(candidate, modules) for candidate in candidates]
    plan = _plan(tree, packages, modules, programs, [c.command for c in candidates])
    return Finding(plan, strength(candidates, _names(modules, facts)), [])


def command_for(tree: Tree, asked: str) -> Command | None:
    """The command that an owner named: a folder with a main package, or a file of it."""
    path = normal(asked.removesuffix("/..."))
    folder = str(PurePosixPath(path).parent) if path.endswith(".go") else path
    folder = "" if folder == "." else folder
    if not path.endswith(".go") and not tree.has(f"{folder}/main.go".lstrip("/")):
        return None
    if path.endswith(".go") and not tree.has(path):
        return None
    modules = _modules(tree)
    name = _called(folder, modules, PurePosixPath(path).stem)
    return Command(name=name, run=[f"{BIN}/{name}"], evidence=f"asked for: {asked}")


def plan_for(tree: Tree, facts: Facts, command: Command) -> Plan:
    """The plan for a command that the owner named and detection did not see."""
    packages = _packages(tree)
    modules = _modules(tree) or [_before_modules(tree, packages, facts)]
    asked = normal(command.evidence.removeprefix("asked for: ").removesuffix("/..."))
    file = PurePosixPath(asked).name if asked.endswith(".go") else ""
    folder = str(PurePosixPath(asked).parent) if file else asked
    folder = "" if folder == "." else folder
    program = Program(command.name, _owner(folder, modules), folder, file)
    return _plan(tree, packages, modules, [program], [command])


def _plan(
    tree: Tree,
    packages: dict[str, list[GoFile]],
    modules: list[GoMod],
    programs: list[Program],
    commands: list[Command],
) -> Plan:
    release = choose_go([module for module in modules if module.path])
    made = go_steps.steps(tree, packages, modules, programs)
    net, why = network.propose({_talks(path) for path in made.imports}, _NETWORK)
    declared = [m for m in modules if tree.has(f"{m.folder}/go.mod".lstrip("/"))]
    first = programs[0].module
    said = [f"{f'{first.folder}/' if first.folder else ''}go.mod ({first.path}" + (f", go {first.go})" if first.go else ")")] if declared else [f"no go.mod; built at {first.path}"]  # fmt: skip
    return Plan(
        runtime="go",
        runtime_version=release,
        base=f"go{release}",
        system_packages=made.system_packages,
        steps=made.steps,
        commands=commands,
        network=net,
        evidence=[*said, *made.evidence, commands[0].evidence, why],
    )


def _packages(tree: Tree) -> dict[str, list[GoFile]]:
    """The Go files that a build takes, by folder."""
    found: dict[str, list[GoFile]] = {}
    for entry in tree.files:
        if entry.suffix != ".go" or "testdata" in entry.folders:
            continue
        file = read(entry.path, tree.text(entry.path))
        if file is not None:
            found.setdefault("/".join(entry.folders), []).append(file)
    return found


def _modules(tree: Tree) -> list[GoMod]:
    found = []
    for entry in tree.files:
        if entry.name != "go.mod" or "testdata" in entry.folders:
            continue
        try:
            found.append(parse("/".join(entry.folders), tree.text(entry.path)))
        except NoPlan:
            if not entry.folders:
                raise
    return found


def _before_modules(tree: Tree, packages: dict[str, list[GoFile]], facts: Facts) -> GoMod:
    """The import path that the files themselves use for one another, as GOPATH wants it."""
    votes: Counter[str] = Counter()
    for folder, files in packages.items():
        for file in files:
            if file.import_path and file.import_path.endswith(folder):
                votes[file.import_path.removesuffix(folder).rstrip("/")] += 10
            for path in file.imports:
                votes.update(_roots(path, packages))
    godeps = re.search(r'"ImportPath"\s*:\s*"([^"]+)"', tree.text("Godeps/Godeps.json"))
    glide = re.search(r"^package:\s*(\S+)", tree.text("glide.yaml"), re.MULTILINE)
    for said in (godeps, glide):
        if said:
            votes[said[1]] += 100
    path = votes.most_common(1)[0][0] if votes else f"example.org/{facts.name or 'tool'}"
    return GoMod("", path, "", "", {})


def _roots(path: str, packages: dict[str, list[GoFile]]) -> Iterable[str]:
    """What the repository's import path must be if `path` is one of its own packages."""
    parts = path.split("/")
    if "." not in parts[0]:
        return
    for cut in range(len(parts) - 1, 1, -1):
        if "/".join(parts[cut:]) in packages:
            yield "/".join(parts[:cut])


def _names(modules: list[GoMod], facts: Facts) -> list[str]:
    return [facts.name, *(plain_name(module.path) for module in modules if not module.folder)]


def _owner(folder: str, modules: list[GoMod]) -> GoMod:
    """The module that a folder belongs to: the nearest one above."""
    above = [m for m in modules if not m.folder or f"{folder}/".startswith(f"{m.folder}/")]
    return max(above or modules, key=lambda module: len(module.folder))


def _called(folder: str, modules: list[GoMod], otherwise: str) -> str:
    last = folder.rsplit("/", 1)[-1]
    if folder and last not in _GENERAL:
        return last
    above = [m for m in modules if not m.folder or f"{folder}/".startswith(f"{m.folder}/")]
    return plain_name(max(above, key=lambda m: len(m.folder)).path) if above else otherwise


def _candidates(
    packages: dict[str, list[GoFile]], modules: list[GoMod], facts: Facts
) -> Iterable[Candidate]:
    for folder, files in packages.items():
        mains = [file for file in files if file.package == "main" and file.has_main]
        declared = any(f"{folder}/".startswith(f"{m.folder}/") or not m.folder for m in modules if m.go or m.requires or m.folder)  # fmt: skip
        for file in mains:
            alone = len(mains) > 1  # one folder of separate programs
            name = PurePosixPath(file.path).stem if alone else _called(folder, modules, facts.name)
            parsers = {path for f in files for path in f.imports if _parser(path)}
            reads = bool(parsers) or any(f.arguments for f in files)
            place = file.path if alone else folder or "."
            evidence = f"{place}: package main" + (f" that parses arguments ({min(parsers)})" if parsers else " that reads its arguments" if reads else "")  # fmt: skip
            yield Candidate(
                Command(name=name, run=[f"{BIN}/{name}"], evidence=evidence),
                _quality(folder, file, alone, declared, reads),
                folder.count("/") + 1 if folder else 0,
            )


def _quality(folder: str, file: GoFile, alone: bool, declared: bool, reads: bool) -> int:
    parts = folder.split("/") if folder else []
    if is_aside(f"{folder}/x" if folder else "x") or set(parts) & _ASIDE_FOLDERS:
        return ASIDE
    if parts and (is_aside(parts[-1]) or parts[-1].startswith(("gen-", "gen_"))):
        return ASIDE
    if alone and is_aside(file.path):
        return ASIDE
    if declared and not alone and (not parts or parts[0] == "cmd" or "cmd" in parts):
        return DECLARED
    return CLI if reads else PLAIN


def _talks(path: str) -> str:
    """The known package that an import path lies in, else the path."""
    parts = path.split("/")
    heads = ("/".join(parts[:count]) for count in range(1, len(parts) + 1))
    return next((head for head in heads if head in _NETWORK and "." in head), path)


def _parser(path: str) -> bool:
    return re.sub(r"/v\d+$", "", path) in _PARSERS


def _program(candidate: Candidate, modules: list[GoMod]) -> Program:
    place = candidate.command.evidence.split(":", 1)[0]
    file = PurePosixPath(place).name if place.endswith(".go") else ""
    folder = str(PurePosixPath(place).parent) if file else place
    folder = "" if folder == "." else folder
    aside = candidate.quality == ASIDE
    return Program(candidate.command.name, _owner(folder, modules), folder, file, aside)


LANGUAGE = Language("go", detect, command_for, plan_for, (".go",), ("go",))
