"""The life of one build under its lease: heartbeats, directives, the log, and exactly one end."""

import shutil
import threading
from pathlib import Path
from typing import Literal

import structlog

from builder_service import build_log, snapshot
from builder_service.build_log import BuildLog, LogSender
from builder_service.failures import BuildFailed, Cancelled, TimedOut
from builder_service.make_tool import Tool, container_prefix
from builder_service.step_runner import Steps
from builder_service.workshop import Workshop
from shared import tracing
from shared.containers import NetworkRefused
from shared.control import Lost, Refused, Unavailable, through_outages
from shared.heartbeats import Heartbeats
from shared.work import BuildAssignment, BuildReport, Release

log = structlog.get_logger()
End = Literal["cancel", "lost", "release"]


class OneBuild:
    """`live` blocks until the build has ended; `direct` and `hand_back` end it from other threads."""

    def __init__(self, workshop: Workshop, assignment: BuildAssignment) -> None:
        self.id = assignment.id
        self.fence = assignment.fence
        self._asked_by = tracing.current()
        self._workshop = workshop
        self._assignment = assignment
        self._end: End | None = None
        self._ending = threading.Event()
        self._give_up = threading.Event()

    def direct(self, directive: str) -> None:
        """What web told: `cancel` or `lost` end the build."""
        if directive == "cancel":
            self._end_by("cancel")
        elif directive == "lost":
            self._end_by("lost")
            self._give_up.set()

    def hand_back(self) -> None:
        """End it here; another builder, or this one's successor, starts it again."""
        self._end_by("release")

    def _end_by(self, end: End) -> None:
        if self._end is None or end == "lost":
            self._end = end
        self._ending.set()

    def live(self) -> None:
        with (
            tracing.inside(self._asked_by),
            tracing.span("build", build=self.id, fence=self.fence) as span,
        ):
            tracing.note(span, "state", self._live() or None)

    def _live(self) -> str:
        """The state that was reported, or "" where none was."""
        folder = self._workshop.place / "builds" / container_prefix(self._assignment)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        folder.chmod(0o755)
        spool = BuildLog(folder / "log", self._assignment.limits.log_bytes)
        sender = LogSender(spool, self._workshop.control, self._assignment, self._give_up)
        heart = Heartbeats(
            "build",
            self._assignment,
            self._workshop.control,
            self.direct,
            silence_seconds=self._workshop.silence_seconds,
            clock=self._workshop.clock.monotonic,
        )
        sender.begin()
        heart.begin()
        try:
            report = BuildReport(fence=self.fence, state="failed")
            retry = self._make(folder, spool, report)
            if sender.lost.is_set():
                self._end_by("lost")
            self._close(spool, sender, report, retry)
            return "" if retry else report.state
        except Lost:
            log.warning("build_lost", build_id=self.id)
        except Unavailable as error:
            log.warning("build_given_up", build_id=self.id, reason=str(error))
        finally:
            self._give_up.set()
            heart.close()
            spool.end()
            sender.flush()
            spool.close()
            shutil.rmtree(folder, ignore_errors=True)
        return ""

    def _make(self, folder: Path, spool: BuildLog, report: BuildReport) -> str:
        """Fills the report; returns a reason when the fault is ours and the build should be tried again."""
        clock, limits = self._workshop.clock, self._assignment.limits
        steps = Steps(
            containers=self._workshop.containers,
            clock=clock,
            log=spool,
            limits=limits,
            operator=self._workshop.operator,
            prefix=container_prefix(self._assignment),
            labels={
                "place": str(self._workshop.place),
                "build": self.id,
                "attempt": self._assignment.attempt,
            },
            deadline=clock.monotonic() + limits.wall_seconds,
            ended=self._ending.is_set,
            work=self._workshop.trials,
        )
        tool = Tool(self._workshop, self._assignment, folder, spool, steps, self._ending, report)
        try:
            try:
                tool.make()
            finally:
                steps.tidied()
        except Cancelled:
            report.state = "cancelled"
            report.reason = "The build was cancelled."
        except TimedOut as error:
            report.state, report.reason = "timed_out", str(error)
        except BuildFailed as error:
            report.state, report.reason = "failed", str(error)
        except NetworkRefused as error:
            report.state = "failed"
            report.reason = f"This worker cannot give builds a network: {error}"
        except Lost:
            raise
        except Unavailable:
            if not self._ending.is_set():
                raise
            report.state, report.reason = "cancelled", "The build was cancelled."
        except Exception as error:  # ours, not the repository's: another attempt may succeed
            log.exception("build_fault", build_id=self.id)
            return f"The builder had a fault: {error}"
        return ""

    def _close(self, spool: BuildLog, sender: LogSender, report: BuildReport, retry: str) -> None:
        control, lease = self._workshop.control, self._assignment
        if self._end == "lost":
            return
        if self._end == "release" and report.state == "cancelled":
            spool.say("handed back; the build starts again")
            self._flush(spool, sender)
            self._told(
                Release(fence=self.fence, reason="the builder is stopping", costs_attempt=False)
            )
            return
        if retry:
            self._told(Release(fence=self.fence, reason=retry))
            return
        spool.say(report.state + (f": {report.reason}" if report.reason else ""))
        self._flush(spool, sender)
        try:
            build_log.upload(
                control,
                lease,
                build_log.STREAM,
                spool.path,
                snapshot.digest(spool.path),
                self._give_up,
            )
        except Refused as error:
            log.error("build_log_not_kept", build_id=self.id, reason=str(error))
        if report.state != "succeeded":
            report.image = report.identity = None
        through_outages(lambda: control.finish("build", lease, report), stop=self._give_up)
        log.info(
            "build_finished",
            build_id=self.id,
            state=report.state,
            reason=report.reason,
            reused=report.reused,
        )

    def _flush(self, spool: BuildLog, sender: LogSender) -> None:
        spool.end()
        sender.flush()
        if sender.lost.is_set():
            raise Lost("the log was refused under this lease")

    def _told(self, release: Release) -> None:
        control = self._workshop.control
        through_outages(
            lambda: control.release("build", self._assignment, release), stop=self._give_up
        )
