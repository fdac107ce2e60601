"""Notes by image identity do not fill a builder's disk for ever."""

import os
from pathlib import Path

from builder_service.old_notes import FOLDERS, KEEP_DAYS, forget


def test_old_notes_go(tmp_path: Path) -> None:
    now = 1_800_000_000.0
    for folder in (*FOLDERS, "locks"):
        (tmp_path / folder).mkdir()
        for name, days in (("old.json", KEEP_DAYS + 1), ("young.json", KEEP_DAYS - 1)):
            path = tmp_path / folder / name
            path.write_text("{}")
            os.utime(path, (now - days * 86_400,) * 2)

    assert forget(tmp_path, now=now) == len(FOLDERS)

    assert {p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*.json")} == {
        *(f"{folder}/young.json" for folder in FOLDERS),
        "locks/young.json",
        "locks/old.json",
    }


def test_a_builder_without_notes_has_nothing_to_forget(tmp_path: Path) -> None:
    assert forget(tmp_path) == 0
