"""A run's report is believed only where the store has what it names, however much that is."""

import hashlib
from pathlib import Path

import pytest

from shared.work import KeptStream, Manifest, OutputFile, RunReport
from tests.fake_objects import MemoryObjects
from web.finish import check_run_report
from web.refusals import Invalid

PREFIX = "runs/run_1/att/"


def reported(folder: Path, count: int) -> tuple[RunReport, MemoryObjects]:
    objects = MemoryObjects()
    outputs = []
    for n in range(count):
        data = f"output {n}".encode()
        (folder / "data").write_bytes(data)
        objects.put(f"{PREFIX}o/{n}", folder / "data")
        sha256 = hashlib.sha256(data).hexdigest()
        outputs.append(
            OutputFile(path=f"{n}.txt", size=len(data), sha256=sha256, key=f"{PREFIX}o/{n}")
        )
    stream = KeptStream(size=0, kept=0, sha256=hashlib.sha256().hexdigest())
    manifest = Manifest(stdout=stream, stderr=stream, outputs=outputs)
    return RunReport(fence=1, state="succeeded", exit_code=0, manifest=manifest), objects


@pytest.mark.parametrize("count", [2, 40])
def test_each_output_must_be_there_as_reported(tmp_path: Path, count: int) -> None:
    report, objects = reported(tmp_path, count)
    check_run_report(report, objects, PREFIX)
    last = f"{PREFIX}o/{count - 1}"
    kept = objects.bytes.pop(last)
    with pytest.raises(Invalid, match=f"{last} is missing or differs"):
        check_run_report(report, objects, PREFIX)
    objects.bytes[last] = kept + b"x"
    with pytest.raises(Invalid, match="differs"):
        check_run_report(report, objects, PREFIX)
    objects.bytes[last] = kept
    with pytest.raises(Invalid, match="does not belong"):
        check_run_report(report, objects, "runs/run_2/att/")
