"""A built image is run once, in the sandbox of runs without any network, and what it says is kept."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from builder_service.step_runner import Steps
from shared.containers import EngineRefused, Mount, Sandbox
from shared.plan import Network
from shared.start import COPY_REPOSITORY
from shared.work import Limits, Stream

SECONDS = 20
KEPT = 256 * 1024
"""Bytes of each stream."""
_LIMITS = Limits(log_bytes=1 << 20)


@dataclass(frozen=True)
class Said:
    """The end of a trial; 137 where it had to be ended."""

    out: bytes
    err: bytes
    exit_code: int


def trial(
    image: str,
    argv: list[str],
    steps: Steps,
    *,
    env: Mapping[str, str] | None = None,
    seconds: float = SECONDS,
    kept: int = KEPT,
    start: Literal["empty", "repository"] = "empty",
) -> Said:
    """What `argv` says in a container of `image`; `start` as in `shared.plan.Plan`."""
    work = f"{steps.prefix}-work-{steps.next_number()}"
    folder = steps.work.make(work, _LIMITS.disk_bytes, _LIMITS.output_files)
    try:
        if start == "repository":
            _once(image, COPY_REPOSITORY, steps, {}, folder, seconds, kept)
        return _once(image, argv, steps, dict(env or {}), folder, seconds, kept)
    finally:  # behind its containers: what is mounted there goes after them
        steps.later(lambda: steps.work.remove(work))


def _once(
    image: str,
    argv: list[str],
    steps: Steps,
    env: dict[str, str],
    folder: Path,
    seconds: float,
    kept: int,
) -> Said:
    name = f"{steps.prefix}-trial-{steps.next_number()}"
    sandbox = Sandbox(
        name=name,
        image=image,
        argv=argv,
        kind="run",
        limits=_LIMITS.model_copy(update={"wall_seconds": int(seconds), "cpus": steps.limits.cpus}),
        network=Network(mode="off"),
        env=env,
        labels=steps.labels,
        mounts=(Mount(folder, "/work"),),
        brief=True,
    )
    try:
        return _watch(sandbox, steps, seconds, kept)
    except EngineRefused as error:  # the program itself cannot be executed
        return Said(b"", f"cannot be executed: {error}".encode(), 127)
    finally:
        steps.later(lambda: steps.containers.remove(name))


def _watch(sandbox: Sandbox, steps: Steps, seconds: float, most: int) -> Said:
    name = sandbox.name
    kept = {"stdout": bytearray(), "stderr": bytearray()}

    def read(said: Iterator[tuple[Stream, bytes]]) -> None:
        for stream, data in said:
            kept[stream] += data[: max(0, most - len(kept[stream]))]

    steps.containers.create(sandbox)
    # asked for before the start: a thread that comes too late finds a log that nobody has written yet
    said = steps.containers.output(name)
    reader = threading.Thread(target=read, args=(said,), name="trial-output", daemon=True)
    reader.start()
    steps.containers.start(name)
    until = steps.clock.monotonic() + seconds
    while (exit_ := steps.containers.wait(name, 0.5)) is None:
        steps.check()
        if steps.clock.monotonic() > until:
            steps.containers.stop(name, 0)
            break
    reader.join(10)
    exit_code = 137 if exit_ is None else exit_.exit_code
    return Said(bytes(kept["stdout"]), bytes(kept["stderr"]), exit_code)
