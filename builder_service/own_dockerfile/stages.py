"""Instructions into stages: which base, which actions in order, which environment and command. Pure."""

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from builder_service.own_dockerfile import words
from builder_service.own_dockerfile.known_bases import Base, base_for
from builder_service.own_dockerfile.parse import Instruction, parse
from builder_service.own_dockerfile.refused import Refused

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*(:[A-Za-z0-9_][A-Za-z0-9_.-]*)?\Z")
_MODE = re.compile(r"[0-7]{3,4}\Z|[ugoa]*[-+=][rwxXst]+\Z")
_REMOTE = re.compile(r"[a-z][a-z0-9+.-]*://|git@[\w.-]+:|[\w.-]+@[\w.-]+:", re.IGNORECASE)
_NO_MATTER = frozenset(
    {"LABEL", "EXPOSE", "VOLUME", "STOPSIGNAL", "HEALTHCHECK", "MAINTAINER", "ONBUILD"}
)
_PLATFORM = {
    "TARGETPLATFORM": "linux/amd64", "TARGETOS": "linux", "TARGETARCH": "amd64", "TARGETVARIANT": "",
    "BUILDPLATFORM": "linux/amd64", "BUILDOS": "linux", "BUILDARCH": "amd64", "BUILDVARIANT": "",
}  # fmt: skip


@dataclass(frozen=True)
class Run:
    """A program in the stage so far."""

    argv: tuple[str, ...]
    env: dict[str, str]
    workdir: str
    user: str
    shown: str


@dataclass(frozen=True)
class Copy:
    """Files of the context, of another stage or of the Dockerfile itself into the stage so far."""

    sources: tuple[str, ...]
    target: str
    """Absolute; ends with `/` where a folder is meant."""
    stage: int | None = None
    owner: str = ""
    mode: str = ""
    unpack: bool = False
    texts: tuple[tuple[str, str], ...] = ()
    """Files whose text stands in the Dockerfile."""


@dataclass(frozen=True)
class Folder:
    """A `WORKDIR`, made when it is not there."""

    path: str
    user: str


MOST_LAYERS = 90
"""The engine stacks 125 at most, those of our bases among them."""

Action = Run | Copy | Folder


@dataclass
class Stage:
    """One `FROM` and what follows it."""

    base: Base | None
    parent: int | None
    name: str = ""
    actions: list[Action] = field(default_factory=list)
    env: dict[str, str] = field(default_factory=dict)
    arguments: dict[str, str] = field(default_factory=dict)
    workdir: str = "/"
    user: str = ""
    line_words: tuple[str, ...] = ("/bin/sh", "-c")
    entrypoint: Instruction | None = None
    cmd: Instruction | None = None

    def values(self) -> dict[str, str]:
        """What a variable means here: `ENV` wins over `ARG`."""
        return {**self.arguments, **self.env}


@dataclass(frozen=True)
class Dockerfile:
    """What a Dockerfile wants, ready to be carried out; `notes` say what is done otherwise than it says."""

    stages: list[Stage]
    notes: list[str]

    @property
    def last(self) -> Stage:
        return self.stages[-1]

    def needed(self) -> list[int]:
        """The stages that the last one is made of, in their order."""
        wanted: set[int] = set()
        new = [len(self.stages) - 1]
        while new:
            number = new.pop()
            if number in wanted:
                continue
            wanted.add(number)
            stage = self.stages[number]
            new += [] if stage.parent is None else [stage.parent]
            new += [a.stage for a in stage.actions if isinstance(a, Copy) and a.stage is not None]
        return sorted(wanted)

    def depth(self, number: int) -> int:
        """How many layers of its own the stage has."""
        stage = self.stages[number]
        below = 0 if stage.parent is None else self.depth(stage.parent)
        return below + len(stage.actions)

    def base_of(self, number: int) -> Base:
        """The base that the stage finally stands on."""
        stage = self.stages[number]
        if stage.base is not None:
            return stage.base
        assert stage.parent is not None
        return self.base_of(stage.parent)


def read(text: str, recipes: Iterable[str]) -> Dockerfile:
    """The whole Dockerfile understood, or `Refused`."""
    instructions, _ = parse(text)
    reader = _Reader(list(recipes))
    for instruction in instructions:
        try:
            reader.take(instruction)
        except Refused as refusal:
            raise Refused(f"{refusal} (line {instruction.line})") from refusal
    if not reader.stages:
        raise Refused("it has no FROM")
    found = Dockerfile(reader.stages, list(dict.fromkeys(reader.notes)))
    _without_apk(found)
    for number in found.needed():
        if found.depth(number) > MOST_LAYERS:
            raise Refused(f"it makes more than {MOST_LAYERS} layers")
    notes = [found.base_of(n).sentence for n in found.needed() if found.stages[n].base]
    return Dockerfile(found.stages, list(dict.fromkeys([*notes, *found.notes])))


def _without_apk(found: Dockerfile) -> None:
    for number in found.needed():
        if not found.base_of(number).has_apk:
            continue
        for action in found.stages[number].actions:
            if isinstance(action, Run) and re.search(
                r"\bapk\s+(--[\w-]+\s+)*(add|update|del|upgrade)\b", " ".join(action.argv)
            ):
                raise Refused("it installs packages of Alpine, which cannot be had here")


class _Reader:
    def __init__(self, recipes: list[str]) -> None:
        self.stages: list[Stage] = []
        self.notes: list[str] = []
        self._recipes = recipes
        self._global: dict[str, str] = {}

    def take(self, one: Instruction) -> None:
        if one.name == "ARG" and not self.stages:
            self._declare(one.text, self._global, {**_PLATFORM, **self._global}, {})
            return
        if one.name == "FROM":
            self._from(one)
            return
        if not self.stages:
            raise Refused(f"{one.name[:20]} stands before the first FROM")
        handler = getattr(self, f"_take_{one.name.lower()}", None) if one.name.isalpha() else None
        if handler is not None:
            handler(one, self.stages[-1])
        elif one.name not in _NO_MATTER:
            raise Refused(f"the instruction {one.name[:20]} is not known")

    def _from(self, one: Instruction) -> None:
        for flag, _ in one.flags:
            if flag != "platform":
                raise Refused(f"FROM --{flag} is not supported")
        parts = words.split(words.expand(one.text, {**_PLATFORM, **self._global}))
        if len(parts) not in (1, 3) or (len(parts) == 3 and parts[1].lower() != "as"):
            raise Refused("its FROM names no image")
        name = parts[2].lower() if len(parts) == 3 else ""
        parent = self._stage_named(parts[0])
        if parent is not None:
            before = self.stages[parent]
            stage = Stage(
                None, parent, name, env=dict(before.env), workdir=before.workdir, user=before.user,
                line_words=before.line_words, entrypoint=before.entrypoint, cmd=before.cmd,
            )  # fmt: skip
        else:
            base = base_for(parts[0], self._recipes)
            stage = Stage(base, None, name, env=dict(base.env))
        self.stages.append(stage)

    def _stage_named(self, name: str) -> int | None:
        for number in range(len(self.stages) - 1, -1, -1):
            if self.stages[number].name == name.lower() != "":
                return number
        return None

    def _declare(
        self, text: str, into: dict[str, str], values: Mapping[str, str], outer: Mapping[str, str]
    ) -> None:
        for word in words.split(words.expand(text, values)):
            name, equals, value = word.partition("=")
            if not _NAME.match(name):
                raise Refused(f"ARG {name[:40]} is no name of a variable")
            if equals:
                into[name] = value
            elif name in outer:
                into[name] = outer[name]

    def _take_arg(self, one: Instruction, stage: Stage) -> None:
        self._declare(one.text, stage.arguments, stage.values(), {**_PLATFORM, **self._global})

    def _take_env(self, one: Instruction, stage: Stage) -> None:
        values = stage.values()
        for name, value in words.pairs(words.expand(one.text, values)):
            if not _NAME.match(name):
                raise Refused(f"ENV {name[:40]} is no name of a variable")
            stage.env[name] = value

    def _take_workdir(self, one: Instruction, stage: Stage) -> None:
        stage.workdir = _below(stage.workdir, _plain(words.expand(one.text, stage.values())))
        stage.actions.append(Folder(stage.workdir, stage.user))

    def _take_user(self, one: Instruction, stage: Stage) -> None:
        user = _plain(words.expand(one.text, stage.values()))
        if not _USER.match(user):
            raise Refused(f"USER {user[:40]} is not understood")
        stage.user = "" if user.partition(":")[0] in ("root", "0") else user

    def _take_shell(self, one: Instruction, stage: Stage) -> None:
        if not one.array:
            raise Refused("SHELL takes a JSON array")
        stage.line_words = tuple(one.array)

    def _take_entrypoint(self, one: Instruction, stage: Stage) -> None:
        if stage.parent is not None and stage.cmd is self.stages[stage.parent].cmd:
            stage.cmd = None  # the parent's words belong to the parent's program
        stage.entrypoint = one

    def _take_cmd(self, one: Instruction, stage: Stage) -> None:
        stage.cmd = one

    def _take_run(self, one: Instruction, stage: Stage) -> None:
        for flag, value in one.flags:
            self._run_flag(flag, value)
        text = one.text
        if one.heredocs:
            argv = (*stage.line_words, _script(text, one.heredocs))
        else:
            argv = tuple(one.array) if one.array else (*stage.line_words, text)
        shown = f"RUN {' '.join(text.split())}"
        stage.actions.append(Run(argv, stage.values(), stage.workdir, stage.user, shown[:300]))

    def _run_flag(self, flag: str, value: str) -> None:
        if flag == "mount":
            kind = dict(part.partition("=")[::2] for part in value.split(",")).get("type", "bind")
            if kind not in ("cache", "tmpfs"):
                raise Refused(f"RUN --mount=type={kind[:20]} is not supported")
            self.notes.append(f"RUN --mount=type={kind} is done without its {kind}")
        elif (flag, value) not in (("network", "default"), ("security", "sandbox")):
            raise Refused(f"RUN --{flag}={value[:20]} is not allowed")

    def _take_copy(self, one: Instruction, stage: Stage) -> None:
        self._copy(one, stage, add=False)

    def _take_add(self, one: Instruction, stage: Stage) -> None:
        self._copy(one, stage, add=True)

    def _copy(self, one: Instruction, stage: Stage, *, add: bool) -> None:
        values = stage.values()
        flags = {name: words.expand(value, values) for name, value in one.flags}
        known = {"chown", "chmod", "link", *([] if add else ["from", "parents", "exclude"])}
        if odd := sorted({*flags} - known | {*flags} & {"parents", "exclude"}):
            raise Refused(f"{one.name} --{odd[0]} is not supported")
        each = one.array or words.split(one.text)
        parts = [words.expand(part, values) for part in each]
        if len(parts) < 2:
            raise Refused(f"{one.name} needs a source and a target")
        *sources, target = parts
        texts = [
            found
            for found in one.heredocs
            if any(found[0] in s for s in sources if s.startswith("<<"))
        ]
        sources = [source for source in sources if not source.startswith("<<")]
        for source in sources:
            if add and _REMOTE.match(source):
                raise Refused(f"ADD of {source[:80]} would be fetched outside of the sandbox")
        if flags.get("chown") and not _USER.match(flags["chown"]):
            raise Refused(f"--chown={flags['chown'][:40]} is not understood")
        if flags.get("chmod") and not _MODE.match(flags["chmod"]):
            raise Refused(f"--chmod={flags['chmod'][:40]} is not understood")
        folder = target.endswith("/") or target == "." or len(sources) + len(texts) > 1
        target = _below(stage.workdir, target)
        stage.actions.append(
            Copy(
                tuple(sources),
                target.rstrip("/") + "/" if folder else target,
                self._other(flags.get("from")),
                flags.get("chown", ""),
                flags.get("chmod", ""),
                add,
                tuple(texts),
            )
        )

    def _other(self, name: str | None) -> int | None:
        if name is None:
            return None
        found = self._stage_named(name)
        if found is None and name.isdigit() and int(name) < len(self.stages) - 1:
            found = int(name)
        if found is None or found == len(self.stages) - 1:
            raise Refused(
                f"COPY --from={name[:60]} takes files of an image that cannot be had here"
            )
        return found


def _script(text: str, heredocs: tuple[tuple[str, str], ...]) -> str:
    """A text alone is the program; beside a program it is what the shell gives to it."""
    if len(heredocs) == 1 and re.fullmatch(r"<<-?\s*\S+", text):
        if heredocs[0][1].startswith("#!"):
            raise Refused("a RUN << with its own #! line is not supported")
        return heredocs[0][1]
    return text.replace("<<-", "<<") + "\n" + "".join(f"{body}{name}\n" for name, body in heredocs)


def _plain(text: str) -> str:
    return " ".join(words.split(text))


def _below(workdir: str, path: str) -> str:
    """Absolute and without `..`; a slash at the end is lost."""
    return posixpath.normpath(posixpath.join("/", workdir, path)).replace("//", "/")
