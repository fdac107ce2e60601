"""What runs rely on, held by the real engine and by the fake alike."""

import contextlib
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.containers import (
    ContainerGone,
    Containers,
    EngineUnavailable,
    ImageGone,
    Mount,
    Sandbox,
)
from shared.ids import new_id
from shared.work import Limits
from tests.engine import base_image, opened
from tests.fake_containers import FakeContainers


class Engine:
    """Containers, the name of an image that exists, and what to remove afterwards."""

    def __init__(self, containers: Containers, image: str, folder: Path) -> None:
        self.containers = containers
        self.image = image
        self.folder = folder
        self.names: list[str] = []

    def created(self, script: str, **more: object) -> str:
        name = new_id("run").replace("_", "-")
        self.names.append(name)
        values: dict[str, object] = {"image": self.image, "labels": {"run": name}} | more
        self.containers.create(
            Sandbox(
                name=name,
                argv=["/bin/sh", "-c", script],
                kind="run",
                limits=Limits(memory_bytes=64 << 20, log_bytes=1 << 20),
                mounts=(Mount(self.folder, "/work"),),
                **values,  # type: ignore[arg-type]
            )
        )
        return name

    def started(self, script: str, **more: object) -> str:
        name = self.created(script, **more)
        self.containers.start(name)
        return name

    def streams(self, name: str) -> dict[str, bytes]:
        found = {"stdout": b"", "stderr": b""}
        for stream, data in self.containers.output(name):
            found[stream] += data
        return found


@pytest.fixture(params=["fake", pytest.param("docker", marks=pytest.mark.docker)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Engine]:
    work = tmp_path / "work"
    work.mkdir()
    work.chmod(0o777)
    if request.param == "fake":
        yield Engine(FakeContainers(), "sha256:image", work)
        return
    image = base_image(tmp_path / "base")
    with opened(tmp_path) as containers:
        engine = Engine(containers, image, work)
        yield engine
        for name in engine.names:
            containers.remove(name)


def test_streams_are_apart_byte_exact_and_read_again(engine: Engine) -> None:
    name = engine.started(r"printf '\377\000a\r\n'; printf 'e' >&2")
    engine.containers.wait(name, 20)
    assert engine.streams(name) == {"stdout": b"\xff\0a\r\n", "stderr": b"e"}
    assert engine.streams(name) == {"stdout": b"\xff\0a\r\n", "stderr": b"e"}


def test_output_that_is_asked_for_before_the_start_is_live(engine: Engine) -> None:
    name = engine.created("echo first; sleep 2; echo last")
    stream = engine.containers.output(name)
    engine.containers.start(name)
    began = time.monotonic()
    assert next(stream) == ("stdout", b"first\n")
    assert time.monotonic() - began < 1.9
    assert [data for _, data in stream] == [b"last\n"]


@pytest.mark.parametrize(("script", "code"), [("true", 0), ("exit 7", 7), ("kill -9 $$", 137)])
def test_the_exit_code(engine: Engine, script: str, code: int) -> None:
    name = engine.started(script)
    ended = engine.containers.wait(name, 20)
    assert ended is not None and ended.exit_code == code


def test_wait_gives_none_while_it_runs(engine: Engine) -> None:
    name = engine.started("sleep 20")
    assert engine.containers.wait(name, 0) is None
    assert engine.containers.wait(name, 0.3) is None


def test_stop_is_term_then_kill(engine: Engine) -> None:
    polite = engine.started("trap 'exit 5' TERM; echo up; while :; do sleep 0.1; done")
    stubborn = engine.started("trap '' TERM; echo up; while :; do sleep 0.1; done")
    for name in (polite, stubborn):
        next(iter(engine.containers.output(name)))
        engine.containers.stop(name, 1)
    codes = [engine.containers.wait(name, 5) for name in (polite, stubborn)]
    assert [ended.exit_code for ended in codes if ended] == [5, 137]


def test_the_working_folder_and_standard_input(engine: Engine) -> None:
    given = engine.folder.parent / "stdin"
    given.write_text("typed")
    given.chmod(0o444)
    name = engine.started("cat > file", stdin=given)
    engine.containers.wait(name, 20)
    assert (engine.folder / "file").read_text() == "typed"


def test_everything_may_be_repeated(engine: Engine) -> None:
    name = engine.started("echo once")
    engine.containers.wait(name, 20)
    engine.containers.start(name)
    assert engine.streams(name)["stdout"] == b"once\n"
    engine.containers.stop(name, 0)
    engine.containers.remove(name)
    engine.containers.remove(name)
    engine.containers.stop(name, 0)
    assert engine.containers.status(name) is None


def test_state_and_labels(engine: Engine) -> None:
    name = engine.created("sleep 20")
    states = [engine.containers.status(name)]
    engine.containers.start(name)
    states.append(engine.containers.status(name))
    engine.containers.stop(name, 0)
    engine.containers.wait(name, 5)
    states.append(engine.containers.status(name))
    assert [s.state for s in states if s] == ["created", "running", "exited"]
    listed = engine.containers.list({"run": name, "kind": "run"})
    assert [s.name for s in listed] == [name]
    assert engine.containers.list({"run": "another"}) == []


def test_what_is_missing(engine: Engine) -> None:
    with pytest.raises(ImageGone):
        engine.created("true", image="sha256:" + "0" * 64)
    with pytest.raises(ContainerGone):
        engine.containers.start("no-such-container")
    with pytest.raises(ContainerGone):
        list(engine.containers.output("no-such-container"))


def test_removing_a_running_one_ends_its_readers(engine: Engine) -> None:
    name = engine.started("echo up; sleep 60")
    stream = engine.containers.output(name)
    assert next(stream) == ("stdout", b"up\n")
    removing = threading.Timer(0.3, engine.containers.remove, [name])
    removing.start()
    began = time.monotonic()
    with contextlib.suppress(ContainerGone, EngineUnavailable):  # as good as the end
        assert list(stream) == []
    assert time.monotonic() - began < 15
    removing.join()
