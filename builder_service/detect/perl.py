"""Perl tools: the programs of a distribution, and scripts that read their arguments."""

import re
from collections.abc import Iterable

from builder_service.detect import beside, network, perl_names, readme_uses
from builder_service.detect.finding import (
    ASIDE,
    CLI,
    DECLARED,
    PLAIN,
    Candidate,
    Facts,
    Finding,
    is_aside,
    rank,
    strength,
)
from builder_service.detect.language import Language
from builder_service.detect.perl_core import is_core
from builder_service.detect.perl_manifest import code, executables, found, requires
from builder_service.detect.tree import Entry, Tree, normal
from shared.plan import Command, Plan, Step

_VERSION = "5.36"
_LIBRARY = "/opt/perl5/lib/perl5"
_USES = re.compile(r"(?m)^[ \t]*use\s+([A-Za-z_]\w*(?:::\w+)*)\b(?!\s*=>)")
_REQUIRES = re.compile(r"(?m)^require\s+([A-Za-z_]\w*(?:::\w+)*)\s*;")
_BASES = re.compile(r"(?m)^\s*use\s+(?:base|parent)\b\s*([^;]+);")
_OPENS = re.compile(r"\b(?:require|do|open|read_file|slurp)\b")
_ARGUMENTS = re.compile(r"@ARGV|\$ARGV\[|\bGetopt::|\bGetOptions\b|\bpod2usage\b|<>|<<>>")
_BUILD = "perl Makefile.PL < /dev/null && make"
_MODULE_BUILD = "perl Build.PL < /dev/null && ./Build"


def detect(tree: Tree, facts: Facts) -> Finding:
    """The Perl plan, or what was looked at."""
    scripts = [entry for entry in tree.files if _is_script(tree, entry)]
    manifest = found(tree)
    declared = list(_declared(tree, manifest))
    if not scripts and not declared:
        return Finding(None, looked=["no Perl script and no Makefile.PL that names one"])
    texts = {entry.path: code(tree.text(entry.path)) for entry in scripts}
    candidates = rank(
        [*declared, *_scripts(tree, scripts, texts, declared)],
        [facts.name],
        readme_uses.count(tree),
    )
    if not candidates:
        return Finding(None, looked=[f"{len(scripts)} Perl files: none can be run as a command"])
    plan = _plan(tree, manifest, [candidate.command for candidate in candidates])
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
    return _plan(tree, found(tree), [command])


def _is_script(tree: Tree, entry: Entry) -> bool:
    if entry.suffix == ".pl":
        return entry.name != "Makefile.PL" and not entry.name.endswith(".PL")
    return entry.suffix not in (".pm", ".t") and tree.shebang(entry.path)[:1] == ["perl"]


def _declared(tree: Tree, manifest: str | None) -> Iterable[Candidate]:
    named = executables(tree)
    why = f"a program of {manifest}"
    if not named and manifest in ("dist.ini", "minil.toml", "Build.PL"):
        # Their tools install whatever lies in these folders.
        named = [e.path for e in tree.files if e.folders in (("bin",), ("script",)) and _is_script(tree, e)]  # fmt: skip
    for path in named:
        made = not tree.has(path) and tree.has(path + ".PL")
        if not tree.has(path) and not made:
            continue
        name = path.rsplit("/", 1)[-1]
        run = _run(tree, f"blib/script/{name}" if made or _has_xs(tree) else path)
        command = Command(name=name, run=run, evidence=f"{name} → {path}, {why}")
        yield Candidate(command, DECLARED)


def _scripts(
    tree: Tree, scripts: list[Entry], texts: dict[str, str], declared: list[Candidate]
) -> Iterable[Candidate]:
    taken = {candidate.command.name for candidate in declared}
    for entry in scripts:
        text = texts[entry.path]
        if entry.name in taken:
            continue
        arguments = bool(_ARGUMENTS.search(text))
        shebang = tree.shebang(entry.path)[:1] == ["perl"]
        if not shebang and not (arguments and entry.depth <= 1):
            continue
        what = "starts with #!… perl" if shebang else "is a Perl script"
        how = " and reads its arguments" if arguments else ""
        quality = ASIDE if is_aside(entry.path) else CLI if arguments else PLAIN
        command = Command(
            name=entry.name, run=_run(tree, entry.path), evidence=f"{entry.path} {what}{how}"
        )
        yield Candidate(command, quality, entry.depth)


def _run(tree: Tree, path: str) -> list[str]:
    modules = [entry for entry in tree.files if entry.suffix == ".pm"]
    folders = ["blib/lib", "blib/arch"] if _has_xs(tree) or path.startswith("blib/") else []
    folders += ["lib"] if any(entry.folders[:1] == ("lib",) for entry in modules) else []
    folders += [""] if any(not entry.folders for entry in modules) else []
    options = [word for folder in folders for word in ("-I", f"/app/{folder}".rstrip("/"))]
    # Perl takes -T from the first line only when the command line has it, too; it then reads no PERL5LIB.
    taint = any(re.fullmatch(r"-[a-zA-Z]*T[a-zA-Z]*", word) for word in tree.shebang(path)[1:])
    return ["perl", *(["-T"] if taint else []), *options, "-I", _LIBRARY, f"/app/{path}"]


def _plan(tree: Tree, manifest: str | None, commands: list[Command]) -> Plan:
    first = tree.paths.get(_path(commands[0]))
    scripts = [
        entry for entry in tree.files if not is_aside(entry.path) and _is_script(tree, entry)
    ]
    modules = [entry for entry in tree.files if not is_aside(entry.path) and entry.suffix == ".pm"]
    used = _uses(tree, _reached(tree, first) if first else modules)
    own = _own_modules(tree)
    declared = requires(tree)
    wanted = sorted(
        name
        for name in (used if declared is None else declared)
        if not is_core(name) and name not in own
    )
    # What another script of the repository needs is had where Debian has it, but fails no build.
    other = sorted(
        name
        for name in _uses(tree, [*scripts, *modules]) - set(wanted)
        if not is_core(name) and name not in own
    )
    evidence = [manifest or "no manifest"]
    if wanted:
        evidence[0] += (
            ": " + ", ".join(wanted[:12]) + (" by its imports" if declared is None else "")
        )
    net, why = network.propose(used, perl_names.NETWORK)
    started = [tree.text(_path(command)) for command in commands[:5]]
    return Plan(
        runtime="perl",
        runtime_version=_VERSION,
        base="perl",
        steps=[
            *_module_steps(wanted, other if declared is None else []),
            *_build_steps(tree, commands),
        ],
        commands=commands,
        network=net,
        env={"PERL5LIB": _LIBRARY},
        evidence=[*evidence, commands[0].evidence, why],
        start=beside.start(tree, map(code, started), _OPENS),
    )


def _path(command: Command) -> str:
    return command.run[-1].removeprefix("/app/")


def _imports(text: str) -> set[str]:
    """Modules that a file needs; those that an `eval` tries are left out."""
    text = re.sub(r"(?s)\beval\s*(?:\{[^{}]*\}|q?[\"'(][^\"';]*;?[\"')])", "", text)
    names = set(_USES.findall(text)) | set(_REQUIRES.findall(text))
    for body in _BASES.findall(text):
        names.update(re.findall(r"\b([A-Z]\w*(?:::\w+)*)\b", body.replace("-norequire", "")))
    return {name for name in names if not re.fullmatch(r"v?\d[\w.]*", name)}


def _reached(tree: Tree, first: Entry) -> list[Entry]:
    """The script and the repository's own modules that it uses, and those that they use."""
    by_name = {
        "::".join((*entry.folders, entry.stem)[at:]): entry
        for entry in reversed(tree.files)
        if entry.suffix == ".pm"
        for at in range(entry.depth + 1)
    }
    found = {first.path: first}
    waiting = [first]
    while waiting:
        for name in _uses(tree, [waiting.pop()]):
            if (entry := by_name.get(name)) is not None and entry.path not in found:
                found[entry.path] = entry
                waiting.append(entry)
    return list(found.values())


def _own_modules(tree: Tree) -> set[str]:
    """Names of the repository's own modules, wherever their folder begins."""
    own: set[str] = set()
    for entry in tree.files:
        if entry.suffix == ".pm":
            parts = [*entry.folders, entry.stem]
            own.update("::".join(parts[at:]) for at in range(len(parts)))
    return own


def _uses(tree: Tree, files: list[Entry]) -> set[str]:
    return {name for entry in files for name in _imports(code(tree.text(entry.path)))}


def _module_steps(wanted: list[str], other: list[str]) -> list[Step]:
    """Debian's packages first, compiled as they are; the rest of what is wanted from CPAN."""
    packages = sorted({name for module in (*wanted, *other) for name in perl_names.debian(module)})
    argv = ["apt-get", "install", "--known", *packages]
    debian = Step(name="Debian packages", argv=argv, as_root=True, files=[])
    check = Step(name="modules", argv=["toolyard-modules", *wanted], files=[])
    return [debian, check] if wanted else [debian] if other else []


def _has_xs(tree: Tree) -> bool:
    return any(entry.suffix == ".xs" and not is_aside(entry.path) for entry in tree.files)


def _build_steps(tree: Tree, commands: list[Command]) -> list[Step]:
    if not any("/app/blib" in word for command in commands for word in command.run):
        return []
    script = _BUILD if tree.has("Makefile.PL") else _MODULE_BUILD
    return [Step(name="build", argv=["sh", "-c", script])]


LANGUAGE = Language("perl", detect, command_for, plan_for, (".pl", ".pm"), ("perl",))
