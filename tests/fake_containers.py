"""The containers port without the engine; passes the same contract tests where it can."""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from shared.containers import ContainerGone, Exit, ImageGone, Sandbox, Status, Storage
from shared.work import ImageAccess, Stream
from shared.written import Written


@dataclass
class _Container:
    sandbox: Sandbox
    process: subprocess.Popen[bytes] | None = None
    written: list[tuple[Stream, bytes]] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    readers: list[threading.Thread] = field(default_factory=list)
    began: float = 0.0
    exit: Exit | None = None


class FakeContainers:
    """Containers that are plain processes of this host, for programs that tests trust.

    It implements what runs use; images are names in a set, limits and networks are not enforced.
    """

    def __init__(self, *images: str) -> None:
        self.images = set(images or ("sha256:image",))
        self.starts: dict[str, int] = {}
        self._all: dict[str, _Container] = {}

    def create(self, sandbox: Sandbox) -> None:
        if sandbox.image not in self.images:
            raise ImageGone(sandbox.image)
        self._all.setdefault(sandbox.name, _Container(sandbox))

    def start(self, name: str) -> None:
        container = self._get(name)
        if container.process is not None:
            return
        self.starts[name] = self.starts.get(name, 0) + 1
        sandbox = container.sandbox
        folder = next((m.host for m in sandbox.mounts if m.target == sandbox.workdir), Path("/"))
        container.began = time.monotonic()
        with (sandbox.stdin or Path(os.devnull)).open("rb") as stdin:
            container.process = subprocess.Popen(
                sandbox.argv,
                cwd=folder,
                env={"PATH": os.environ["PATH"], **sandbox.env},
                stdin=stdin,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                bufsize=0,
            )
        pipes: tuple[tuple[Stream, IO[bytes] | None], ...] = (
            ("stdout", container.process.stdout),
            ("stderr", container.process.stderr),
        )
        for stream, pipe in pipes:
            assert pipe is not None
            reader = threading.Thread(target=_drain, args=(container, stream, pipe), daemon=True)
            container.readers.append(reader)
            reader.start()
        threading.Thread(target=_reap, args=(container,), daemon=True).start()

    def output(self, name: str) -> Iterator[tuple[Stream, bytes]]:
        return self._output(self._get(name))

    def _output(self, container: _Container) -> Iterator[tuple[Stream, bytes]]:
        at = 0
        while True:
            with container.changed:
                while len(container.written) <= at and container.exit is None:
                    container.changed.wait()
                new = container.written[at:]
            if not new:
                return
            at += len(new)
            yield from new

    def wait(self, name: str, seconds: float) -> Exit | None:
        container = self._get(name)
        with container.changed:
            container.changed.wait_for(lambda: container.exit is not None, seconds)
            return container.exit

    def stop(self, name: str, grace: float) -> None:
        self._stop(self._all.get(name), grace)

    def _stop(self, container: _Container | None, grace: float) -> None:
        if container is None or container.process is None or container.exit is not None:
            return
        _signal(container.process, signal.SIGTERM)
        with container.changed:
            container.changed.wait_for(lambda: container.exit is not None, grace)
        _signal(container.process, signal.SIGKILL)
        with container.changed:
            container.changed.wait_for(lambda: container.exit is not None, 10)

    def status(self, name: str) -> Status | None:
        container = self._all.get(name)
        if container is None:
            return None
        labels = container.sandbox.labels | {"kind": container.sandbox.kind}
        if container.process is None:
            return Status(name, "created", labels, None)
        if container.exit is None:
            return Status(name, "running", labels, None)
        return Status(name, "exited", labels, container.exit)

    def remove(self, name: str) -> None:
        self._stop(self._all.pop(name, None), 0)

    def list(self, labels: dict[str, str]) -> list[Status]:
        every = (self.status(name) for name in list(self._all))
        return [s for s in every if s and labels.items() <= s.labels.items()]

    def written(self, name: str, most: Written) -> Written:
        raise NotImplementedError("runs are limited by their working folder")

    def commit(self, name: str, tag: str, *, env: dict[str, str], labels: dict[str, str]) -> str:
        raise NotImplementedError("runs commit nothing")

    def image_id(self, reference: str) -> str | None:
        return reference if reference in self.images else None

    def image_size(self, reference: str) -> int:
        raise NotImplementedError("runs ask for no size")

    def storage(self) -> Storage:
        raise NotImplementedError("runs look at their own disk")

    def import_image(self, archive: Path, tag: str, *, labels: dict[str, str]) -> str:
        raise NotImplementedError("runs import nothing")

    def pull_image(self, reference: str, tag: str) -> str:
        raise NotImplementedError("runs pull nothing")

    def push_image(
        self,
        image: str,
        access: ImageAccess,
        tag: str,
        *,
        seconds: float,
        check: Callable[[], None] | None = None,
    ) -> str:
        raise NotImplementedError

    def fetch_image(
        self,
        reference: str,
        access: ImageAccess,
        *,
        seconds: float,
        check: Callable[[], None] | None = None,
    ) -> None:
        raise NotImplementedError

    def tag_image(self, image: str, tag: str) -> None:
        raise NotImplementedError

    def remove_image(self, reference: str) -> None:
        self.images.discard(reference)

    def _get(self, name: str) -> _Container:
        try:
            return self._all[name]
        except KeyError:
            raise ContainerGone(name) from None


def _drain(container: _Container, stream: Stream, pipe: IO[bytes]) -> None:
    with pipe:
        while data := pipe.read(65536):
            with container.changed:
                container.written.append((stream, data))
                container.changed.notify_all()


def _reap(container: _Container) -> None:
    assert container.process is not None
    code = container.process.wait()
    _signal(container.process, signal.SIGKILL)  # as the end of a pid namespace does
    for reader in container.readers:
        reader.join()
    seconds = time.monotonic() - container.began
    with container.changed:
        container.exit = Exit(128 - code if code < 0 else code, False, seconds)
        container.changed.notify_all()


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, number)
