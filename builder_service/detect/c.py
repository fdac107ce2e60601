"""C and C++ tools: the programs of Make, autotools, CMake or Meson, else of the files with a `main`."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from builder_service.detect import c_projects, c_sources, c_steps, network, readme_uses
from builder_service.detect.c_makefile import NAMES, Makefile
from builder_service.detect.c_sources import Main
from builder_service.detect.c_wrappers import wrapper
from builder_service.detect.finding import (
    ASIDE,
    CLI,
    DECLARED,
    NAMED,
    PLAIN,
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
from builder_service.detect.tree import Entry, Tree, normal
from builder_service.system_libraries import package_for_library, package_for_pkgconfig
from shared.plan import Command, Plan, Step

_NETWORK = frozenset(["netdb.h", "curl/curl.h", "libssh/libssh.h", "libssh2.h", "boost/asio.hpp"])
_NAME = re.compile(r"[A-Za-z0-9_][\w.+-]*")
_FOLDERS = ("", "src", "source")
_MOST_PROGRAMS = 40
_FOR_LINUX = re.compile(r"\.(?:gcc|g\+\+|linux(?:64)?|unix|gnu|generic|posix)$", re.IGNORECASE)
_FOR_OTHERS = re.compile(
    r"\.(?:am|in|inc|common|config|include|rules|mk|osx|mac\w*|darwin|win\w*|mingw\w*|msvc|vc|nmake|bcc|dos|cygwin|bsd|icc|mpi\w*|"
    r"sun|aix|hpux|irix|android|wasm|emscripten|dist|bak|old|orig|template)$",
    re.IGNORECASE,
)
_PROGRAM_VARIABLES = re.compile(
    r"^(?:PROG|PROGS|PROGRAM|PROGRAMS|BIN|BINS|BINARY|BINARIES|TARGET|TARGETS|EXE|EXES|EXEC|EXECUTABLE|EXECUTABLES|NAME)$"
)


@dataclass
class _Build:
    """A way to build it: the file that says so, what it makes, what it needs."""

    kind: str
    file: str = ""
    folder: str = ""
    declared: dict[str, str] = field(default_factory=dict)
    other: dict[str, str] = field(default_factory=dict)
    packages: set[str] = field(default_factory=set)
    install: bool = False


def detect(tree: Tree, facts: Facts) -> Finding:
    """The plan, or what was looked at; raises `NoPlan` when it is C and nothing says what it would make."""
    sources = c_sources.sources(tree)
    if not sources:
        return Finding(None, looked=["no C or C++ source"])
    mains = c_sources.mains(tree, sources)
    own = [main for main in mains if not is_aside(main.path)]
    build = _build(tree, facts, own)
    if build is None or not mains:
        return Finding(
            None,
            looked=[
                f"{len(sources)} C or C++ sources, none with a main function that stands near the top"
            ],
        )
    if not own and not build.declared:
        return Finding(None, looked=["main functions only in tests and examples"])
    names = [facts.name]
    candidates = rank(_candidates(build, own), names, readme_uses.count(tree))[:_MOST_PROGRAMS]
    if not candidates:
        raise NoPlan(
            f"{build.file} was read, but it does not show which program it makes. Name the program as the command."
        )
    commands = [candidate.command for candidate in candidates]
    plan = _plan(tree, build, own, commands)
    if not any(same_name(command.name, facts.name) for command in commands):
        plan = _with_wrapper(plan, wrapper(tree, facts.name))
    return Finding(plan, strength(candidates, names))


def _with_wrapper(plan: Plan, found: tuple[Command, str] | None) -> Plan:
    if found is None:
        return plan
    command, package = found
    return plan.model_copy(
        update={
            "commands": [command, *plan.commands],
            "system_packages": sorted({*plan.system_packages, *filter(None, [package])}),
            "evidence": [*plan.evidence, command.evidence],
        }
    )


def command_for(tree: Tree, asked: str) -> Command | None:
    """A program by name, or the one that is made of a source."""
    entry = tree.paths.get(normal(asked))
    if entry is not None and entry.suffix not in c_sources.SOURCES:
        return None
    name = entry.stem if entry is not None else asked.rsplit("/", 1)[-1]
    if not _NAME.fullmatch(name) or (entry is None and not c_sources.sources(tree)):
        return None
    return _command(name, f"asked for: {asked}")


def plan_for(tree: Tree, facts: Facts, command: Command) -> Plan:
    """The plan for a command that the owner named and detection did not see."""
    sources = c_sources.sources(tree)
    mains = c_sources.mains(tree, sources)
    build = _build(tree, facts, mains) or _Build("compiler")
    return _plan(tree, build, mains, [command])


def _command(name: str, evidence: str) -> Command:
    return Command(name=name, run=[f"{c_steps.BIN}/{name}"], evidence=evidence)


def _build(tree: Tree, facts: Facts, mains: list[Main]) -> _Build | None:
    """The first way that names what it makes; else the first way there is, and what it may make."""
    ways = [
        way
        for way in (_autotools(tree), _make(tree), _cmake(tree), _meson(tree))
        if way is not None
    ]
    for way in ways:
        if way.declared or any(not is_aside(name) for name in way.other):
            return way
    if ways and mains:
        way = ways[0]
        stems = {main.path.rsplit("/", 1)[-1].rsplit(".", 1)[0] for main in mains}
        way.other = {
            stem: f"{stem} has a main function"
            for stem in sorted(stems - {"main"})
            if _NAME.fullmatch(stem)
        }
        if _NAME.fullmatch(facts.name):
            way.other.setdefault(
                facts.name, f"named like the repository; {way.file} does not say what it makes"
            )
        return way
    return _compiled(facts, mains)


def _autotools(tree: Tree) -> _Build | None:
    file = next(
        (name for name in ("configure.ac", "configure.in", "configure") if tree.has(name)), None
    )
    if file is None or (
        file == "configure" and tree.shebang(file)[:1] not in (["sh"], ["bash"], ["dash"])
    ):
        return None
    found = c_projects.autotools(tree, file)
    build = _Build(
        "autotools", file, declared=found.installed, other=found.built, packages=found.packages
    )
    if not found.installed:
        for name in ("Makefile.in", *NAMES):
            if tree.has(name):
                made = Makefile(tree, name)
                build.declared |= _programs(made, name)
                break
    return build


def _make(tree: Tree) -> _Build | None:
    ways = []
    for folder in _FOLDERS:
        path = _makefile(tree, folder)
        if not path:
            continue
        made = Makefile(tree, path)
        build = _Build("make", path, folder, _programs(made, path), install=made.installs)
        build.packages = _makefile_packages(made.text)
        if not build.declared:
            build.other = _by_variables(made, path)
        ways.append(build)
    return next((way for way in ways if way.declared), ways[0] if ways else None)


def _makefile(tree: Tree, folder: str) -> str:
    """The folder's Makefile; without one by a usual name, the `Makefile.gcc` and the like for a plain Linux."""
    prefix = f"{folder}/" if folder else ""
    if found := next((prefix + name for name in NAMES if tree.has(prefix + name)), ""):
        return found
    others = [
        entry.path
        for entry in tree.files
        if "/".join(entry.folders) == folder and re.fullmatch(r"(?i)makefile\.[\w.-]+", entry.name)
    ]
    fitting = [path for path in others if _FOR_LINUX.search(path)] or [
        path for path in others if not _FOR_OTHERS.search(path)
    ]
    return min(fitting, key=lambda path: (len(path), path), default="")


def _programs(made: Makefile, path: str) -> dict[str, str]:
    names = [program.rsplit("/", 1)[-1] for program in made.programs()]
    return {name: f"{name} is made by {path}" for name in names if _NAME.fullmatch(name)}


def _by_variables(made: Makefile, path: str) -> dict[str, str]:
    found = {}
    for variable, value in made.values():
        for word in value.split():
            name = word.rsplit("/", 1)[-1]
            if _PROGRAM_VARIABLES.match(variable) and re.fullmatch(r"[A-Za-z0-9_][\w+-]*", name):
                found[name] = f"{variable} of {path} is {name}"
    return found


def _makefile_packages(text: str) -> set[str]:
    found = {package_for_library(name) for name in re.findall(r"(?:^|\s|=)-l([\w.+-]+)", text)}
    for words in re.findall(r"(?:pkg-config|PKG_CONFIG\)|PKGCONFIG\))\s+([^)`|;\n]*)", text):
        found |= {package_for_pkgconfig(word) for word in words.split() if not word.startswith("-")}
    return {package for package in found if package}


def _cmake(tree: Tree) -> _Build | None:
    if not tree.has("CMakeLists.txt"):
        return None
    found = c_projects.cmake(tree)
    return _Build("cmake", "CMakeLists.txt", "", found.installed, found.built, found.packages)


def _meson(tree: Tree) -> _Build | None:
    if not tree.has("meson.build"):
        return None
    found = c_projects.meson(tree)
    return _Build("meson", "meson.build", "", found.installed, found.built, found.packages)


def _compiled(facts: Facts, mains: list[Main]) -> _Build | None:
    near = [main for main in mains if main.path.rpartition("/")[0] in _FOLDERS]
    if not near:
        return None
    build = _Build("compiler", near[0].path)
    for main in near:
        name = _program_name(main, facts, near)
        build.other[name] = f"{main.path} has a main function, and no build file is there"
    return build


def _program_name(main: Main, facts: Facts, near: list[Main]) -> str:
    stem = main.path.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    alone = len(near) == 1 and stem.lower() == "main"
    return facts.name if alone and _NAME.fullmatch(facts.name) else stem


def _candidates(build: _Build, mains: list[Main]) -> Iterable[Candidate]:
    arguments = {main.path.rsplit("/", 1)[-1].rsplit(".", 1)[0] for main in mains if main.arguments}
    for name, evidence in build.declared.items():
        yield Candidate(_command(name, evidence), ASIDE if is_aside(name) else DECLARED)
    any_arguments = bool(arguments)
    for name, evidence in build.other.items():
        reads = name in arguments or (any_arguments and len(mains) == 1)
        why = f"{evidence} and reads its arguments" if reads else evidence
        named = build.kind in ("cmake", "meson") and not is_aside(name)
        quality = ASIDE if is_aside(name) else NAMED if named else CLI if reads else PLAIN
        yield Candidate(_command(name, why), quality)


def _plan(tree: Tree, build: _Build, mains: list[Main], commands: list[Command]) -> Plan:
    headers = c_sources.includes(tree)
    libraries = c_sources.libraries(headers)
    base = "cmake" if build.kind in ("cmake", "meson") else "c"
    wanted = {library.package for library in libraries} | build.packages
    packages = c_sources.beside_base(wanted, base)
    net, why = network.propose(headers, _NETWORK)
    evidence = [f"{build.file} ({build.kind})", commands[0].evidence]
    if packages:
        evidence.append("libraries by headers and build files: " + ", ".join(packages))
    if tree.has(".gitmodules"):
        evidence.append("Git submodules are not fetched")
    return Plan(
        runtime="c",
        base=base,
        system_packages=packages,
        steps=_steps(tree, build, mains, commands),
        commands=commands,
        network=net,
        env={"LD_LIBRARY_PATH": "/usr/local/lib"},
        evidence=[*evidence, why],
    )


def _steps(tree: Tree, build: _Build, mains: list[Main], commands: list[Command]) -> list[Step]:
    names = [command.name for command in commands]
    if build.kind == "make":
        file = build.file.rsplit("/", 1)[-1]
        return [c_steps.make(build.folder, "" if file in NAMES else file, build.install, names)]
    if build.kind != "compiler":
        return [c_steps.project(build.kind, names)]
    near = [main for main in mains if main.path.rpartition("/")[0] in _FOLDERS]
    by_name = {main.path.rsplit("/", 1)[-1].rsplit(".", 1)[0]: main for main in near}
    links = [
        link for lib in c_sources.libraries(c_sources.includes(tree)) for link in lib.links[:2]
    ]
    steps = []
    for name in names:
        main = by_name.get(name) or (near[0] if len(near) == 1 else None)
        if main is not None:
            steps.append(_compile(tree, name, main, mains, links))
    if not steps:
        raise NoPlan(
            f"No source with a main function makes {names[0]}. Name a C or C++ file of the repository."
        )
    return steps


def _compile(tree: Tree, name: str, main: Main, mains: list[Main], links: list[str]) -> Step:
    """The main's file with those beside it that have none."""
    folder = main.path.rpartition("/")[0]
    others = {other.path for other in mains}

    def beside(entry: Entry) -> bool:
        return (
            "/".join(entry.folders) == folder
            and entry.path not in others
            and not is_aside(entry.path)
        )

    paths = [main.path, *(entry.path for entry in c_sources.sources(tree) if beside(entry))]
    folders = [text for text in dict.fromkeys((folder, "include")) if text == folder or any(
        entry.folders[:1] == ("include",) for entry in tree.files
    )]  # fmt: skip
    cpp = any(path.lower().endswith(c_sources.CPP) for path in paths)
    return c_steps.compiler(name, paths, folders, links, cpp)


LANGUAGE = Language(
    "c",
    detect,
    command_for,
    plan_for,
    (*c_sources.SOURCES, *c_sources.HEADERS),
    ("gcc", "g++", "cc"),
)
