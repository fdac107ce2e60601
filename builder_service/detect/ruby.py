"""Ruby tools: a gem's executables, and scripts that read their arguments."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from builder_service.detect import beside, network, readme_uses, ruby_names
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
from builder_service.detect.ruby_manifest import Gems, Gemspec, code, gemfile, gemspec, locked
from builder_service.detect.tree import Entry, Tree, normal
from shared.plan import Command, Plan, Step

GEM_HOME = "/opt/gems"
_COMPLETE = f"{GEM_HOME}/complete"
_VERSION = "3.1"
_SHELLS = ("sh", "bash", "dash", "zsh")
_MANIFESTS = frozenset(["Rakefile", "Gemfile", "Guardfile", "Capfile", "Vagrantfile", "config.ru"])
_REQUIRES = re.compile(
    r"^\s*(?:require|autoload\s+:\w+\s*,)\s*\(?\s*['\"]([^'\"]+)['\"]", re.MULTILINE
)
_ALWAYS = re.compile(r"^require\s*\(?\s*['\"]([^'\"]+)['\"]", re.MULTILINE)
_OPENS = re.compile(
    r"\brequire\s*\(?\s*['\"]\./|\b(?:load|open|read|readlines|foreach|load_file|exist\?)\b"
)
_ARGUMENTS = re.compile(r"\bARGV\b|\bARGF\b|\bThor\b")
# RubyGems knows only what is registered with it.
_ASKS_RUBYGEMS = re.compile(r"Gem\.loaded_specs|Gem::Specification|Gem\.bin_path|Gem\.datadir")
_EXTENSIONS = (
    'for file in "$@"; do (cd "$(dirname "$file")" && ruby "$(basename "$file")" && make && '
    "make install sitearchdir=/app/lib sitelibdir=/app/lib) || exit 1; done"
)


def detect(tree: Tree, facts: Facts) -> Finding:
    """The Ruby plan, or what was looked at."""
    scripts = _ruby_files(tree)
    spec = gemspec(tree, facts.name)
    if not scripts and spec is None:
        return Finding(None, looked=["no gemspec and no Ruby file"])
    texts = {entry.path: code(tree.text(entry.path)) for entry in scripts}
    declared = list(_declared(tree, spec))
    names = [facts.name, spec.name if spec else ""]
    candidates = rank(
        [*declared, *_scripts(tree, scripts, texts, declared)], names, readme_uses.count(tree)
    )
    if not candidates:
        looked = [f"{spec.path}: no executables"] if spec else []
        return Finding(
            None,
            looked=[*looked, f"{len(scripts)} Ruby files: none can be run as a command"],
        )
    plan = _plan(tree, spec, texts, [candidate.command for candidate in candidates])
    return Finding(plan, strength(candidates, names))


def command_for(tree: Tree, asked: str) -> Command | None:
    """The command that an owner named: a file of the repository."""
    entry = tree.paths.get(normal(asked))
    if entry is None:
        return None
    run = _run(tree, entry.path, gemspec(tree, ""))
    return Command(name=entry.name, run=run, evidence=f"asked for: {entry.path}")


def plan_for(tree: Tree, facts: Facts, command: Command) -> Plan:
    """The plan for a command that the owner named and detection did not see."""
    texts = {entry.path: code(tree.text(entry.path)) for entry in _ruby_files(tree)}
    return _plan(tree, gemspec(tree, facts.name), texts, [command])


def _ruby_files(tree: Tree) -> list[Entry]:
    return [
        entry
        for entry in tree.files
        if entry.suffix == ".rb" or (not entry.suffix and tree.shebang(entry.path)[:1] == ["ruby"])
    ]


def _declared(tree: Tree, spec: Gemspec | None) -> Iterable[Candidate]:
    for path in spec.executables if spec else []:
        if tree.has(path):
            name = PurePosixPath(path).name
            why = f"{name} → {path}, an executable of {spec.path}" if spec else ""
            yield Candidate(Command(name=name, run=_run(tree, path, spec), evidence=why), DECLARED)


def _scripts(
    tree: Tree, scripts: list[Entry], texts: dict[str, str], declared: list[Candidate]
) -> Iterable[Candidate]:
    taken = {candidate.command.run[-1].removeprefix("/app/") for candidate in declared}
    for entry in scripts:
        if entry.path in taken or entry.name in _MANIFESTS:
            continue
        text = texts[entry.path]
        parser = sorted(set(_REQUIRES.findall(text)) & ruby_names.PARSERS)
        arguments = bool(parser or _ARGUMENTS.search(text))
        shebang = tree.shebang(entry.path)[:1] == ["ruby"]
        main = "$PROGRAM_NAME" in text or "__FILE__ == $0" in text or "$0 == __FILE__" in text
        if not shebang and not (arguments and (main or entry.depth == 0)):
            continue
        if not shebang and entry.folders[:1] in (("lib",), ("spec",), ("test",), ("app",)):
            continue
        what = "starts with #!… ruby" if shebang else "is a Ruby script"
        how = f" and parses arguments ({parser[0]})" if parser else (
            " and reads its arguments" if arguments else "")  # fmt: skip
        quality = ASIDE if is_aside(entry.path) else CLI if arguments else PLAIN
        command = Command(
            name=entry.name, run=_run(tree, entry.path, None), evidence=f"{entry.path} {what}{how}"
        )
        yield Candidate(command, quality, entry.depth)


def _run(tree: Tree, path: str, spec: Gemspec | None) -> list[str]:
    shebang = tree.shebang(path)
    if shebang[:1] and shebang[0] in _SHELLS:
        return [shebang[0], f"/app/{path}"]
    folders = spec.require_paths if spec else ["lib"]
    own = [folder for folder in map(normal, folders) if folder]
    return ["ruby", *(word for folder in own for word in ("-I", f"/app/{folder}")), f"/app/{path}"]


def _plan(tree: Tree, spec: Gemspec | None, texts: dict[str, str], commands: list[Command]) -> Plan:
    tool = {path: text for path, text in texts.items() if not is_aside(path)}
    required = {name for text in tool.values() for name in _REQUIRES.findall(text)}
    gems, evidence, folders = _gems(tree, spec, required)
    steps = _gem_steps(gems, required)
    extra = [word for folder in folders for word in ("-I", f"/app/{folder}/lib")]
    if spec is not None and spec.extensions:
        argv = ["sh", "-c", _EXTENSIONS, "sh", *spec.extensions]
        steps.append(Step(name="extensions", argv=argv))
    if spec is not None and any(_ASKS_RUBYGEMS.search(text) for text in tool.values()):
        steps.append(Step(name="register", argv=["toolyard-gems", "register", f"/app/{spec.path}"]))
        extra += ["-r", f"{GEM_HOME}/activate.rb"]
    if extra:
        commands = [_with_options(command, extra) for command in commands]
    if spec is not None and spec.ruby:
        evidence.append(f"asks for Ruby {spec.ruby}; builds here have Ruby {_VERSION}")
    own = [tree.text(command.run[-1].removeprefix("/app/")) for command in commands[:5]]
    # One inside a method serves a single option; the tool is more than that.
    always = {name for text in tool.values() for name in _ALWAYS.findall(text)}
    net, why = network.propose(always | set(gems), ruby_names.NETWORK)
    return Plan(
        runtime="ruby",
        runtime_version=_VERSION,
        base="ruby",
        system_packages=sorted(
            {package for gem in gems for package in ruby_names.SYSTEM.get(gem, [])}
        ),
        steps=steps,
        commands=commands,
        network=net,
        env={"GEM_HOME": GEM_HOME},
        evidence=[*evidence, commands[0].evidence, why],
        start=beside.start(tree, map(code, own), _OPENS),
    )


def _with_options(command: Command, options: list[str]) -> Command:
    if command.run[0] != "ruby":
        return command
    return command.model_copy(update={"run": ["ruby", *options, *command.run[1:]]})


def _gems(
    tree: Tree, spec: Gemspec | None, required: set[str]
) -> tuple[Gems, list[str], list[str]]:
    """The gems to install, what was found, and the folders of gems that the repository holds."""
    folders: list[str] = []
    if spec is not None:
        gems, evidence = spec.dependencies, [spec.path]
    elif tree.has("Gemfile"):
        gems, folders = gemfile(tree)
        evidence = ["Gemfile"]
    else:
        own = {entry.stem for entry in tree.files if entry.suffix == ".rb"}
        known = {ruby_names.gem_of(name) for name in required if name.split("/")[0] not in own}
        gems = dict.fromkeys(sorted(gem for gem in known if gem), "")
        found = ": " + ", ".join(gems) + " by what is required" if gems else ""
        return gems, [f"no manifest{found}"], []
    exact = locked(tree, gems)
    if exact is not None:
        return exact, [f"{evidence[0]} + Gemfile.lock"], folders
    return gems, evidence if gems else [*evidence, "no dependencies"], folders


def _gem_steps(gems: Gems, required: set[str]) -> list[Step]:
    """The gem source first; where it does not answer, Debian; then whether all that are required are there."""
    if not gems:
        return []
    wanted = _wanted(gems)
    # A gem that no file requires (a plug-in, a platform's own) may be missing: the tool's answer decides.
    needed = _wanted({name: gems[name] for name in gems if ruby_names.is_required(name, required)})
    debian = sorted({ruby_names.debian(name) for name in gems})
    return [
        Step(name="gems", argv=["toolyard-gems", "install", *wanted], files=[]),
        Step(
            name="Debian packages, where the gem source does not answer",
            argv=["apt-get", "install", "--unless", _COMPLETE, "--known", *debian],
            as_root=True,
            files=[],
        ),
        Step(name="gems found", argv=["toolyard-gems", "check", *needed], files=[]),
    ]


def _wanted(gems: Gems) -> list[str]:
    return [f"{name}:{requirement}" if requirement else name for name, requirement in gems.items()]


LANGUAGE = Language("ruby", detect, command_for, plan_for, (".rb",), ("ruby",))
