"""Which plan makes a repository's tool, decided by evidence; and the identity of the image it makes."""

import hashlib
import json
import re
import shlex
from dataclasses import dataclass, field

from builder_service.base_recipes import RECIPES
from builder_service.detect import beside, lfs, other_languages
from builder_service.detect.finding import DECLARED, NAMED, STRENGTH, Facts, Finding, NoPlan
from builder_service.detect.tree import Tree
from builder_service.languages import LANGUAGES
from builder_service.own_dockerfile.candidate import candidate
from builder_service.own_dockerfile.refused import Refused
from shared.plan import Command, Network, Plan

BUILDER_VERSION = "1"
"""Raised by hand, only when the same plan must give a different image; never derived from our own files."""


class NoTool(NoPlan):
    """Nothing in the repository looks like a tool; the text lists what was looked at."""


DOCKERFILE = "dockerfile"
_OPENS = {
    "python": re.compile(r"\bopen\(|\.read_\w+\(|\blistdir\(|\bglob\(|\bPath\(|\bloadtxt\("),
    "node": re.compile(r"\breadFile(?:Sync)?\(|\breaddir(?:Sync)?\(|\bcreateReadStream\("),
}
"""How a line opens a file, in languages whose own detectors do not look for it."""

_START_SCRIPT = re.compile(
    r"(?:docker[-_.]?)?(?:entry[-_.]?point|cmd|start|run|init|launch)(?:\.(?:sh|bash|py))?",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Choice:
    """The plans worth trying, best first; and what was decided against, in sentences."""

    plans: list[Plan]
    notes: list[str] = field(default_factory=list)
    absent: str = ""
    """Files that the repository names without having them, in a sentence."""


_FALLBACK = 60
"""A weaker finding than this is no second plan: a wrong tool is worse than a clear failure."""


def choose(
    tree: Tree, facts: Facts, *, runtime: str | None = None, network: Network | None = None
) -> Plan:
    """The best plan, wishes respected; raises `NoPlan` with a sentence that says what to do."""
    return candidates(tree, facts, runtime=runtime, network=network).plans[0]


def candidates(
    tree: Tree, facts: Facts, *, runtime: str | None = None, network: Network | None = None
) -> Choice:
    """The plans that the files speak for, wishes respected; raises `NoPlan` when there is none."""
    if runtime and runtime not in (*LANGUAGES, DOCKERFILE):
        known = ", ".join((*LANGUAGES, DOCKERFILE))
        raise NoPlan(
            f"The runtime {runtime} is not known. Choose one of {known}, or leave it empty."
        )
    absent = lfs.sentence(tree)
    try:
        choice = _all(tree, facts, runtime)
    except NoPlan as refusal:
        if absent:
            raise type(refusal)(f"{refusal} {absent}") from refusal
        raise
    given: dict[str, object] = {} if network is None else {"network": network}
    plans = [
        plan.model_copy(
            update={**given, "evidence": [*plan.evidence, absent] if absent else plan.evidence}
        )
        for plan in choice.plans
    ]
    return Choice(plans, choice.notes, absent)


def _all(tree: Tree, facts: Facts, runtime: str | None) -> Choice:
    """The repository's own Dockerfile, if it may give the tool; then the native plans."""
    if runtime not in (None, DOCKERFILE):
        return _native(tree, facts, runtime)
    own, why = _own(tree, facts)
    if runtime == DOCKERFILE:
        if own is None:
            raise NoPlan(why or "The repository has no Dockerfile. Choose another runtime.")
        return Choice([own])
    try:
        native = _native(tree, facts, None)
    except NoPlan as refusal:
        if own is None and why:
            raise type(refusal)(f"{refusal} {why}") from refusal
        if own is None or facts.command not in (None, own.commands[0].name):
            raise
        return Choice([own], [str(refusal)])
    if own is None:
        plans = [p.model_copy(update={"evidence": [*p.evidence, why]}) for p in native.plans]
        return Choice(plans if why else native.plans, native.notes)
    own = _named(own, native.plans[0].commands[0].name)
    if facts.command not in (None, own.commands[0].name):
        return native
    own = own.model_copy(update={"network": native.plans[0].network})
    return Choice([own, *native.plans], native.notes)


def _named(own: Plan, name: str) -> Plan:
    """A command that is called like a container's own start script gets the tool's name."""
    first = own.commands[0]
    if not _START_SCRIPT.fullmatch(first.name):
        return own
    return own.model_copy(update={"commands": [first.model_copy(update={"name": name})]})


def _started(plan: Plan, tree: Tree) -> Plan:
    """Where the first command's own file opens files of the repository by a relative path, it starts there."""
    opens = _OPENS.get(plan.runtime)
    if opens is None or plan.start != "empty" or not plan.commands:
        return plan
    files = [
        word.removeprefix("/app/") for word in plan.commands[0].run if word.startswith("/app/")
    ]
    if beside.start(tree, [tree.text(file) for file in files], opens) == "empty":
        return plan
    why = f"{files[0]} reads files of the repository by a relative path: it starts in a copy of it"
    return plan.model_copy(update={"start": "repository", "evidence": [*plan.evidence, why]})


def _own(tree: Tree, facts: Facts) -> tuple[Plan | None, str]:
    """The plan of the own Dockerfile, or why there is none."""
    try:
        return candidate(tree, facts, RECIPES), ""
    except Refused as refusal:
        return None, f"The repository's Dockerfile is not used: {refusal}."


def _native(tree: Tree, facts: Facts, runtime: str | None) -> Choice:
    findings: dict[str, Finding] = {}
    refusals: list[NoPlan] = []
    for name, language in LANGUAGES.items():
        if runtime and name != runtime:
            continue
        try:
            findings[name] = language.detect(tree, facts)
        except NoPlan as refusal:
            refusals.append(refusal)
    plans = {
        name: _started(finding.plan, tree)
        for name, finding in findings.items()
        if finding.plan is not None
    }
    if facts.command:
        return Choice([_with_command(tree, facts, runtime, findings, plans)])
    order = sorted(plans, key=lambda name: (-findings[name].strength, -_share(tree, name)))
    if not runtime and not refusals and (other := _in_another_language(tree, findings, order)):
        raise NoTool(other)
    if order and not (refusals and findings[order[0]].strength < _FALLBACK):
        # Beside a declared command, scripts that only read arguments are its helpers.
        declared = findings[order[0]].strength >= STRENGTH[DECLARED]
        least = STRENGTH[NAMED] if declared else _FALLBACK
        others = [name for name in order[1:] if findings[name].strength >= least]
        return Choice([plans[name] for name in (order[0], *others)])
    if refusals:
        raise refusals[0]
    raise NoTool(_nothing_found(tree, findings))


def identity(
    *, repository: str, commit: str, folder: str, plan: Plan, base: str, scope: str
) -> str:
    """The hash of everything that makes the image (DESIGN 3.7); the same one is never built twice."""
    # What a run may reach or how well commands answer changes nothing in the image itself.
    recipe = plan.model_dump(
        mode="json", exclude={"network", "evidence", "commands", "start", "forms", "smoke"}
    )
    if plan.dockerfile is None:  # keeps the identities of native plans from before it existed
        del recipe["dockerfile"]
    text = json.dumps(
        [repository, commit, folder, recipe, base, BUILDER_VERSION, scope], sort_keys=True
    )
    return hashlib.sha256(text.encode()).hexdigest()


def with_first(plan: Plan, command: Command) -> Plan:
    """The plan with this command ranked first."""
    others = [other for other in plan.commands if other.name != command.name]
    return plan.model_copy(update={"commands": [command, *others]})


def _with_command(
    tree: Tree,
    facts: Facts,
    runtime: str | None,
    findings: dict[str, Finding],
    plans: dict[str, Plan],
) -> Plan:
    asked = (facts.command or "").strip()
    order = sorted(plans, key=lambda name: -findings[name].strength)
    for name in order:
        for command in plans[name].commands:
            if command.name == asked or command.run[-1] == f"/app/{asked.removeprefix('./')}":
                return with_first(plans[name], command)
    words = _words(asked)
    wanted = [runtime] if runtime else _by_words(tree, words) or order or list(LANGUAGES)
    path = next((word for word in words if tree.has(word)), words[-1] if len(words) == 1 else asked)
    for name in wanted:
        made = LANGUAGES[name].command_for(tree, path)
        if made is None:
            continue
        rest = words[words.index(path) + 1 :] if path in words else []
        command = made.model_copy(update={"run": [*made.run, *rest]})
        return with_first(
            plans.get(name) or LANGUAGES[name].plan_for(tree, facts, command), command
        )
    found = [command.name for plan in plans.values() for command in plan.commands][:8]
    raise NoPlan(
        f"The repository has no command {asked}. "
        + (
            f"Found were: {', '.join(found)}."
            if found
            else "Name a file of it, like tool.py, or a command that it installs."
        )
    )


def _words(asked: str) -> list[str]:
    try:
        return shlex.split(asked) or [asked]
    except ValueError as error:
        raise NoPlan("The command has unbalanced quotes. Write it as in a shell.") from error


def _by_words(tree: Tree, words: list[str]) -> list[str]:
    """The languages that a file's extension, shebang or a leading `python`, `node`, `bash` speaks for."""
    found = []
    for word in words:
        first = [word, *tree.shebang(word)[:1]]
        for name, language in LANGUAGES.items():
            if any(word.endswith(suffix) for suffix in language.suffixes if suffix) and tree.has(
                word
            ):
                found.append(name)
            if any(
                text == known or text.rstrip("0123456789.") == known
                for text in first
                for known in language.interpreters
            ):
                found.append(name)
    return list(dict.fromkeys(found))


def _share(tree: Tree, runtime: str) -> int:
    """Bytes of the language's own files."""
    return sum(
        min(e.size, 1 << 20)
        for e in tree.files
        if e.suffix and e.suffix in LANGUAGES[runtime].suffixes
    )


def _in_another_language(tree: Tree, findings: dict[str, Finding], order: list[str]) -> str:
    """A sentence where what was found is no more than an aid of a tool that cannot be built here."""
    if order and findings[order[0]].strength >= STRENGTH[NAMED]:
        return ""
    other = other_languages.main_language(tree, LANGUAGES[order[0]].suffixes if order else ())
    if not other:
        return ""
    return (
        f"No command was found in this repository: it holds mostly {other}, and tools are made here of "
        f"{', '.join(LANGUAGES)}. Add a Dockerfile that builds the tool, or name a script of the repository "
        "as the command, like tool.py."
    )


def _nothing_found(tree: Tree, findings: dict[str, Finding]) -> str:
    looked = "; ".join(
        f"{name}: {', '.join(finding.looked)}"
        for name, finding in findings.items()
        if finding.looked
    )
    files = ", ".join(entry.path for entry in tree.files[:12]) or "no files"
    return (
        f"No command was found in this repository. Looked at: {looked}. Files: {files}. "
        "Say which command to use: the name of a script of the repository, like tool.py, or of a command that it installs."
    )
