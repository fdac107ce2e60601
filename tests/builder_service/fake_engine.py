"""An engine as far as building steps needs it, which runs nothing."""

import hashlib
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

from builder_service.build_log import BuildLog
from builder_service.operator_env import Operator
from builder_service.step_runner import Steps
from shared.clock import SystemClock
from shared.containers import Exit, Sandbox
from shared.work import Limits, Stream
from shared.written import Written


class Engine:
    """Images and containers as far as building steps needs them; counts what is executed."""

    def __init__(self) -> None:
        self.images: dict[str, str] = {"toolyard-base:debian": "sha256:debian"}
        self.ran: list[Sandbox] = []
        self.read: set[str] = set()

    def image_id(self, reference: str) -> str | None:
        return self.images.get(reference)

    def create(self, sandbox: Sandbox) -> None:
        self.ran.append(sandbox)

    def start(self, name: str) -> None:
        assert name in self.read, (
            "its log is asked for before the start, or its first lines are lost"
        )

    def output(self, name: str) -> Iterator[tuple[Stream, bytes]]:
        self.read.add(name)
        return iter([("stdout", b"first line\n")])

    def wait(self, name: str, seconds: float) -> Exit:
        return Exit(0, False, 0.1)

    def commit(self, name: str, tag: str, *, env: dict[str, str], labels: dict[str, str]) -> str:
        self.images[tag] = "sha256:" + hashlib.sha256(tag.encode()).hexdigest()
        return self.images[tag]

    def tag_image(self, image: str, tag: str) -> None:
        self.images[tag] = image

    def remove_image(self, reference: str) -> None:
        del self.images[reference]

    def remove(self, name: str) -> None: ...

    def written(self, name: str, most: Written) -> Written:
        return Written()


def steps_on(engine: Engine, folder: Path) -> Steps:
    """Steps on that engine, with their log and working folder in `folder`."""
    folder.mkdir(exist_ok=True)
    log = BuildLog(folder / "log", 1 << 20)
    clock = SystemClock()
    work = SimpleNamespace(make=lambda name, size, files: folder, remove=lambda name: None)
    until = clock.monotonic() + 60
    return Steps(engine, clock, log, Limits(), Operator(), "b", {}, until, work=work)  # type: ignore[arg-type]
