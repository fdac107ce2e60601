"""Web's side of the worker API in memory: what a builder tells is kept, what it is told is set."""

import hashlib
import threading
from pathlib import Path

from shared.control import Directed, Lost, WrongOffset
from shared.work import (
    BuildAssignment,
    BuildReport,
    Directive,
    Kind,
    Lease,
    Release,
    UploadObject,
    UploadTargets,
)


class RecordedControl:
    """Speaks like `shared.control.Control`; `lease_is_lost` and `directive` steer it."""

    worker = "host:boot/builder"

    def __init__(self) -> None:
        self.waiting: dict[str, BuildAssignment] = {}
        self.phases: list[str] = []
        self.output = bytearray()
        self.objects: dict[str, bytes] = {}
        self.reports: list[BuildReport] = []
        self.releases: list[Release] = []
        self.directive = "continue"
        self.lease_is_lost = False
        self.ended = threading.Event()

    def claim(self, kind: Kind, job_id: str) -> BuildAssignment | None:
        return self.waiting.pop(job_id, None)

    def heartbeat(self, kind: Kind, lease: Lease) -> Directive:
        return Directive.model_validate(
            {"directive": "lost" if self.lease_is_lost else self.directive}
        )

    def directives(self, wait: float) -> list[Directed]:
        threading.Event().wait(0.1)
        return []

    def phase(self, kind: Kind, lease: Lease, phase: str, detail: str = "") -> None:
        self._fenced()
        self.phases.append(phase)

    def log(self, kind: Kind, lease: Lease, stream: str, offset: int, data: bytes) -> int:
        self._fenced()
        if offset > len(self.output):
            raise WrongOffset(len(self.output))
        self.output += data[len(self.output) - offset :]
        return len(self.output)

    def uploads(self, kind: Kind, lease: Lease, objects: list[UploadObject]) -> UploadTargets:
        self._fenced()
        keys = {o.name: f"builds/{lease.id}/{lease.attempt}/{o.name}" for o in objects}
        self._expected = {keys[o.name]: o for o in objects}
        return UploadTargets(urls=keys, keys=keys)

    def put(self, url: str, source: Path, headers: object = None) -> None:
        data = source.read_bytes()
        assert hashlib.sha256(data).hexdigest() == self._expected[url].sha256
        assert len(data) == self._expected[url].size
        self.objects[url] = data

    def get(self, url: str, target: Path) -> None:
        target.write_bytes(self.objects[url])

    def finish(self, kind: Kind, lease: Lease, report: BuildReport) -> None:
        self._fenced()
        self.reports.append(report)
        self.ended.set()

    def release(self, kind: Kind, lease: Lease, release: Release) -> None:
        self._fenced()
        self.releases.append(release)
        self.ended.set()

    def _fenced(self) -> None:
        if self.lease_is_lost:
            raise Lost("another attempt has this build")
