"""A Dockerfile's stages as sandboxed containers that are committed and kept by their content."""

import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from builder_service.kept import Keeper, tree_digest
from builder_service.own_dockerfile.candidate import resolved
from builder_service.own_dockerfile.context import Context
from builder_service.own_dockerfile.reading import context_of, dockerfile_of
from builder_service.own_dockerfile.stages import Action, Copy, Dockerfile, Folder, Run
from builder_service.step_runner import Steps
from builder_service.trial import trial
from shared.containers import Mount
from shared.plan import Plan

_SOURCE = "/run/toolyard-source"
_OUT = "/run/toolyard-out"

# Constant texts; everything of the Dockerfile's own is an argument. What is not to stay in the image lies in
# /dev/shm, which is the container's own.
_RUN = """
if [ -n "$SSL_CERT_FILE" ]; then
  echo "Acquire::https::CaInfo \\"$SSL_CERT_FILE\\";" > /dev/shm/apt.conf; export APT_CONFIG=/dev/shm/apt.conf
fi
cd -- "$1" || exit 125
name=${2%%:*} group=
case $2 in *:*) group=${2#*:} ;; esac
shift 2
[ -n "$name" ] || exec "$@"
uid=$(id -u -- "$name" 2>/dev/null || echo "$name")
if [ -z "$group" ]; then gid=$(id -g -- "$name" 2>/dev/null || echo 0)
else gid=$(getent group "$group" | cut -d: -f3); gid=${gid:-$group}; fi
[ "$HOME" != /root ] || { HOME=$(getent passwd "$name" | cut -d: -f6); export HOME="${HOME:-/}"; }
exec setpriv --reuid="$uid" --regid="$gid" --clear-groups -- "$@"
"""
_FOLDER = """
if [ ! -d "$1" ]; then mkdir -p -- "$1"; if [ -n "$2" ]; then chown -- "$2" "$1"; fi; fi
"""
_COPY = """
set -e
target=$1 owner=$2 mode=$3 into= keep=mode,timestamps,links
[ -z "$owner" ] || keep=$keep,ownership
set -- /run/toolyard-source/*
case $target in */) into=1 ;; esac
if [ $# -gt 1 ] || [ -d "$target" ]; then into=1; fi
for item; do
  from=$item
  if [ -n "$owner$mode" ]; then
    case $item in *t) ;; *)
      rm -rf /run/toolyard-copy; cp -RP --preserve=mode,timestamps,links "$item" /run/toolyard-copy; from=/run/toolyard-copy
      if [ -n "$owner" ]; then chown -Rh -- "$owner" "$from"; fi
      if [ -n "$mode" ]; then for each in "$from"/* "$from"/.[!.]*; do [ ! -e "$each" ] || chmod -R -- "$mode" "$each"; done; fi
    esac
  fi
  case $item in
    *d) mkdir -p -- "$target"; cp -RfP --preserve=$keep "$from/." "$target/" ;;
    *t) mkdir -p -- "$target"; for each in "$from"/*; do tar -xf "$each" -C "$target" --no-same-owner; done ;;
    *f)
      if [ -n "$into" ]; then mkdir -p -- "$target"; cp -RfP --preserve=$keep "$from/." "$target/"
      else mkdir -p -- "$(dirname -- "$target")"; for each in "$from"/* "$from"/.[!.]*; do
        [ ! -e "$each" ] || cp -fP --preserve=$keep -- "$each" "$target"; done; fi ;;
  esac
done
rm -rf /run/toolyard-copy
"""
_TAKE = """
set -e
IFS=
number=100
cd /
for source; do
  for each in $source; do
    number=$((number + 1))
    if [ -d "$each" ]; then mkdir /run/toolyard-out/${number}d; cp -a -- "$each/." /run/toolyard-out/${number}d/
    else mkdir /run/toolyard-out/${number}f; cp -aH -- "$each" /run/toolyard-out/${number}f/; fi
  done
done
"""
_PRESENT = """
cd -- "$1" || exit 0
shift
for word; do case $word in /*|-*) ;; *) [ ! -e "$word" ] || printf '%s\\n' "$word" ;; esac; done
"""
# Runs are nobody's: what only root may read would be no tool for them, and nobody becomes another user there.
_READABLE = """
find / -xdev -type f -perm /6000 -exec chmod a-s {} +
if [ -d /root ]; then chmod a+rx /root; fi
if [ "$1" != / ] && [ -d "$1" ]; then
  find "$1" -xdev '(' -type d ! -perm -0555 -o -type f ! -perm -0444 ')' -exec chmod a+rX {} +
fi
"""


def bases_of(plan: Plan) -> list[str]:
    """Names of our bases that the plan stands on: one, or those of a Dockerfile's stages."""
    if plan.dockerfile is None:
        return [plan.base]
    found = dockerfile_of(plan)
    return sorted({found.base_of(number).recipe for number in found.needed()})


def build(plan: Plan, bases: dict[str, str], tree: Path, keeper: Keeper) -> str:
    """The id of the image after all instructions; `bases` are the ids of our base images by name."""
    assert plan.dockerfile is not None
    found = dockerfile_of(plan, keeper.steps.check)
    context = context_of(found, plan.dockerfile.path, tree, keeper.steps.check)
    return _Carrying(found, context, bases, keeper.steps, keeper).out()


def with_paths(plan: Plan, image: str, steps: Steps) -> Plan:
    """The plan whose command names files below the image's `WORKDIR` by their whole path."""
    command = plan.commands[0]
    workdir = dockerfile_of(plan, steps.check).last.workdir
    said = trial(image, ["/bin/sh", "-c", _PRESENT, "sh", workdir, *command.run], steps)
    present = set(said.out.decode(errors="replace").splitlines())
    changed = command.model_copy(update={"run": resolved(command.run, workdir, present)})
    return plan.model_copy(update={"commands": [changed, *plan.commands[1:]]})


@dataclass
class _Carrying:
    """One Dockerfile on its way to an image."""

    dockerfile: Dockerfile
    context: Context
    bases: dict[str, str]
    steps: Steps
    keeper: Keeper

    def out(self) -> str:
        """The id of the last stage's image."""
        images: dict[int, str] = {}
        for number in self.dockerfile.needed():
            images[number] = self._stage(number, images)
        last = len(self.dockerfile.stages) - 1
        workdir = self.dockerfile.last.workdir
        return self._kept(
            "readable for everybody", images[last], [_READABLE, workdir],
            lambda: self._script("permissions", images[last], _READABLE, [workdir]),
        )  # fmt: skip

    def _stage(self, number: int, images: dict[int, str]) -> str:
        stage = self.dockerfile.stages[number]
        if stage.parent is not None:
            image = images[stage.parent]
        else:
            assert stage.base is not None
            image = self.bases[stage.base.recipe]
        for action in stage.actions:
            image = self._action(action, image, images)
        return image

    def _action(self, action: Action, image: str, images: dict[int, str]) -> str:
        if isinstance(action, Run):
            what = [_RUN, action.argv, action.env, action.workdir, action.user]
            return self._kept(action.shown, image, what, lambda: self._run(action, image))
        if isinstance(action, Folder):
            arguments = [action.path, action.user]
            return self._kept(
                f"WORKDIR {action.path}", image, [_FOLDER, *arguments],
                lambda: self._script("WORKDIR", image, _FOLDER, arguments),
            )  # fmt: skip
        if action.stage is not None:
            return self._from_stage(action, image, images[action.stage])
        return self._from_context(action, image)

    def _run(self, action: Run, image: str) -> str:
        env = {"HOME": "/root", **action.env}
        return self._script(
            action.shown[:80], image, _RUN, [action.workdir, action.user, *action.argv], env=env
        )

    def _from_context(self, copy: Copy, image: str) -> str:
        with self._folder() as folder:
            staged = _inner(folder)
            self.context.stage(copy, staged)
            what = [_COPY, copy.target, copy.owner, copy.mode, tree_digest(staged)]
            return self._kept(_shown(copy), image, what, lambda: self._put(copy, image, staged))

    def _from_stage(self, copy: Copy, image: str, other: str) -> str:
        def make() -> str:
            with self._folder() as folder:
                staged = _inner(folder)
                taken = self._script(
                    _shown(copy), other, _TAKE, list(copy.sources), mounts=(Mount(staged, _OUT),), measured=staged
                )  # fmt: skip
                self.steps.containers.remove(taken)
                return self._put(copy, image, staged)

        what = [_TAKE, _COPY, copy.sources, copy.target, copy.owner, copy.mode, other]
        return self._kept(_shown(copy), image, what, make)

    def _put(self, copy: Copy, image: str, staged: Path) -> str:
        mounts = (Mount(staged, _SOURCE, read_only=True),)
        return self._script(
            _shown(copy), image, _COPY, [copy.target, copy.owner, copy.mode], mounts=mounts
        )

    def _script(
        self, name: str, image: str, script: str, arguments: list[str], *,
        env: dict[str, str] | None = None, mounts: tuple[Mount, ...] = (), measured: Path | None = None,
    ) -> str:  # fmt: skip
        """The container in which our constant script has run as root."""
        argv = ["/bin/sh", "-c", script, "sh", *arguments]
        return self.steps.run(
            name,
            image,
            argv,
            env=env,
            mounts=mounts,
            as_root=True,
            own_tmp=False,
            measured=measured,
        )

    def _kept(self, shown: str, image: str, what: Sequence[object], make: Callable[[], str]) -> str:
        return self.keeper.kept([image, "dockerfile", *what], shown, "", lambda key: make())

    @contextmanager
    def _folder(self) -> Iterator[str]:
        """Only root may look into it: files from a stage may be another user's or carry a setuid bit."""
        place = self.keeper.state / "staged"
        place.mkdir(parents=True, exist_ok=True)
        folder = tempfile.mkdtemp(dir=place, prefix="dockerfile-")
        try:
            yield folder
        finally:  # by rm, which no depth of folders stops
            subprocess.run(["rm", "-rf", "--", folder], check=False, capture_output=True)


def _inner(folder: str) -> Path:
    inner = Path(folder, "files")
    inner.mkdir(mode=0o755)
    return inner


def _shown(copy: Copy) -> str:
    what = " ".join([*copy.sources, *(f"<<{name}" for name, _ in copy.texts)])
    return f"{'ADD' if copy.unpack else 'COPY'} {what} {copy.target}"[:300]
