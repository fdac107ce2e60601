"""What stays with a built version beside its image: its source, how it was made, what is in it."""

import threading
from dataclasses import dataclass
from pathlib import Path

from builder_service import build_log, sbom, snapshot
from builder_service.detect.tree import Tree
from builder_service.inventory import inventory
from builder_service.lock_components import lock_components
from builder_service.plan import BUILDER_VERSION
from builder_service.step_runner import Steps
from builder_service.workshop import Workshop
from shared.work import BuildAssignment, BuildReport, Provenance


@dataclass(frozen=True)
class Papers:
    """Writes and uploads them under one lease."""

    workshop: Workshop
    assignment: BuildAssignment
    folder: Path
    steps: Steps
    cancelled: threading.Event

    def file(
        self,
        report: BuildReport,
        source: Path,
        tree: Tree,
        *,
        link: str,
        bases: dict[str, str],
        version: str,
    ) -> None:
        """Fills keys and provenance of a report whose image has answered; `bases` are digests by name."""
        packed = self.folder / "source.tar.zst"
        sha256 = snapshot.write(source, packed)
        report.source_key = self._upload("source", packed, sha256)
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
            components = {*inventory(str(report.image), self.steps), *lock_components(tree)}
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
