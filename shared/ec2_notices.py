"""Drains a worker when its instance is to end: `python -m shared.ec2_notices -- COMMAND…`.

EC2 tells an instance in its metadata that spot capacity is taken back (two minutes ahead), or that
its group ends it (held by the group's hook until the work is done). Then the command is run once; it
sends the worker the same SIGTERM as any restart. A worker has no right on its group: utility, which
sees in the database when no lease is held any more, lets the instance go.
"""

import os
import subprocess
import sys
import threading
from collections.abc import Callable, Sequence
from typing import Protocol

import structlog

from shared import logs
from shared.ec2_metadata import ENDPOINT, MetadataUnavailable
from shared.ec2_metadata import Metadata as Ec2Metadata

EVERY_SECONDS = 5.0
_COMMAND_SECONDS = 60.0
log = structlog.get_logger()


class Metadata(Protocol):
    """What is asked of the instance's metadata."""

    def get(self, path: str) -> str | None: ...


def notice(metadata: Metadata) -> str:
    """Why this instance is to end; empty as long as it is not."""
    if metadata.get("spot/instance-action") is not None:
        return "spot capacity is taken back"
    if metadata.get("autoscaling/target-lifecycle-state") == "Terminated":
        return "its group ends it"
    return ""


def watch(
    metadata: Metadata,
    drain: Callable[[], None],
    stop: threading.Event,
    every: float = EVERY_SECONDS,
) -> str:
    """Ask until there is a notice, then drain once; gives the reason, or nothing when stopped before."""
    while not stop.is_set():
        try:
            reason = notice(metadata)
        except MetadataUnavailable as error:
            log.warning("metadata_unavailable", error=str(error))
            reason = ""
        if reason:
            log.info("instance_ends", reason=reason)
            drain()
            return reason
        stop.wait(every)
    return ""


def run(argv: Sequence[str]) -> None:
    """The command that drains; again when it fails, for the notice is not given twice."""
    for _ in range(3):
        try:
            done = subprocess.run(argv, timeout=_COMMAND_SECONDS, check=False)
        except (OSError, subprocess.TimeoutExpired) as error:
            log.error("drain_failed", error=str(error))
            continue
        if done.returncode == 0:
            return
        log.error("drain_failed", exit_code=done.returncode)


def main() -> int:
    """Watch until this process is ended: after the drain there is nothing more to do."""
    if len(sys.argv) < 3 or sys.argv[1] != "--":
        sys.stderr.write("usage: python -m shared.ec2_notices -- COMMAND…\n")
        return 2
    logs.configure("notices", json=True)
    endpoint = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or ENDPOINT
    stop = threading.Event()
    watch(Ec2Metadata(endpoint), lambda: run(sys.argv[2:]), stop)
    stop.wait()  # the supervisor would start a program that ends again
    return 0


if __name__ == "__main__":
    sys.exit(main())
