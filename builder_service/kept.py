"""Images of single steps, kept on this host by the hash of everything that went into them."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from builder_service import locks
from builder_service.plan import BUILDER_VERSION
from builder_service.step_runner import Steps

STEP_TAG = "toolyard-step"


@dataclass(frozen=True)
class Keeper:
    """The kept steps that one build may share: those of its scope.

    A key names the image below, the program, its environment and the bytes it is given, so that only a build
    of exactly the same inputs finds a step; private builds share with their own account alone.
    """

    steps: Steps
    state: Path
    scope: str

    def kept(
        self,
        inputs: list[object],
        name: str,
        shown: str,
        make: Callable[[str], str],
        *,
        env: Mapping[str, str] | None = None,
    ) -> str:
        """The id of the step's image; `make` is given the key and returns a container to be committed with `env`."""
        text = json.dumps([*inputs, BUILDER_VERSION, self.scope], sort_keys=True)
        key = hashlib.sha256(text.encode()).hexdigest()
        tag = f"{STEP_TAG}:{key}"
        steps = self.steps
        with locks.held(self.state / "locks", f"step-{key[:32]}", steps.clock, steps.check):
            found = steps.containers.image_id(tag)
            if found is None:
                steps.log.say(f"{name}: {shown}" if shown else name)
                found = self._commit(make(key), tag, name, dict(env or {}))
            else:
                steps.log.say(f"{name}: kept from an earlier build")
            note_use(self.state, tag)
        return found

    def _commit(self, container: str, tag: str, name: str, env: dict[str, str]) -> str:
        try:
            return self.steps.containers.commit(container, tag, env=env, labels={"step": name})
        finally:
            self.steps.later(lambda: self.steps.containers.remove(container))


def tree_digest(tree: Path) -> str:
    """The hash of every file's path, mode and bytes; times and owners do not count."""
    paths = []
    for folder, names, files in os.walk(tree):
        paths += [Path(folder, name) for name in files]
        paths += [Path(folder, name) for name in names if Path(folder, name).is_symlink()]
    return digest(tree, [path.relative_to(tree).as_posix() for path in paths])


def digest(tree: Path, files: Iterable[str]) -> str:
    """The same hash of some files; one that is missing counts by its name."""
    made = hashlib.sha256()
    for name in sorted(files):
        path = tree / name
        made.update(name.encode(errors="surrogateescape") + b"\0")
        if path.is_symlink():
            # the end mark: a target that runs on into the next name would be another tree's hash
            made.update(b"l" + os.fsencode(path.readlink()) + b"\0")
        elif path.is_file():
            made.update(b"x" if path.stat().st_mode & 0o111 else b"f")
            with path.open("rb") as file:
                made.update(hashlib.file_digest(file, "sha256").digest())
        else:
            made.update(b"-")
    return made.hexdigest()


def note_use(state: Path, tag: str) -> None:
    """Remember when an image of ours was last used, for collection."""
    folder = state / "used"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / tag.replace(":", "@")).touch()
