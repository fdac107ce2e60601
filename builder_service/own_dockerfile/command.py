"""Which command a Dockerfile gives, and whether it is one that people could run with arguments. Pure."""

import posixpath
import re
from dataclasses import dataclass

from builder_service.own_dockerfile.refused import Refused
from builder_service.own_dockerfile.stages import Stage

_SHELLS = frozenset({"sh", "bash", "dash", "ash", "zsh"})
_INTERPRETER = re.compile(
    r"(?:python|pypy)[\d.]*|node|nodejs|ruby|perl|Rscript|php|java|deno|bun|lua|tclsh"
)
_SERVERS = re.compile(
    r"gunicorn|uvicorn|hypercorn|daphne|waitress-serve|nginx|apache2?(?:ctl)?|httpd|caddy|supervisord|streamlit|"
    r"jupyter(?:-\w+)?|celery|flask|puma|unicorn|rails|pm2|nodemon|npm|yarn|pnpm|npx|sshd|cron|crond|tail|sleep|"
    r"serve|http-server|php-fpm|mysqld|postgres|redis-server|mongod|rackup|true|cat"
)
_WRAPPERS = frozenset({"tini", "dumb-init", "gosu", "su-exec", "env", "exec"})


@dataclass(frozen=True)
class Wanted:
    """The words before the user's arguments, and the name that people would give the tool."""

    words: list[str]
    name: str
    said: str
    """`ENTRYPOINT ["./tool.py"]`."""


def wanted(stage: Stage) -> Wanted:
    """The last stage's command; raises `Refused` when arguments would be lost or no tool would be started."""
    words, said = _words(stage)
    program = _program(words)
    name = posixpath.basename(program[0])
    if name in _SHELLS:
        if len(program) == 1 or program[1] in ("-l", "-i", "--login"):
            raise Refused("its command is a shell, not a tool")
        if program[1].startswith("-") and "c" in program[1]:
            raise Refused("its command drops the arguments (a shell line)")
    if _INTERPRETER.fullmatch(name) and not _script(program):
        raise Refused(f"its command is {name} alone, not a tool")
    module = _script(program)[1:2] if _script(program)[:1] == ["-m"] else []
    if _SERVERS.fullmatch(name) or (module and _SERVERS.fullmatch(module[0])):
        raise Refused(
            f"its command starts {module[0] if module else name}, not a command-line tool"
        )
    shown = module[0] if module else _shown(program)
    return Wanted(words, shown, said)


def _words(stage: Stage) -> tuple[list[str], str]:
    entrypoint, cmd = stage.entrypoint, stage.cmd
    if entrypoint is None and cmd is None:
        raise Refused("it says no command (neither ENTRYPOINT nor CMD)")
    first = entrypoint or cmd
    assert first is not None
    words = first.array
    if words is None:
        raise Refused(f"its {first.name} is a shell line, which drops the arguments")
    said = f"{first.name} {first.text}"
    if entrypoint is not None and _is_bare(words) and cmd is not None and cmd.array:
        words, said = [*words, *cmd.array], f"{said} {cmd.name} {cmd.text}"
    if not words or not words[0]:
        raise Refused(f"its {first.name} is empty")
    return words, said


def _is_bare(words: list[str]) -> bool:
    """Whether the program only starts another one, which `CMD` then names."""
    program = _program(words) if words else []
    if not program:
        return True
    name = posixpath.basename(program[0])
    if name in _SHELLS:
        return len(program) == 1
    return bool(_INTERPRETER.fullmatch(name)) and not _script(program)


def _program(words: list[str]) -> list[str]:
    """The words from the program itself on: `tini --` and its like are passed over."""
    rest = list(words)
    while rest and posixpath.basename(rest[0]) in _WRAPPERS:
        rest = rest[1:]
        while rest and (rest[0].startswith("-") or re.match(r"\w+=", rest[0])):
            rest = rest[1:]
    return rest or words[-1:]


def _script(program: list[str]) -> list[str]:
    """What an interpreter is told to run, its options left out; `["-m", "module"]`, `["-jar", "a.jar"]`."""
    for at, word in enumerate(program[1:], 1):
        if word in ("-m", "-jar"):
            return program[at : at + 2] if len(program) > at + 1 else []
        if word in ("-c", "-e"):
            return []
        if not word.startswith("-"):
            return program[at:]
    return []


def _shown(program: list[str]) -> str:
    name = posixpath.basename(program[0])
    if not _INTERPRETER.fullmatch(name) and name not in _SHELLS:
        return name
    script = [word for word in _script(program) if not word.startswith("-")]
    return posixpath.basename(script[0]) if script else name


def module_of(stage: Stage) -> bool:
    """Whether Python finds the tool by its current folder (`python -m tool`), which a run does not have."""
    words = wanted(stage).words
    program = _program(words)
    return bool(re.match(r"python", posixpath.basename(program[0]))) and _script(program)[:1] == [
        "-m"
    ]
