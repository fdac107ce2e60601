"""Shell tools: executable files and files with a shell's shebang, with or without an extension."""

import json
import re
from collections.abc import Iterable

from builder_service.detect import beside, heredocs, network, readme_uses
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
from builder_service.detect.shell_programs import PACKAGES
from builder_service.detect.tree import Entry, Tree, normal
from shared.plan import Command, Plan

SHELLS = ("sh", "bash", "dash", "zsh", "ksh", "ash", "fish")
_SUFFIXES = ("", ".sh", ".bash", ".zsh", ".ksh")
_ARGUMENTS = re.compile(r"""\$[1@*#]|\$\{[1@*#]|\bgetopts?\b|\bshift\b""")
_OPENS = re.compile(r"(?:^|[;&|({`]|\bthen|\bdo)\s*(?:\.|source|cat|bash|sh|awk|jq|python3?|sed)\s")
_NAMED = re.compile(
    r"""\b\w*(?:BIN|CMD|COMMAND|PROG|EXE|TOOL)\w*=["']?(?:\$\{\w+:?-)?([A-Za-z][\w.+-]*)["'}]*\s*$""",
    re.MULTILINE,
)
_CALL = re.compile(
    r"(?:^|[|;&(`{])\s*"
    r"(?:(?:then|do|else|elif|if|while|until|sudo|exec|xargs|time|which|type|hash|command(?:\s+-v)?|!)\s+)*"
    r"([A-Za-z][\w.+-]*)",
    re.MULTILINE,
)


def detect(tree: Tree, facts: Facts) -> Finding:
    """The shell plan, or what was looked at."""
    scripts = [entry for entry in tree.files if _shell(tree, entry) is not None]
    if not scripts:
        return Finding(None, looked=["no file that starts with a shell's #! line"])
    texts = {entry.path: tree.text(entry.path) for entry in scripts}
    published = _published(tree)
    candidates = rank(
        _candidates(tree, scripts, texts, published), [facts.name], readme_uses.count(tree)
    )
    if not candidates:
        return Finding(None, looked=[f"{len(scripts)} shell files: none can be run as a command"])
    used = {
        word
        for path, text in texts.items()
        if not is_aside(path)
        for word in (*_CALL.findall(_code(text)), *_NAMED.findall(_code(text)))
    }
    shells = {candidate.command.run[0] for candidate in candidates}
    net, why = network.propose(used, network.SHELL)
    plan = Plan(
        runtime="shell",
        base="shell",
        system_packages=sorted({PACKAGES[name] for name in used | shells if name in PACKAGES}),
        commands=[candidate.command for candidate in candidates],
        network=net,
        evidence=[candidates[0].command.evidence, why],
        start=beside.start(tree, map(_code, _texts_of(tree, candidates)), _OPENS),
    )
    # The manifest that declares a shell script only publishes it: the shell's own plan is the better one.
    bonus = 10 if candidates[0].quality == DECLARED else 0
    return Finding(plan, strength(candidates, [facts.name]) + bonus)


def command_for(tree: Tree, asked: str) -> Command | None:
    """The command that an owner named: a file of the repository."""
    entry = tree.paths.get(normal(asked))
    if entry is None:
        return None
    shell = _shell(tree, entry) or "bash"
    return Command(
        name=entry.name, run=[shell, f"/app/{entry.path}"], evidence=f"asked for: {entry.path}"
    )


def _shell(tree: Tree, entry: Entry) -> str | None:
    if entry.suffix not in _SUFFIXES and not entry.executable:
        return None
    words = tree.shebang(entry.path)
    if words and words[0] in SHELLS:
        return {"ash": "sh"}.get(words[0], words[0])
    return "bash" if entry.suffix == ".sh" and not words else None


def _published(tree: Tree) -> dict[str, str]:
    """Scripts that a package.json without dependencies declares as commands: path to name."""
    try:
        package = json.loads(tree.text("package.json") or "{}")
    except (ValueError, RecursionError):
        return {}
    if not isinstance(package, dict) or package.get("dependencies"):
        return {}
    found = package.get("bin")
    own = str(package.get("name") or "").rsplit("/", 1)[-1]
    table = {own: found} if isinstance(found, str) else found if isinstance(found, dict) else {}
    return {normal(path): name for name, path in table.items() if isinstance(path, str) and name}


def _texts_of(tree: Tree, candidates: list[Candidate]) -> list[str]:
    paths = [candidate.command.run[-1].removeprefix("/app/") for candidate in candidates[:5]]
    return [tree.text(path) for path in paths]


def _candidates(
    tree: Tree, scripts: list[Entry], texts: dict[str, str], published: dict[str, str]
) -> Iterable[Candidate]:
    for entry in scripts:
        shell = _shell(tree, entry) or "bash"
        arguments = bool(_ARGUMENTS.search(_code(texts[entry.path])))
        if not entry.executable and not tree.shebang(entry.path):
            continue  # a library that others source
        if entry.path in published:
            name = published[entry.path]
            why = f"{name} → {entry.path} in bin of package.json, a script for {shell}"
            command = Command(name=name, run=[shell, f"/app/{entry.path}"], evidence=why)
            yield Candidate(command, DECLARED)
            continue
        quality = ASIDE if is_aside(entry.path) else CLI if arguments else PLAIN
        kind = "is executable" if entry.executable else "has a shebang"
        why = f"{entry.path} {kind} ({shell})" + (" and reads its arguments" if arguments else "")
        yield Candidate(
            Command(name=entry.name, run=[shell, f"/app/{entry.path}"], evidence=why),
            quality,
            entry.depth,
        )


def _code(text: str) -> str:
    """The script without comments and without the texts that it prints."""
    return re.sub(r"(?m)(^|\s)#.*$", "", heredocs.without(text))


def plan_for(tree: Tree, facts: Facts, command: Command) -> Plan:
    """The plan for a command that the owner named and detection did not see."""
    return Plan(runtime="shell", base="shell", commands=[command], evidence=[command.evidence])


LANGUAGE = Language("shell", detect, command_for, plan_for, (".sh", ".bash"), SHELLS)
