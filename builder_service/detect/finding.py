"""What every detector is told and answers, and how commands are ranked."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

from shared.plan import Command, Plan


class NoPlan(Exception):
    """The language is there, but no tool can be made of it; the text is a sentence for the user."""


@dataclass(frozen=True)
class Facts:
    """What is known beside the files: the repository's name, the wanted command, the version from tags."""

    name: str
    command: str | None = None
    version: str | None = None


@dataclass(frozen=True)
class Finding:
    """A detector's answer: a plan and how strongly the files speak for it, or what it looked at in vain."""

    plan: Plan | None
    strength: int = 0
    looked: list[str] = field(default_factory=list)


DECLARED, NAMED, CLI, PLAIN, ASIDE = range(5)
"""How good the evidence for a command is: a manifest names it; it is named like the repository; it parses
arguments; it only runs; it lies among tests, examples or set-up scripts."""

_FAR = 1000
_SCRIPT = re.compile(r"\.(py|js|mjs|cjs|sh|bash|zsh|ts|rb|pl|r|jar)$", re.IGNORECASE)
STRENGTH = {DECLARED: 100, NAMED: 70, CLI: 60, PLAIN: 30, ASIDE: 10}

_ASIDE_FOLDERS = frozenset(
    [
        "test",
        "tests",
        "testing",
        "t",
        "spec",
        "specs",
        "example",
        "examples",
        "sample",
        "samples",
        "demo",
        "demos",
        "doc",
        "docs",
        "benchmark",
        "benchmarks",
        "bench",
        "ci",
        "scripts",
        "script",
        "tools",
        "contrib",
        "packaging",
        "dev",
        "devtools",
        "utils",
        "misc",
        "etc",
        "build",
        "dist",
        "completions",
        "completion",
        "hooks",
        "templates",
        "fixtures",
        "__tests__",
        ".ci",
        "experiments",
        "notebooks",
    ]
)
_ASIDE_NAMES = re.compile(
    r"^(setup|conftest|install|uninstall|build|make|release|deploy|bootstrap|configure|test|tests|run[-_]?tests?|"
    r"noxfile|tasks|fabfile|manage|version|_version|ci|lint|format|update|upgrade|publish|bench|benchmark|dev|"
    r"gulpfile|gruntfile|rollup|webpack|jest|karma|prettier|eslint|babel|tsup|vite|generate|gen|docs?|"
    r"tar|mkdist|bump|tag|clean)"
    r"([-_.].*)?$|^test_|_test$|[-_.]tests?$|\.(test|spec|config)$",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Candidate:
    """A command with the quality of its evidence."""

    command: Command
    quality: int
    depth: int = 0


def is_aside(path: str) -> bool:
    """Whether a file's place or name says test, example or set-up rather than tool; hidden ones are none."""
    pure = PurePosixPath(path)
    if pure.name.startswith(".") or any(part.lower() in _ASIDE_FOLDERS for part in pure.parts[:-1]):
        return True
    return bool(_ASIDE_NAMES.search(pure.name.split(".")[0])) or bool(
        _ASIDE_NAMES.search(pure.stem)
    )


def same_name(left: str, right: str) -> bool:
    """`spark`, `Spark.py` and `spark-cli` against the repository's `spark`."""
    return _bare(left) == _bare(right) != ""


def rank(
    candidates: Iterable[Candidate], names: Iterable[str], uses: Mapping[str, int] | None = None
) -> list[Candidate]:
    """Best first: by evidence, then those named like the repository or project; one of each name.

    Among equals the one comes first that the documents show most often (`readme_uses.count`), then the one
    whose name adds least to the repository's.
    """
    wanted = [name for name in names if name]
    uses = uses or {}
    candidates = list(candidates)
    shown = {one.command.name: _uses(one.command.name, uses) for one in candidates}
    most = max(
        (shown.get(one.command.name, 0) for one in candidates if one.quality == DECLARED), default=0
    )

    def key(candidate: Candidate) -> tuple[int, int, int, int, int, int, str]:
        name = candidate.command.name
        # Documents that hardly show the namesake but another command all over outweigh a name.
        eclipsed = candidate.quality == DECLARED and most >= max(10, 5 * (1 + shown.get(name, 0)))
        exact = not eclipsed and any(same_name(name, other) for other in wanted)
        starts = not eclipsed and any(
            _bare(name).startswith(_bare(other)) or _bare(name) in _parts(other) for other in wanted
        )
        quality = candidate.quality
        if exact and (quality in (CLI, PLAIN) or (quality == ASIDE and candidate.depth <= 1)):
            quality = NAMED
        return (
            quality,
            0 if exact else 1,
            0 if starts else 1,
            -shown.get(name, 0),
            candidate.depth,
            min((_added(name, other) for other in wanted), default=_FAR),
            name,
        )

    best: dict[str, Candidate] = {}
    for candidate in sorted(candidates, key=key):
        best.setdefault(candidate.command.name, candidate)
    if len(best) < 2:
        return list(best.values())
    return [_with_uses(candidate, shown) for candidate in best.values()]


def _uses(name: str, uses: Mapping[str, int]) -> int:
    """Documents show a script as it is installed as often as by its file's name."""
    stem = _SCRIPT.sub("", name)
    return uses.get(name, 0) + (uses.get(stem, 0) if stem != name else 0)


def _parts(other: str) -> list[str]:
    """`ensembl-vep` may well bring `vep`."""
    parts = re.split(r"[-_.\s]+", other.lower())
    return [part for part in parts if len(part) > 2] if len(parts) > 1 else []


def _added(name: str, other: str) -> int:
    """Letters that a name has beside the repository's; far when it does not contain it."""
    bare, wanted = _bare(name), _bare(other)
    return len(bare) - len(wanted) if len(wanted) > 2 and wanted in bare else _FAR


def _with_uses(candidate: Candidate, uses: Mapping[str, int]) -> Candidate:
    number = uses.get(candidate.command.name, 0)
    if not number:
        return candidate
    times = "once" if number == 1 else f"{number} times"
    evidence = f"{candidate.command.evidence}; its documents show it {times}"
    return replace(candidate, command=candidate.command.model_copy(update={"evidence": evidence}))


def strength(candidates: list[Candidate], names: Iterable[str]) -> int:
    """How strongly the best of the ranked candidates speaks for its language."""
    if not candidates:
        return 0
    best = candidates[0]
    named = any(same_name(best.command.name, name) for name in names if name)
    if named and best.quality in (CLI, PLAIN):
        return STRENGTH[NAMED]
    return STRENGTH[best.quality]


def _bare(name: str) -> str:
    stem = _SCRIPT.sub("", name.lower())
    return (
        re.sub(
            r"[-_.]?(cli|tool|py|js|sh)$|^(py|node)[-_.]|[^a-z0-9]",
            "",
            re.sub(r"[^a-z0-9]+", "-", stem),
        )
        or stem
    )
