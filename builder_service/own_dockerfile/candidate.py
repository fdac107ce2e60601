"""Whether a repository's own Dockerfile may give its tool: the plan, or the sentence that says why not. Pure."""

import posixpath
import re
from collections.abc import Iterable

from builder_service.detect.finding import Facts, same_name
from builder_service.detect.tree import Tree
from builder_service.own_dockerfile import command
from builder_service.own_dockerfile.refused import Refused
from builder_service.own_dockerfile.stages import Copy, Dockerfile, Run, read
from shared.plan import Command, OwnDockerfile, Plan

PATHS = ("Dockerfile", "Containerfile", "dockerfile", "docker/Dockerfile", "Docker/Dockerfile")
_HOSTS = ("github.com/", "gitlab.com/", "bitbucket.org/", "codeberg.org/")
_INSTALLERS = frozenset({"pip", "pipx", "uv", "npm", "yarn", "pnpm", "gem", "cargo", "go"})


def candidate(tree: Tree, facts: Facts, recipes: Iterable[str]) -> Plan | None:
    """The plan of the repository's Dockerfile, None without one; `Refused` when it would not give the tool."""
    path = next((path for path in PATHS if tree.has(path)), None)
    if path is None:
        return None
    text = tree.text(path)
    found = read(text, recipes)
    wanted = command.wanted(found.last)
    _is_of_this_repository(found, facts)
    stage = found.last
    env = dict(stage.env)
    if command.module_of(stage):
        env["PYTHONPATH"] = ":".join(filter(None, [stage.workdir, env.get("PYTHONPATH")]))
    return Plan(
        runtime="dockerfile",
        base=found.base_of(len(found.stages) - 1).recipe,
        commands=[
            Command(
                name=wanted.name,
                run=resolved(wanted.words, stage.workdir, set()),
                evidence=f"{path}: {wanted.said}"[:300],
            )
        ],
        env=env,
        evidence=[f"the repository's {path}", *found.notes],
        dockerfile=OwnDockerfile(path=path, text=text, mapped=found.notes),
    )


def resolved(words: list[str], workdir: str, present: set[str]) -> list[str]:
    """The words with paths below the image's `WORKDIR` made absolute, since a run starts elsewhere.

    `present` are those that exist there; a program with a slash is a path without being asked for.
    """
    return [
        posixpath.normpath(posixpath.join(workdir, word))
        if not word.startswith(("/", "-")) and (word in present or (at == 0 and "/" in word))
        else word
        for at, word in enumerate(words)
    ]


def _is_of_this_repository(found: Dockerfile, facts: Facts) -> None:
    """Refuse what would build another commit than this one."""
    actions = [action for number in found.needed() for action in found.stages[number].actions]
    for action in actions:
        for line in re.split(r"[;&|\n]+", " ".join(action.argv)) if isinstance(action, Run) else ():
            if name := _elsewhere(line.split(), facts.name):
                raise Refused(f"it takes {name} from elsewhere instead of using this commit")
    if not any(isinstance(a, Copy) and a.stage is None and a.sources for a in actions):
        raise Refused("it copies nothing of this repository, so it would build something else")


def _elsewhere(line: list[str], name: str) -> str:
    """The tool's own name where a command line clones, downloads or installs a published copy of it."""
    installs = any(re.sub(r"[\d.]+\Z", "", word) in _INSTALLERS for word in line) and any(
        word in ("install", "add", "i", "get") for word in line
    )
    clones = "git" in line and "clone" in line
    for word in line:
        address = word.strip("\"'")
        if (clones or any(host in address for host in _HOSTS)) and "/" in address:
            parts = [
                part.partition("@")[0].removesuffix(".git") for part in re.split("[/:]", address)
            ]
            if any(same_name(part, name) for part in parts[1:]):
                return address[:100]
        elif installs and not address.startswith(("-", ".", "/")):
            published = re.split(r"[=<>@~!\[]", address)[0]
            if published and same_name(published, name):
                return f"a published {published[:60]}"
    return ""
