"""The source of one build: cloned from its link, or taken from the version's own snapshot."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from builder_service import fetch, snapshot
from builder_service.build_log import BuildLog
from builder_service.failures import BuildFailed
from builder_service.workshop import Workshop
from shared.control import through_outages
from shared.git_link import BadLink, GitLink, check_folder
from shared.work import BuildAssignment, SourceSnapshot


@dataclass(frozen=True)
class Obtaining:
    """What fetching needs beside the assignment."""

    workshop: Workshop
    folder: Path
    """Of this build; the source comes below it."""
    log: BuildLog
    cancelled: threading.Event
    check: Callable[[], None]
    """Raises when the build has to end."""


def obtain(assignment: BuildAssignment, link: GitLink, way: Obtaining) -> fetch.Fetched:
    """The tree at one exact commit; raises `BuildFailed`."""
    try:
        folder = check_folder(assignment.folder)
        if assignment.snapshot is not None:
            found = _unpacked(assignment.snapshot, folder, way)
        else:
            way.log.say(f"cloning {link.url}")
            found = fetch.fetch(
                link,
                assignment.ref,
                folder,
                way.folder / "clone",
                way.workshop.source,
                credential=assignment.credential,
                cancelled=way.cancelled,
                on_progress=way.check,
            )
    except BadLink as error:
        raise BuildFailed(str(error)) from error
    for note in found.notes:
        way.log.say(note)
    way.log.say(f"{found.ref} is commit {found.commit}")
    return found


def _unpacked(kept: SourceSnapshot, folder: str, way: Obtaining) -> fetch.Fetched:
    way.log.say(f"taking the source that was kept, {kept.file.size / (1 << 20):.1f} MiB")
    packed, tree = way.folder / "kept.tar.zst", way.folder / "clone" / "src"
    control = way.workshop.control
    through_outages(lambda: control.get(kept.file.url, packed), stop=way.cancelled)
    if snapshot.digest(packed) != kept.file.sha256:
        raise BuildFailed("The kept source is damaged: its checksum is wrong. Build from the link.")
    snapshot.read(packed, tree, way.workshop.source.limits)
    packed.unlink()
    if folder and not (tree / folder).is_dir():
        raise BuildFailed(f"The kept source has no folder {folder}.")
    return fetch.Fetched(
        tree, kept.commit, "the kept source", folder, [], lambda: kept.version or "0.1"
    )
