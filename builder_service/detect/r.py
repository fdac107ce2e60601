"""R tools: scripts for Rscript, alone or beside a package."""

import re
from collections.abc import Iterable

from builder_service.detect import beside, network, readme_uses
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
from builder_service.detect.language import Language
from builder_service.detect.tree import Entry, Tree, normal
from shared.plan import Command, Plan, Step

_VERSION = "4.2"
_LIBRARY = "/opt/rlib"
_FOLDERS = ("exec", "inst/bin", "inst/scripts", "inst/exec", "inst/script", "bin")
_BASE = frozenset(
    ["base", "compiler", "datasets", "graphics", "grDevices", "grid", "methods", "parallel", "splines", "stats", "stats4",
     "tcltk", "tools", "utils", "R"]
)  # fmt: skip
_PARSERS = ("optparse", "argparse", "argparser", "docopt", "getopt", "optigrab", "Rapp")
_LOADS = re.compile(
    r"\b(?:library|require)\s*\(\s*(?:package\s*=\s*)?['\"]?([A-Za-z][\w.]*)['\"]?\s*[,)]"
)
_LISTS = re.compile(r"\bp_load\s*\(([^)]*)\)")
_TRIED = re.compile(r"\brequireNamespace\s*\(\s*['\"]([A-Za-z][\w.]*)['\"]")
_NAMESPACE = re.compile(r"(?<![\w.\"'])([A-Za-z][\w.]*):::?[A-Za-z.]")
_OPENS = re.compile(
    r"\b(?:source|sys\.source|read\w*|read\.\w+|readRDS|file|load|scan|fread|read_\w+)\s*\("
)
_APP = re.compile(r"\bshinyApp\s*\(|\bshinyServer\s*\(|\bshinyUI\s*\(")
_NETWORK = frozenset(
    ["httr", "httr2", "curl", "RCurl", "rvest", "crul", "biomaRt", "rentrez", "websocket", "AnnotationHub", "GEOquery",
     "download.file", "url"]
)  # fmt: skip
_COMPILERS = ["g++", "gcc", "gfortran", "libblas-dev", "libc6-dev", "liblapack-dev", "make"]
_SYSTEM = {
    "rmarkdown": ["pandoc"],
    "knitr": ["pandoc"],
    "magick": ["imagemagick"],
    "tcltk": ["tk8.6"],
}


def detect(tree: Tree, facts: Facts) -> Finding:
    """The R plan, or what was looked at; raises `NoPlan` for a package that has no script."""
    scripts = [entry for entry in tree.files if _is_r(tree, entry)]
    package = _description(tree)
    if not scripts:
        return Finding(None, looked=["no R file"])
    candidates = rank(
        _candidates(tree, scripts, package),
        [facts.name, package.get("Package", "")],
        readme_uses.count(tree),
    )
    if not candidates and package:
        raise NoPlan(
            f"{package['Package']} is an R package without a script, so there is no command to run. Add one to its "
            "exec/ or inst/scripts/ folder, or name a file of the repository as the command, like run.R."
        )
    if not candidates:
        return Finding(
            None,
            looked=[f"{len(scripts)} R files: none starts with #!… Rscript or reads commandArgs()"],
        )
    plan = _plan(tree, package, [candidate.command for candidate in candidates])
    return Finding(plan, strength(candidates, [facts.name]))


def command_for(tree: Tree, asked: str) -> Command | None:
    """The command that an owner named: a file of the repository."""
    entry = tree.paths.get(normal(asked))
    if entry is None:
        return None
    run = _run(tree, entry.path)
    return Command(name=entry.name, run=run, evidence=f"asked for: {entry.path}")


def plan_for(tree: Tree, facts: Facts, command: Command) -> Plan:
    """The plan for a command that the owner named and detection did not see."""
    return _plan(tree, _description(tree), [command])


def _is_r(tree: Tree, entry: Entry) -> bool:
    return entry.suffix in (".r", ".rscript") or (
        not entry.suffix and tree.shebang(entry.path)[:1] in (["Rscript"], ["r"], ["littler"])
    )


def _description(tree: Tree) -> dict[str, str]:
    """The fields of a package's DESCRIPTION; empty when the repository is no package."""
    fields: dict[str, str] = {}
    name = ""
    for line in tree.text("DESCRIPTION").splitlines():
        if line[:1].isspace():
            fields[name] = f"{fields.get(name, '')} {line.strip()}"
        elif match := re.match(r"([\w@]+)\s*:\s*(.*)", line):
            name = match[1]
            fields[name] = match[2].strip()
    return fields if fields.get("Package") else {}


def _code(text: str) -> str:
    return re.sub(r"(?m)(^|\s)#.*$", "", text)


def _candidates(tree: Tree, scripts: list[Entry], package: dict[str, str]) -> Iterable[Candidate]:
    for entry in scripts:
        text = _code(tree.text(entry.path))
        shebang = tree.shebang(entry.path)[:1] in (["Rscript"], ["r"], ["littler"])
        parsers = [name for name in _PARSERS if name in _LOADS.findall(text) or f"{name}::" in text]
        arguments = bool(parsers) or "commandArgs(" in text
        folder = "/".join(entry.folders)
        installed = bool(package) and folder in _FOLDERS[:-1]
        if not shebang and not arguments and not installed:
            continue
        if _APP.search(text) or (package and entry.folders[:1] == ("R",)):
            continue
        if not shebang and not installed and (entry.depth > 1 or is_aside(entry.path)):
            continue
        how = f"parses arguments ({parsers[0]})" if parsers else (
            "reads its arguments" if arguments else "is an R script")  # fmt: skip
        why = f"{entry.path} " + (f"starts with #!… Rscript and {how}" if shebang else how)
        quality = CLI if arguments else PLAIN
        if installed:
            quality, why = (
                DECLARED,
                f"{entry.path} is installed with the package {package['Package']}",
            )
        elif is_aside(entry.path) and folder not in _FOLDERS:
            quality = ASIDE
        command = Command(name=entry.name, run=_run(tree, entry.path), evidence=why)
        yield Candidate(command, quality, entry.depth)


def _run(tree: Tree, path: str) -> list[str]:
    words = tree.shebang(path)
    flags = (
        [word for word in words[1:] if word.startswith("--")] if words[:1] == ["Rscript"] else []
    )
    return ["Rscript", *flags, f"/app/{path}"]


def _plan(tree: Tree, package: dict[str, str], commands: list[Command]) -> Plan:
    paths = [command.run[-1].removeprefix("/app/") for command in commands]
    texts = _read_with(tree, paths[:1])
    used, tried = _imports(texts.values())
    # What another script needs is had where Debian has it, but fails no build.
    others, _ = _imports(_read_with(tree, [path for path in paths if not is_aside(path)]).values())
    declared = [
        name for key in ("Depends", "Imports", "LinkingTo") for name in _names(package, key)
    ]
    own = package.get("Package", "")
    wanted = sorted({*used, *declared} - _BASE - {own})
    soft = sorted((tried | others) - set(wanted) - _BASE - {own})
    compiled = bool(package) and any(entry.folders[:1] == ("src",) for entry in tree.files)
    evidence = ["DESCRIPTION (" + own + ")" if package else "no package, plain R scripts"]
    if wanted:
        evidence[0] += ": needs " + ", ".join(wanted[:12])
    steps = _package_steps(wanted, soft)
    if package:
        argv = ["R", "CMD", "INSTALL", "--no-docs", "--no-multiarch", f"--library={_LIBRARY}", "."]
        steps.append(Step(name="install", argv=argv, env={"R_LIBS": _LIBRARY}))
    system = {name for wish in (*wanted, *soft) for name in _SYSTEM.get(wish, [])}
    fetched = {
        word for text in texts.values() for word in re.findall(r"\b(download\.file|url)\(", text)
    }
    net, why = network.propose({*wanted, *fetched}, _NETWORK)
    return Plan(
        runtime="r",
        runtime_version=_VERSION,
        base="r",
        system_packages=sorted({*system, *(_COMPILERS if compiled else [])}),
        steps=steps,
        commands=commands,
        network=net,
        env={"R_LIBS": _LIBRARY},
        evidence=[*evidence, commands[0].evidence, why],
        start=beside.start(tree, texts.values(), _OPENS),
    )


def _read_with(tree: Tree, paths: list[str]) -> dict[str, str]:
    """The scripts and the files of the repository that they name, and so on: an app beside them does not count."""
    texts: dict[str, str] = {}
    by_name = {entry.name: entry.path for entry in tree.files if _is_r(tree, entry)}
    waiting = [path for path in paths if tree.has(path)]
    while waiting:
        path = waiting.pop()
        if path in texts:
            continue
        texts[path] = _code(tree.text(path))
        for name in re.findall(r"([\w.-]+\.[rR])['\"]", texts[path]):
            if name in by_name:
                waiting.append(by_name[name])
    return texts


def _imports(texts: Iterable[str]) -> tuple[set[str], set[str]]:
    """Packages that are needed, and those that are only tried."""
    used: set[str] = set()
    tried: set[str] = set()
    for text in texts:
        used.update(_LOADS.findall(text))
        used.update(_NAMESPACE.findall(re.sub(r"\"[^\"\n]*\"|'[^'\n]*'", "", text)))
        for listed in _LISTS.findall(text):
            used.update(re.findall(r"[A-Za-z][\w.]*", listed))
        tried.update(_TRIED.findall(text))
    return used - {"package", "character.only", "TRUE", "FALSE", "x", "pkg", "p", "i", "lib"}, tried


def _names(package: dict[str, str], key: str) -> list[str]:
    return re.findall(r"(?:^|,)\s*([A-Za-z][\w.]*)", package.get(key, ""))


def _package_steps(wanted: list[str], soft: list[str]) -> list[Step]:
    """Debian's packages first, compiled as they are; the rest from CRAN."""
    names = [
        f"r-{source}-{name.lower()}" for name in (*wanted, *soft) for source in ("cran", "bioc")
    ]
    steps = [
        Step(
            name="Debian packages",
            argv=["apt-get", "install", "--known", *names],
            as_root=True,
            files=[],
        ),
        Step(name="packages", argv=["toolyard-packages", *wanted], files=[]),
    ]
    return steps if wanted else steps[:1] if soft else []


LANGUAGE = Language("r", detect, command_for, plan_for, (".r", ".R"), ("Rscript", "R"))
