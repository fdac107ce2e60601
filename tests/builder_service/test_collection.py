"""What goes when the disk is too full, in which order, and what never goes."""

import os
from pathlib import Path
from typing import Any

import pytest

from builder_service.collection import Collector, bytes_over
from builder_service.kept import note_use
from shared.containers import Storage
from shared.work import KeptImage


class Engine:
    """A disk of 100 bytes with images on it; those of `held` are used by containers."""

    def __init__(self, **images: int) -> None:
        self.images = {tag.replace("__", ":"): size for tag, size in images.items()}
        self.held: set[str] = set()
        self.removed: list[str] = []

    def storage(self) -> Storage:
        return Storage(used=sum(self.images.values()), total=100)

    def image_id(self, reference: str) -> str | None:
        return f"sha256:{reference}" if reference in self.images else None

    def remove_image(self, reference: str) -> None:
        if reference in self.images and reference not in self.held:
            del self.images[reference]
            self.removed.append(reference)


class Web:
    """Offers one image at a time, in order."""

    def __init__(self, *unused: str) -> None:
        self.unused = list(unused)
        self.asked: list[tuple[int, list[str]]] = []

    def images_to_collect(self, bytes_wanted: int, kept: list[str]) -> list[KeptImage]:
        self.asked.append((bytes_wanted, list(kept)))
        offered = [name for name in self.unused if name not in kept][:1]
        return [KeptImage(identity=name, image=f"sha256:{name}") for name in offered]

    def images_collected(self, images: list[KeptImage]) -> None:
        for image in images:
            self.unused.remove(image.identity)


def collector(engine: Engine, web: Web, state: Path, *, busy: bool = False) -> Collector:
    made: Any = (engine, web, state)
    return Collector(*made, percent=80, period=600, busy=lambda: busy)


@pytest.mark.parametrize(
    ("used", "percent", "over"), [(80, 80, 0), (81, 80, 1), (10, 80, 0), (50, 12.5, 38)]
)
def test_what_is_above_the_threshold_must_go(used: int, percent: float, over: int) -> None:
    assert bytes_over(Storage(used=used, total=100), percent) == over


def test_with_room_nobody_is_asked_and_nothing_goes(tmp_path: Path) -> None:
    engine, web = Engine(**{"toolyard-build__a": 80}), Web("a")

    assert collector(engine, web, tmp_path).collect()

    assert (engine.removed, web.asked) == ([], [])


def test_kept_steps_go_before_images_least_recently_used_first(tmp_path: Path) -> None:
    engine, web = Engine(other=60, **{f"toolyard-step__{n}": 10 for n in "abc"}), Web("tool")
    for age, name in enumerate("abc"):
        note_use(tmp_path, f"toolyard-step:{name}")
        os.utime(tmp_path / f"used/toolyard-step@{name}", (1000 - age, 1000 - age))

    assert collector(engine, web, tmp_path).collect()

    assert engine.removed == ["toolyard-step:c"]
    assert sorted(path.name[-1] for path in (tmp_path / "used").iterdir()) == ["a", "b"]
    assert web.asked == []


def test_images_go_as_web_offers_them_until_there_is_room(tmp_path: Path) -> None:
    engine = Engine(other=65, **{f"toolyard-build__{n}": 10 for n in "abc"})
    web = Web("b", "a", "c")
    note_use(tmp_path, "toolyard-build:b")

    assert collector(engine, web, tmp_path).collect()

    assert engine.removed == ["toolyard-build:b", "toolyard-build:a"]
    assert [wanted for wanted, _ in web.asked] == [15, 5]
    assert web.unused == ["c"], "web knows which are gone"
    assert list((tmp_path / "used").iterdir()) == []


def test_an_image_that_a_container_uses_stays_and_the_next_one_goes(tmp_path: Path) -> None:
    engine = Engine(other=70, **{"toolyard-build__a": 10, "toolyard-build__b": 10})
    engine.held = {"toolyard-build:a"}
    web = Web("a", "b")

    assert collector(engine, web, tmp_path).collect()

    assert engine.removed == ["toolyard-build:b"]
    assert web.asked[1] == (10, ["a"])
    assert web.unused == ["a"], "what is still there is not reported as gone"


def test_an_image_that_is_gone_already_is_reported(tmp_path: Path) -> None:
    web = Web("vanished")

    assert not collector(Engine(other=99), web, tmp_path).collect()

    assert web.unused == []


def test_a_copy_of_what_a_registry_keeps_goes_with_all_its_names_and_once(tmp_path: Path) -> None:
    kept = "registry.example/toolyard/tool-1@sha256:" + "1" * 64
    names = ("toolyard-build:a", "registry.example/toolyard/tool-1:a", kept)
    engine = Engine(other=75, **{"toolyard-build__b": 10})
    engine.images |= dict.fromkeys(names, 5)

    class Registry(Web):
        def images_to_collect(self, bytes_wanted: int, kept_here: list[str]) -> list[KeptImage]:
            self.asked.append((bytes_wanted, list(kept_here)))
            return [] if "a" in kept_here else [KeptImage(identity="a", image=kept)]

        def images_collected(self, images: list[KeptImage]) -> None:
            """It is not collected: the registry has it."""

    web = Registry()
    assert not collector(engine, web, tmp_path).collect()
    assert sorted(engine.removed) == sorted(names)
    assert [kept_here for _, kept_here in web.asked] == [[], ["a"]]


def test_while_a_build_stands_on_kept_steps_they_stay(tmp_path: Path) -> None:
    engine, web = Engine(other=85, **{"toolyard-step__a": 10}), Web()
    note_use(tmp_path, "toolyard-step:a")

    assert not collector(engine, web, tmp_path, busy=True).collect()

    assert engine.removed == []
    assert (tmp_path / "used/toolyard-step@a").exists()
