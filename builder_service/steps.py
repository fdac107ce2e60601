"""A plan becomes an image: each step a container that is committed and kept by its content."""

import hashlib
import json
import os
import shutil
from pathlib import Path

from builder_service import bases, locks
from builder_service.detect.tree import normal
from builder_service.plan import BUILDER_VERSION
from builder_service.step_runner import Steps
from shared.containers import Mount
from shared.plan import Network, Plan, Step

STEP_TAG = "toolyard-step"
BUILD_TAG = "toolyard-build"
_SOURCE = "/run/toolyard-source"
# Constant text; everything of the repository's own is an argument.
_COPY_THEN = (
    f'cp -Rf --preserve=mode,timestamps,links {_SOURCE}/. /app/ && {{ [ $# -eq 0 ] || exec "$@"; }}'
)


def build(plan: Plan, base: str, tree: Path, steps: Steps, state: Path, scope: str) -> str:
    """The id of the image after all steps; those that were done before are taken from this host."""
    image = base
    if plan.system_packages:
        apt = Step(
            name="Debian packages", argv=["apt-get", "install", *plan.system_packages], as_root=True
        )
        image = _kept(apt, image, "", steps, state, scope, tree=None)
    whole = False
    for step in plan.steps:
        if step.files is not None:
            image = _kept(
                step, image, _digest(tree, step.files), steps, state, scope, tree, files=step.files
            )
            continue
        digest = "" if whole else tree_digest(tree)
        image = _kept(step, image, digest, steps, state, scope, None if whole else tree)
        whole = True
    if not whole:
        copy = Step(name="source", argv=["true"])
        image = _kept(copy, image, tree_digest(tree), steps, state, scope, tree)
    return image


def publish(image: str, tag: str, plan: Plan, steps: Steps, labels: dict[str, str]) -> str:
    """The id of the image under its final tag; only an image that has answered gets one."""
    container = steps.run("publish", image, ["true"], network=Network())
    try:
        return steps.containers.commit(
            container, tag, env=plan.env, labels={**labels, "smoke": "ok"}
        )
    finally:
        steps.containers.remove(container)


def tree_digest(tree: Path) -> str:
    """The hash of every file's path, mode and bytes; times and owners do not count."""
    paths = []
    for folder, names, files in os.walk(tree):
        paths += [Path(folder, name) for name in files]
        paths += [Path(folder, name) for name in names if Path(folder, name).is_symlink()]
    return _digest(tree, [path.relative_to(tree).as_posix() for path in paths])


def _digest(tree: Path, files: list[str]) -> str:
    digest = hashlib.sha256()
    for name in sorted(files):
        path = tree / name
        digest.update(name.encode(errors="surrogateescape") + b"\0")
        if path.is_symlink():
            digest.update(b"l" + os.fsencode(path.readlink()))
        elif path.is_file():
            digest.update(b"x" if path.stat().st_mode & 0o111 else b"f")
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _kept(
    step: Step, image: str, source: str, steps: Steps, state: Path, scope: str, tree: Path | None,
    files: list[str] | None = None,
) -> str:  # fmt: skip
    made = step.model_dump(mode="json", exclude={"name"})
    key = hashlib.sha256(
        json.dumps([image, made, source, BUILDER_VERSION, scope], sort_keys=True).encode()
    )
    tag = f"{STEP_TAG}:{key.hexdigest()}"
    with locks.held(state / "locks", f"step-{key.hexdigest()[:32]}", steps.clock, steps.check):
        found = steps.containers.image_id(tag)
        if found is None:
            steps.log.say(
                f"{step.name}: {_shown(step.argv) if step.argv != ['true'] else 'copied'}"
            )
            found = _make(step, image, tag, steps, state, tree, files)
        else:
            steps.log.say(f"{step.name}: kept from an earlier build")
        note_use(state, tag)
    return found


def _make(
    step: Step,
    image: str,
    tag: str,
    steps: Steps,
    state: Path,
    tree: Path | None,
    files: list[str] | None,
) -> str:
    argv = step.argv
    mounts: tuple[Mount, ...] = ()
    staged: Path | None = None
    if step.as_root:
        argv = ["bash", "-ec", bases.APT, "bash", *step.argv[2:]]
    elif tree is not None and files != []:
        shown = tree
        if files is not None:
            shown = staged = _stage(tree, files, state / "staged" / tag.rpartition(":")[2])
        argv = ["sh", "-c", _COPY_THEN, "sh", *step.argv]
        mounts = (Mount(shown, _SOURCE, read_only=True),)
    try:
        container = steps.run(
            step.name, image, argv, env=step.env, mounts=mounts, as_root=step.as_root
        )
        try:
            return steps.containers.commit(container, tag, env={}, labels={"step": step.name})
        finally:
            steps.containers.remove(container)
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


def note_use(state: Path, tag: str) -> None:
    """Remember when an image of ours was last used, for collection."""
    folder = state / "used"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / tag.replace(":", "@")).touch()
