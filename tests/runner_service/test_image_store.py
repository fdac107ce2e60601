"""An absent image is pulled under its run's own access; copies go, least recently used first, to make room."""

import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from runner_service.image_cache import ImageCache
from runner_service.image_store import ImageStore, NoRoom
from shared.containers import EngineUnavailable, ImageGone, RegistryUnavailable, Storage
from shared.plan import Network
from shared.work import ImageAccess, Limits, RunAssignment

HERE = "registry.example/toolyard/tool-1@sha256:" + "1" * 64


class Engine:
    """A disk of 100 bytes; the registry has images of 30 bytes each, and `trouble` in its way."""

    def __init__(self) -> None:
        self.images: dict[str, int] = {}
        self.other = 0
        self.held: set[str] = set()
        self.trouble: list[Exception] = []
        self.fetched: list[tuple[str, str]] = []

    def storage(self) -> Storage:
        return Storage(used=self.other + sum(self.images.values()), total=100)

    def image_id(self, reference: str) -> str | None:
        return "sha256:1" if reference in self.images else None

    def remove_image(self, reference: str) -> None:
        if reference not in self.held:
            self.images.pop(reference, None)

    def fetch_image(
        self,
        reference: str,
        access: ImageAccess,
        *,
        seconds: float,
        check: Callable[[], None] | None = None,
    ) -> None:
        assert check is not None  # a pull of minutes must see that its run has ended
        check()
        self.fetched.append((reference, access.secret.get_secret_value()))
        if self.trouble:
            raise self.trouble.pop(0)
        self.images[reference] = 30


def lease(image: str = HERE) -> RunAssignment:
    return RunAssignment(
        id="run_1",
        fence=1,
        attempt="a",
        token="t",
        lease_seconds=45,
        heartbeat_seconds=10,
        account="acc",
        prefix="p/",
        image=image,
        argv=["true"],
        network=Network(),
        limits=Limits(),
    )


def image(number: int) -> str:
    return f"registry.example/toolyard/tool-{number}@sha256:" + str(number) * 64


@pytest.fixture
def engine() -> Engine:
    return Engine()


Ensure = Callable[..., list[str]]


@pytest.fixture
def ensure(engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ensure:
    """What was said while it was made sure of."""
    monkeypatch.setattr("runner_service.image_store._PAUSE_SECONDS", 0.01)

    def run(
        image: str = HERE,
        *,
        size: int = 30,
        given: bool = True,
        seconds: float = 30,
        check: Callable[[], None] = lambda: None,
    ) -> list[str]:
        numbers = iter(range(100))

        def access(lease: RunAssignment) -> ImageAccess | None:
            if not given:
                return None
            secret = SecretStr(f"secret {next(numbers)}")
            return ImageAccess(
                repository=lease.image.partition("@")[0], secret=secret, image_bytes=size
            )

        said: list[str] = []
        containers: Any = engine
        store = ImageStore(containers, access, tmp_path / "pulled", percent=80, seconds=seconds)
        store.ensure(lease(image), say=said.append, check=check, give_up=threading.Event())
        return said

    return run


def test_an_absent_image_is_pulled_and_said_so(engine: Engine, ensure: Ensure) -> None:
    assert ensure() == ["pulling the image"]
    assert engine.fetched == [(HERE, "secret 0")]
    assert ensure() == []
    assert len(engine.fetched) == 1


def test_an_image_of_this_engine_asks_nobody(engine: Engine, ensure: Ensure) -> None:
    assert ensure("sha256:" + "1" * 64, given=False) == []


def test_an_image_that_nobody_has_is_gone(engine: Engine, ensure: Ensure) -> None:
    with pytest.raises(ImageGone):
        ensure(given=False)
    engine.trouble = [ImageGone("manifest unknown")]
    with pytest.raises(ImageGone):
        ensure()


def test_a_registry_in_trouble_is_asked_again_with_a_new_access(
    engine: Engine, ensure: Ensure
) -> None:
    engine.trouble = [RegistryUnavailable("HTTP 503"), RegistryUnavailable("expired")]
    ensure()
    assert [secret for _, secret in engine.fetched] == ["secret 0", "secret 1", "secret 2"]


def test_a_registry_that_stays_away_is_not_waited_for_for_ever(
    engine: Engine, ensure: Ensure
) -> None:
    engine.trouble = [RegistryUnavailable("HTTP 503") for _ in range(50_000)]
    with pytest.raises(RegistryUnavailable, match="HTTP 503"):
        ensure(seconds=0.05)


def test_a_run_that_is_cancelled_stops_waiting(engine: Engine, ensure: Ensure) -> None:
    class Stop(Exception):
        pass

    def stop() -> None:
        if engine.fetched:
            raise Stop

    engine.trouble = [RegistryUnavailable("HTTP 503") for _ in range(50_000)]
    with pytest.raises(Stop):
        ensure(check=stop)


def test_an_image_that_cannot_fit_says_by_how_much(engine: Engine, ensure: Ensure) -> None:
    engine.other = 60
    with pytest.raises(NoRoom, match=r"needs 100 MiB.* 99 MiB too little"):
        ensure(size=100 << 20)
    assert engine.fetched == []


def used(tmp_path: Path, name: str, seconds_ago: float, now: float = 10_000.0) -> None:
    for note in (tmp_path / "pulled").iterdir():
        if note.read_text() == name:
            os.utime(note, (now - seconds_ago, now - seconds_ago))


def cache(engine: Engine, tmp_path: Path) -> ImageCache:
    containers: Any = engine
    return ImageCache(containers, tmp_path / "pulled", percent=80, now=lambda: 10_000.0)


def test_the_least_recently_used_copies_go_first_and_only_as_many_as_needed(
    engine: Engine, tmp_path: Path
) -> None:
    kept = cache(engine, tmp_path)
    for number, ago in ((1, 900), (2, 3000), (3, 2000)):
        engine.images[image(number)] = 25
        kept.note_use(image(number))
        used(tmp_path, image(number), ago)

    assert kept.make_room(30) == 0
    assert sorted(engine.images) == [image(1), image(3)]

    assert kept.make_room(60) == 0
    assert sorted(engine.images) == []
    assert list((tmp_path / "pulled").iterdir()) == []


def test_what_a_container_uses_or_was_just_wanted_stays(engine: Engine, tmp_path: Path) -> None:
    kept = cache(engine, tmp_path)
    for number, ago in ((1, 3000), (2, 10)):
        engine.images[image(number)] = 45
        kept.note_use(image(number))
        used(tmp_path, image(number), ago)
    engine.held = {image(1)}

    assert kept.make_room(30) == 20
    assert sorted(engine.images) == [image(1), image(2)]
    assert len(list((tmp_path / "pulled").iterdir())) == 2


def test_nothing_goes_while_there_is_room(engine: Engine, tmp_path: Path) -> None:
    kept = cache(engine, tmp_path)
    engine.images[image(1)] = 25
    kept.note_use(image(1))
    used(tmp_path, image(1), 3000)
    assert kept.make_room(30) == 0
    assert list(engine.images) == [image(1)]


def test_another_runner_of_this_host_may_take_notes_away_meanwhile(
    engine: Engine, tmp_path: Path
) -> None:
    kept = cache(engine, tmp_path)
    for number in (1, 2, 3):
        engine.images[image(number)] = 25
        kept.note_use(image(number))
        used(tmp_path, image(number), 3000)
    gone = engine.remove_image

    def remove_image(reference: str) -> None:
        for note in (tmp_path / "pulled").iterdir():
            note.unlink()
        gone(reference)

    engine.remove_image = remove_image  # type: ignore[method-assign]
    assert kept.make_room(80) == 30


def test_an_engine_that_is_away_while_the_disk_is_full_ends_nobody(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is asked in the thread that takes messages."""

    def storage() -> Storage:
        raise EngineUnavailable("away")

    monkeypatch.setattr(engine, "storage", storage)
    containers: Any = engine
    ImageStore(containers, lambda lease: None, tmp_path / "pulled", percent=80).make_room()
