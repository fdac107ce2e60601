"""Inputs are staged only as they were uploaded, whichever hash names them."""

import hashlib
from pathlib import Path
from typing import BinaryIO

import pytest

from runner_service.staging import CannotStage, stage
from shared.uploads import of_parts
from shared.work import InputFile

DATA = b"aaaabbbbc"
WHOLE = hashlib.sha256(DATA).hexdigest()
PARTS = of_parts([hashlib.sha256(part).hexdigest() for part in (b"aaaa", b"bbbb", b"c")], 4)


def fetch(wanted: InputFile, file: BinaryIO) -> str:
    file.write(DATA)
    return WHOLE


def wanted(sha256: str, size: int = len(DATA)) -> InputFile:
    return InputFile(name="data.txt", size=size, sha256=sha256, url="http://store/data")


@pytest.mark.parametrize("stated", [WHOLE, PARTS])
def test_a_file_that_is_what_was_uploaded_is_staged_under_its_own_hash(
    tmp_path: Path, stated: str
) -> None:
    staged = stage([wanted(stated)], tmp_path, fetch, own=False)
    assert (tmp_path / "data.txt").read_bytes() == DATA
    assert staged.files["data.txt"].sha256 == WHOLE


@pytest.mark.parametrize(
    "other",
    [
        wanted("0" * 64),
        wanted(of_parts(["0" * 64], 4)),
        wanted(f"{PARTS[:64]}-5"),
        wanted(WHOLE, 8),
    ],
)
def test_other_bytes_are_refused(tmp_path: Path, other: InputFile) -> None:
    with pytest.raises(CannotStage, match="not what was uploaded"):
        stage([other], tmp_path, fetch, own=False)
