"""A plan becomes an image: each step a container that is committed and kept by its content."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from builder_service import bases
from builder_service.detect.tree import normal
from builder_service.inventory import brings_packages
from builder_service.kept import Keeper, digest, tree_digest
from shared.containers import Mount
from shared.plan import Network, Plan, Step

BUILD_TAG = "toolyard-build"
_SOURCE = "/run/toolyard-source"
# Constant text; everything of the repository's own is an argument.
_COPY_THEN = (
    f'cp -Rf --preserve=mode,timestamps,links {_SOURCE}/. /app/ && {{ [ $# -eq 0 ] || exec "$@"; }}'
)

_COPY = Step(name="source", argv=["true"])
_NOTHING = Network(mode="off")


@dataclass(frozen=True)
class Built:
    """The id of an image, and of one with the same packages: where a source is only copied, the one below it."""

    image: str
    packages: str


def build(plan: Plan, base: str, tree: Path, keeper: Keeper) -> Built:
    """The image after all steps; those that were done before are taken from this host."""
    image = base
    if plan.system_packages:
        apt = Step(
            name="Debian packages", argv=["apt-get", "install", *plan.system_packages], as_root=True
        )
        image = _kept(apt, image, "", keeper, tree=None)
    whole = False
    for step in plan.steps:
        if step.files is not None:
            files = expanded(tree, step.files)
            image = _kept(step, image, digest(tree, files), keeper, tree, files)
            continue
        given = "" if whole else tree_digest(tree)
        image = _kept(step, image, given, keeper, None if whole else tree)
        whole = True
    if whole:
        return Built(image, image)
    copied = _kept(_COPY, image, tree_digest(tree), keeper, tree)
    return Built(copied, copied if brings_packages(tree) else image)


def finished(image: str, plan: Plan, keeper: Keeper, installation: str) -> str:
    """The id of the image with the plan's environment; it has no tool's name before it has answered.

    Kept steps may be those of another installation on the same engine, which removes what is its own; this is not.
    """
    return keeper.kept(
        [image, plan.env, installation],
        "image",
        " ".join(plan.env),
        lambda key: keeper.steps.never_started(image),
        env=plan.env,
    )


def expanded(tree: Path, files: list[str]) -> list[str]:
    """The files, each name that ends in `/` replaced by everything below that folder."""
    found = []
    for name in files:
        top = tree / normal(name)
        if not name.endswith("/"):
            found.append(name)
        elif not top.is_symlink():
            for folder, _, names in os.walk(top):
                found += [Path(folder, each).relative_to(tree).as_posix() for each in names]
    return found


def _kept(
    step: Step,
    image: str,
    source: str,
    keeper: Keeper,
    tree: Path | None,
    files: list[str] | None = None,
) -> str:
    made = step.model_dump(mode="json", exclude={"name"})
    shown = _shown(step.argv) if step is not _COPY else "copied"
    return keeper.kept(
        [image, made, source],
        step.name,
        shown,
        lambda key: _make(step, image, keeper, tree, files, key),
    )


def _make(
    step: Step, image: str, keeper: Keeper, tree: Path | None, files: list[str] | None, key: str
) -> str:
    """The container in which the step has run."""
    argv = step.argv
    mounts: tuple[Mount, ...] = ()
    staged: Path | None = None
    if step.as_root:
        argv = ["bash", "-ec", bases.APT, "bash", *step.argv[2:]]
    elif tree is not None and files != []:
        shown = tree
        if files is not None:
            shown = staged = _stage(tree, files, keeper.state / "staged" / key)
        argv = ["sh", "-c", _COPY_THEN, "sh", *step.argv]
        mounts = (Mount(shown, _SOURCE, read_only=True),)
    try:
        return keeper.steps.run(
            step.name,
            image,
            argv,
            env=step.env,
            mounts=mounts,
            as_root=step.as_root,
            network=_NOTHING if step is _COPY else None,
        )
    finally:
        if staged is not None:
            shutil.rmtree(staged, ignore_errors=True)


def _stage(tree: Path, files: list[str], folder: Path) -> Path:
    """A folder with only these files of the tree."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in files:
        source, target = tree / normal(name), folder / normal(name)
        if source.is_file() and not source.is_symlink():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target)
    return folder


def _shown(argv: list[str]) -> str:
    text = " ".join(argv)
    return text if len(text) <= 300 else text[:300] + " …"
