"""A Dockerfile and the files that it may copy, each read apart from the builder: both are strangers' texts."""

from collections.abc import Callable, Sequence
from pathlib import Path

from builder_service.apart import apart
from builder_service.base_recipes import RECIPES
from builder_service.failures import BuildFailed
from builder_service.own_dockerfile.context import Context
from builder_service.own_dockerfile.refused import Refused
from builder_service.own_dockerfile.stages import Copy, Dockerfile, read
from shared.plan import Plan


def dockerfile_of(plan: Plan, check: Callable[[], None] = lambda: None) -> Dockerfile:
    """What the plan's Dockerfile wants; raises `BuildFailed`."""
    assert plan.dockerfile is not None
    return apart(_dockerfile, plan.dockerfile.text, check=check)


def context_of(
    found: Dockerfile, path: str, tree: Path, check: Callable[[], None] = lambda: None
) -> Context:
    """The files of `tree` that the Dockerfile copies; raises `BuildFailed`."""
    actions = [action for number in found.needed() for action in found.stages[number].actions]
    sources = [s for a in actions if isinstance(a, Copy) and a.stage is None for s in a.sources]
    return apart(_context, tree, path, sources, check=check)


def _dockerfile(text: str) -> Dockerfile:
    try:
        return read(text, RECIPES)
    except Refused as refusal:
        raise BuildFailed(f"The Dockerfile is not used: {refusal}.") from refusal


def _context(tree: Path, path: str, sources: Sequence[str]) -> Context:
    try:
        return Context.of(tree, path, sources)
    except Refused as refusal:
        raise BuildFailed(f"The repository's {path} cannot be carried out: {refusal}.") from refusal
