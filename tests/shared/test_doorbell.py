"""A ring wakes every listener of its name, across processes, under any path."""

import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from shared.doorbell import Doorbell, ring


def test_a_ring_wakes_all_listeners_of_the_name(tmp_path: Path) -> None:
    with (
        Doorbell(tmp_path, "relay") as a,
        Doorbell(tmp_path, "relay") as b,
        Doorbell(tmp_path, "other") as other,
    ):
        ring(tmp_path, "relay")
        assert (a.wait(2), b.wait(2), other.wait(0)) == (True, True, False)
        assert not a.wait(0), "many rings are one"


def test_it_wakes_at_once(tmp_path: Path) -> None:
    with Doorbell(tmp_path, "relay") as bell:
        timer = threading.Timer(0.2, ring, [tmp_path, "relay"])
        timer.start()
        start = time.monotonic()
        assert bell.wait(10)
        assert time.monotonic() - start < 3
        timer.join()


def test_a_ring_from_another_process(tmp_path: Path) -> None:
    code = "import sys; from pathlib import Path; from shared.doorbell import ring;"
    code += "ring(Path(sys.argv[1]), 'relay')"
    with Doorbell(tmp_path, "relay") as bell:
        subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=True)
        assert bell.wait(5)


def test_nobody_listening_and_no_folder_are_fine(tmp_path: Path) -> None:
    ring(tmp_path / "missing", "relay")
    ring(tmp_path, "relay")
    assert list(tmp_path.iterdir()) == []


def test_sockets_of_the_dead_are_swept(tmp_path: Path) -> None:
    code = "import os, sys; from pathlib import Path; from shared.doorbell import Doorbell;"
    code += "Doorbell(Path(sys.argv[1]), 'relay'); os._exit(9)"
    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert len(list(tmp_path.iterdir())) == 1

    ring(tmp_path, "relay")

    assert list(tmp_path.iterdir()) == []


def test_a_flood_of_rings_never_blocks(tmp_path: Path) -> None:
    with Doorbell(tmp_path, "relay") as bell:
        for _ in range(2000):
            ring(tmp_path, "relay")
        assert bell.wait(0)
        assert not bell.wait(0)


def test_a_long_path_is_no_obstacle(tmp_path: Path) -> None:
    folder = tmp_path / ("x" * 100) / ("y" * 100)
    with Doorbell(folder, "relay") as bell:
        ring(folder, "relay")
        assert bell.wait(2)


@pytest.mark.parametrize("name", ["", "../up", "a.b", "*"])
def test_names_stay_in_the_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="letters"):
        Doorbell(tmp_path, name)
    with pytest.raises(ValueError, match="letters"):
        ring(tmp_path, name)
