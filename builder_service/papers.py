"""What stays with a built version beside its image: its source, how it was made, what is in it."""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from builder_service import build_log, sbom, snapshot
from builder_service.apart import apart
from builder_service.detect.tree import Tree
from builder_service.inventory import Component, inventory
from builder_service.lock_components import lock_components
from builder_service.plan import BUILDER_VERSION
from builder_service.step_runner import Steps
from builder_service.workshop import Workshop
from shared.work import BuildAssignment, BuildReport, Provenance


@dataclass
class Papers:
    """Prepares them beside the build, writes and uploads them under one lease; close it to end its threads."""

    workshop: Workshop
    assignment: BuildAssignment
    folder: Path
    steps: Steps
    cancelled: threading.Event
    _beside: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(2, thread_name_prefix="papers")
    )
    _packed: Future[str] | None = None
    _inventory: Future[list[Component]] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self._beside.shutdown(cancel_futures=True)

    def pack(self, source: Path) -> None:
        """Begin to pack the source, which nobody changes any more."""
        self._packed = self._beside.submit(snapshot.write, source, self._archive)

    def look_into(self, image: str) -> Future[list[Component]]:
        """Begin to ask an image what it holds, whether or not it answers as a tool."""
        notes = self.workshop.state / "inventories"
        self._inventory = self._beside.submit(inventory, image, self.steps, notes)
        return self._inventory

    @property
    def _archive(self) -> Path:
        return self.folder / "source.tar.zst"

    def file(
        self,
        report: BuildReport,
        tree: Tree,
        *,
        link: str,
        bases: dict[str, str],
        version: str,
    ) -> None:
        """Fills keys and provenance of a report whose image has answered; `bases` are digests by name."""
        if self._packed is None:
            raise RuntimeError("the source was never packed")
        sha256 = self._packed.result()
        report.source_key = self._upload("source", self._archive, sha256)
        report.provenance = Provenance(
            repository=link,
            commit=str(report.commit),
            identity=str(report.identity),
            bases=bases,
            builder_version=BUILDER_VERSION,
            source_sha256=sha256,
            version=version,
        )
        bill = self._bill(report, report.provenance, tree, link)
        report.sbom_key = self._upload("sbom.cdx.json", bill, snapshot.digest(bill))

    def _bill(self, report: BuildReport, made: Provenance, tree: Tree, link: str) -> Path:
        """The bill of materials; an image has one, however often it is found again."""
        kept = self.workshop.state / "bills" / f"{report.identity}.json"
        if not kept.exists() or not report.reused:
            asked = self._inventory
            if report.reused or asked is None:
                asked = self.look_into(str(report.image))
            components = {*asked.result(), *apart(lock_components, tree, check=self.steps.check)}
            name = link.rstrip("/").rsplit("/", 1)[-1].removesuffix(".git")
            text = sbom.document(name, made, report.licence, sorted(components))
            kept.parent.mkdir(parents=True, exist_ok=True)
            new = self.folder / "sbom.json"
            new.write_text(text)
            new.replace(kept)
        self.steps.log.say(f"bill of materials: {kept.stat().st_size >> 10} KiB")
        return kept

    def _upload(self, name: str, path: Path, sha256: str) -> str:
        return build_log.upload(
            self.workshop.control, self.assignment, name, path, sha256, self.cancelled
        )
