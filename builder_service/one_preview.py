"""The life of one preview under its lease: heartbeats, two phases, a deadline, and exactly one end."""

import shutil
import threading
from pathlib import Path
from typing import Literal

import structlog

from builder_service import looking
from builder_service.detect.finding import NoPlan
from builder_service.failures import BuildFailed, Cancelled
from builder_service.fetch import Source
from shared.clock import Clock
from shared.control import Control, Lost, Unavailable, through_outages
from shared.git_link import BadLink
from shared.heartbeats import Heartbeats
from shared.work import PreviewAssignment, PreviewPhase, PreviewReport, Release

log = structlog.get_logger()
End = Literal["", "cancel", "lost", "release", "time"]


class OnePreview:
    """`live` blocks until the look has ended; `direct` and `hand_back` end it from other threads."""

    def __init__(
        self,
        assignment: PreviewAssignment,
        control: Control,
        source: Source,
        folder: Path,
        clock: Clock,
    ) -> None:
        self.id = assignment.id
        self._assignment = assignment
        self._control = control
        self._source = source
        self._folder = folder
        self._clock = clock
        self._end: End = ""
        self._ending = threading.Event()
        self._give_up = threading.Event()

    def direct(self, directive: str) -> None:
        """What web told: `cancel` or `lost` end the look."""
        if directive == "lost":
            self._end_by("lost")
            self._give_up.set()
        elif directive == "cancel":
            self._end_by("cancel")

    def hand_back(self) -> None:
        """End it here; another builder looks again."""
        self._end_by("release")

    def live(self) -> None:
        heart = Heartbeats(
            "preview",
            self._assignment,
            self._control,
            self.direct,
            silence_seconds=self._assignment.wall_seconds,
            clock=self._clock.monotonic,
        )
        deadline = threading.Timer(self._assignment.wall_seconds, self._end_by, ("time",))
        deadline.daemon = True
        heart.begin()
        deadline.start()
        try:
            self._close(self._look())
        except Lost:
            log.warning("preview_lost", preview_id=self.id)
        except Unavailable as error:
            log.warning("preview_given_up", preview_id=self.id, reason=str(error))
        finally:
            deadline.cancel()
            self._give_up.set()
            heart.close()
            shutil.rmtree(self._folder, ignore_errors=True)

    def _end_by(self, end: End) -> None:
        if not self._end or end == "lost":
            self._end = end
        self._ending.set()

    def _look(self) -> PreviewReport | Release:
        fence, wanted = self._assignment.fence, self._assignment
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir(parents=True)
        wishes = looking.Wishes(
            wanted.ref, wanted.folder, wanted.runtime, wanted.command, wanted.overrides
        )
        try:
            seen = looking.at_link(
                wanted.link,
                wishes,
                self._folder,
                self._source,
                commit_only=wanted.commit_only,
                credential=wanted.credential,
                cancelled=self._ending,
                enter=self._enter,
            )
        except (BadLink, BuildFailed, NoPlan) as error:
            return PreviewReport(fence=fence, state="failed", reason=str(error))
        except Cancelled:
            return self._ended_early()
        except (Lost, Unavailable):
            raise
        except Exception as error:  # ours, not the repository's: another attempt may succeed
            log.exception("preview_fault", preview_id=self.id)
            return Release(fence=fence, reason=f"The builder had a fault: {error}")
        return PreviewReport(
            fence=fence,
            state="succeeded",
            commit=seen.commit,
            plan=seen.plan,
            description=seen.description,
        )

    def _ended_early(self) -> PreviewReport | Release:
        fence = self._assignment.fence
        if self._end == "release":
            return Release(fence=fence, reason="the builder is stopping", costs_attempt=False)
        if self._end == "time":
            seconds = self._assignment.wall_seconds
            return PreviewReport(
                fence=fence,
                state="timed_out",
                reason=f"Looking took longer than {seconds:.0f} s. Build it without looking first.",
            )
        return PreviewReport(fence=fence, state="cancelled", reason="It was cancelled.")

    def _enter(self, phase: PreviewPhase) -> None:
        if self._ending.is_set():
            raise Cancelled
        through_outages(
            lambda: self._control.phase("preview", self._assignment, phase), stop=self._give_up
        )

    def _close(self, end: PreviewReport | Release) -> None:
        if self._end == "lost":
            return
        lease = self._assignment
        if isinstance(end, Release):
            through_outages(
                lambda: self._control.release("preview", lease, end), stop=self._give_up
            )
            return
        through_outages(lambda: self._control.finish("preview", lease, end), stop=self._give_up)
        log.info("preview_finished", preview_id=self.id, state=end.state, reason=end.reason)
