"""The containers port: sandboxed containers and images; every run and every build step is one container."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol

from shared.plan import Network
from shared.work import ImageAccess, Limits, Stream
from shared.written import Written


class ContainerGone(Exception):
    """No container has that name."""


class RegistryUnavailable(Exception):
    """The registry does not answer, or does not have the image."""


class ImageGone(Exception):
    """No image has that reference."""


class EngineUnavailable(Exception):
    """The container engine does not answer; the work can be repeated later."""


class EngineRefused(Exception):
    """The engine will not do this, and repeating it changes nothing; the text says why."""


class NetworkRefused(Exception):
    """A sandbox with this network cannot be made safely here; the text says what to do."""


@dataclass(frozen=True)
class Mount:
    """A host folder inside the container."""

    host: Path
    target: str
    read_only: bool = False


@dataclass(frozen=True)
class Sandbox:
    """Everything that one container is and may do; `name` makes `create` repeatable."""

    name: str
    image: str
    argv: list[str]
    kind: Literal["run", "build"]
    limits: Limits
    network: Network = Network()
    env: dict[str, str] = field(default_factory=dict)
    labels: dict[str, str] = field(default_factory=dict)
    mounts: tuple[Mount, ...] = ()
    workdir: str = "/work"
    stdin: Path | None = None
    """A file, readable for everyone, that becomes standard input; without it standard input is empty."""
    read_only: bool = True
    """Whether the image's own file system is read-only (runs) or written to be committed (builds)."""
    as_root: bool = False
    """Root inside, with only the capabilities that Debian's package tools need (builds)."""
    own_tmp: bool = True
    """Whether `/tmp` is memory of its own; else it belongs to what is written to be committed (builds)."""
    brief: bool = False
    """Whether one without a network starts at once: with the kernel's loopback alone, and no resolver."""


@dataclass(frozen=True)
class Exit:
    """How the program ended: `exit_code` as the engine tells it (128+n for signal n), and why."""

    exit_code: int
    oom: bool
    seconds: float


@dataclass(frozen=True)
class Status:
    """What the engine knows of a container."""

    name: str
    state: Literal["created", "running", "exited"]
    labels: dict[str, str]
    exit: Exit | None


@dataclass(frozen=True)
class Storage:
    """The disk that images lie on, in bytes."""

    used: int
    total: int
    """Without what the file system keeps for root."""


class Containers(Protocol):
    def create(self, sandbox: Sandbox) -> None:
        """Make network and container, not started; the same name again is fine.

        Raises `ImageGone`, `NetworkRefused`, `EngineRefused`.
        """
        ...

    def start(self, name: str) -> None:
        """Start it; starting a container that runs or has run is fine and does nothing."""
        ...

    def output(self, name: str) -> Iterator[tuple[Stream, bytes]]:
        """Both streams byte-exact from the very first byte, live, until the program has ended.

        May be called again at any time, also by another process: it begins at the first byte again.
        Call it between `create` and `start` for the live stream itself (a slow reader then slows the
        program down); later calls read the engine's log, which keeps what `Limits.log_bytes` promises.
        """
        ...

    def wait(self, name: str, seconds: float) -> Exit | None:
        """The exit, or None when the program still runs after `seconds`."""
        ...

    def stop(self, name: str, grace: float) -> None:
        """TERM to the program, after `grace` seconds KILL to everything inside."""
        ...

    def status(self, name: str) -> Status | None: ...

    def written(self, name: str, most: Written) -> Written:
        """What it has written to its own file system so far, told exactly up to `most`; nothing for one that is gone.

        Raises `TooDeep`.
        """
        ...

    def remove(self, name: str) -> None:
        """Kill and remove it with its network; a missing one is fine."""
        ...

    def list(self, labels: dict[str, str]) -> list[Status]:
        """Containers of this installation that carry all these labels."""
        ...

    def commit(self, name: str, tag: str, *, env: dict[str, str], labels: dict[str, str]) -> str:
        """The stopped container's file system as an image; its id (`sha256:…`)."""
        ...

    def image_id(self, reference: str) -> str | None:
        """The id (`sha256:…`) of a local image, or None."""
        ...

    def image_size(self, reference: str) -> int: ...

    def storage(self) -> Storage:
        """How full the engine's disk is."""
        ...

    def import_image(self, archive: Path, tag: str, *, labels: dict[str, str]) -> str:
        """A root file system (tar) as an image; its id."""
        ...

    def pull_image(self, reference: str, tag: str) -> str:
        """A registry's image under a tag of ours; its id. Raises `RegistryUnavailable` with the reason."""
        ...

    def push_image(
        self,
        image: str,
        access: ImageAccess,
        tag: str,
        *,
        seconds: float,
        check: Callable[[], None] | None = None,
    ) -> str:
        """A local image into the registry; `repository@sha256:…`.

        Raises `RegistryUnavailable` with the reason, also when it takes longer than `seconds`, and
        what `check` raises, which is called for each progress that the engine tells.
        """
        ...

    def fetch_image(
        self,
        reference: str,
        access: ImageAccess,
        *,
        seconds: float,
        check: Callable[[], None] | None = None,
    ) -> None:
        """The registry's image (by digest or tag), here under the same reference.

        Raises `ImageGone` when the registry has no such image, `RegistryUnavailable` as `push_image`.
        """
        ...

    def tag_image(self, image: str, tag: str) -> None:
        """One more name for a local image; raises `ImageGone`."""
        ...

    def remove_image(self, reference: str) -> None:
        """Gone when it returns; a missing one or one in use is left."""
        ...
