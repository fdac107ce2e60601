"""A run's report is believed only where the store has what it names, however much that is."""

import hashlib
from pathlib import Path

import pytest
from pydantic import ValidationError

from shared.work import SMALL_BYTES, SMALL_OBJECTS, KeptStream, Manifest, OutputFile, RunReport
from tests.fake_objects import MemoryObjects
from web.refusals import Conflict, Invalid, TooLarge
from web.run_results import keep

PREFIX = "runs/run_1/att/"


def output(n: int, data: bytes) -> OutputFile:
    sha256 = hashlib.sha256(data).hexdigest()
    return OutputFile(path=f"{n}.txt", size=len(data), sha256=sha256, key=f"{PREFIX}o/{n}")


def naming(outputs: list[OutputFile], contents: dict[str, bytes] | None = None) -> RunReport:
    stream = KeptStream(size=0, kept=0, sha256=hashlib.sha256().hexdigest())
    manifest = Manifest(stdout=stream, stderr=stream, outputs=outputs)
    return RunReport(fence=1, state="succeeded", manifest=manifest, contents=contents or {})


def reported(folder: Path, count: int) -> tuple[RunReport, MemoryObjects]:
    objects = MemoryObjects()
    outputs = []
    for n in range(count):
        data = f"output {n}".encode()
        objects.put_bytes(f"{PREFIX}o/{n}", data)
        outputs.append(output(n, data))
    return naming(outputs), objects


@pytest.mark.parametrize("count", [2, 40])
def test_each_output_must_be_there_as_reported(tmp_path: Path, count: int) -> None:
    report, objects = reported(tmp_path, count)
    keep(report, objects, PREFIX)
    last = f"{PREFIX}o/{count - 1}"
    kept = objects.bytes.pop(last)
    with pytest.raises(Invalid, match=f"{last} is missing or differs"):
        keep(report, objects, PREFIX)
    objects.bytes[last] = kept + b"x"
    with pytest.raises(Invalid, match="differs"):
        keep(report, objects, PREFIX)
    objects.bytes[last] = kept
    with pytest.raises(Invalid, match="does not belong"):
        keep(report, objects, "runs/run_2/att/")


def test_what_comes_with_the_report_is_stored_and_the_manifest_last() -> None:
    objects = MemoryObjects()
    report = naming([output(0, b"zero"), output(1, b"one")], {"o/0": b"zero", "o/1": b"one"})
    kept = keep(report, objects, PREFIX)
    assert kept.manifest_key == PREFIX + "manifest"
    assert list(objects.bytes) == [PREFIX + "o/0", PREFIX + "o/1", PREFIX + "manifest"]
    before = dict(objects.bytes)
    assert keep(report, objects, PREFIX) == kept
    assert objects.bytes == before


def test_a_report_brings_little() -> None:
    most = bytes(SMALL_BYTES - 1)
    report = naming([output(0, most), output(1, b"x")], {"o/0": most, "o/1": b"x"})
    keep(report, MemoryObjects(), PREFIX)
    more = naming([output(0, most), output(1, b"xy")], {"o/0": most, "o/1": b"xy"})
    with pytest.raises(TooLarge, match="at most 65536 bytes"):
        keep(more, MemoryObjects(), PREFIX)
    with pytest.raises(ValidationError, match="at most 8"):
        naming([], {f"o/{n}": b"" for n in range(SMALL_OBJECTS + 1)})


@pytest.mark.parametrize(
    ("contents", "reason"),
    [
        ({"o/0": b"other"}, "missing or differs"),
        ({"o/0": b"made", "o/1": b"more"}, "does not name"),
        ({"o/0": b"made", "manifest": b"{}"}, "does not name"),
        ({"o/0": b"made", "live/stdout/0-4": b"live"}, "the live log's"),
        ({"o/0": b"made", "o//1": b"x"}, "does not name"),
    ],
)
def test_what_the_manifest_does_not_say_is_not_stored(
    contents: dict[str, bytes], reason: str
) -> None:
    objects = MemoryObjects()
    with pytest.raises(Invalid, match=reason):
        keep(naming([output(0, b"made")], contents), objects, PREFIX)
    assert objects.bytes == {}


@pytest.mark.parametrize("name", ["manifest", "live/stdout/0-4"])
def test_no_result_takes_the_place_of_the_manifest_or_of_the_live_log(name: str) -> None:
    taken = output(0, b"made").model_copy(update={"key": PREFIX + name})
    objects = MemoryObjects()
    with pytest.raises(Invalid):
        keep(naming([taken], {name: b"made"}), objects, PREFIX)
    assert objects.bytes == {}


def test_other_bytes_that_are_there_already_stay() -> None:
    objects = MemoryObjects()
    objects.put_bytes(PREFIX + "o/0", b"first")
    with pytest.raises(Conflict):
        keep(naming([output(0, b"made")], {"o/0": b"made"}), objects, PREFIX)
    assert objects.bytes == {PREFIX + "o/0": b"first"}
