"""Lines to CloudWatch Logs: `python -m shared.ship_logs GROUP STREAM -- COMMAND…` sends what the command prints."""

import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import IO, Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

_BATCH_LINES = 1000
_BATCH_BYTES = 512 * 1024
_LINE_BYTES = 64 * 1024
_HELD_LINES = 20_000
"""Kept while CloudWatch does not answer; beyond it the oldest go, and their number is told."""
_EVERY_SECONDS = 2.0
Line = tuple[int, str]


class Lines:
    """Lines on their way: read by one thread, taken in batches by another."""

    def __init__(self, held: int = _HELD_LINES) -> None:
        self._queue: queue.Queue[Line] = queue.Queue(held)
        self._lost = 0

    def put(self, text: str, now: float) -> None:
        """Never waits: a service must not stand still for its log."""
        line = (int(now * 1000), text[:_LINE_BYTES] or " ")  # CloudWatch takes no empty line
        while True:
            try:
                self._queue.put_nowait(line)
                return
            except queue.Full:
                self._queue.get_nowait()
                self._lost += 1

    def batch(self, wait: float) -> list[Line]:
        """What is there, in one call's bounds; waits at most so long for the first line."""
        found: list[Line] = []
        size = 0
        try:
            line = self._queue.get(timeout=wait)
            while True:
                found.append(line)
                size += len(line[1].encode()) + 26  # what CloudWatch adds for each
                if len(found) >= _BATCH_LINES or size >= _BATCH_BYTES:
                    break
                line = self._queue.get_nowait()
        except queue.Empty:
            pass
        if found and self._lost:
            found.insert(0, (found[0][0], f'{{"event": "log_lines_lost", "lines": {self._lost}}}'))
            self._lost = 0
        return found


def send(client: Any, group: str, stream: str, lines: Sequence[Line]) -> None:
    """One call; makes the stream at its first line."""
    events = [
        {"timestamp": at, "message": text} for at, text in sorted(lines, key=lambda one: one[0])
    ]
    try:
        client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)
    except client.exceptions.ResourceNotFoundException:
        client.create_log_stream(logGroupName=group, logStreamName=stream)
        client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=events)


def ship(client: Any, group: str, stream: str, lines: Lines, over: threading.Event) -> None:
    """Send batch after batch; one that fails is sent again, unless it is refused for what is in it."""
    while True:
        batch = lines.batch(_EVERY_SECONDS)
        if not batch and over.is_set():
            return
        pause = 1.0
        while batch:
            try:
                send(client, group, stream, batch)
                break
            except (BotoCoreError, ClientError) as error:
                sys.stderr.write(f"ship_logs: {error}\n")
                if over.is_set():
                    return
                if _is_refused(error):  # lines of more than a day, after a long outage
                    sys.stderr.write(f"ship_logs: {len(batch)} lines are given up\n")
                    break
                time.sleep(pause)
                pause = min(pause * 2, 30.0)


def _is_refused(error: Exception) -> bool:
    """Whether the same lines would be refused again."""
    code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
    return code == "InvalidParameterException"


def read(source: IO[str], lines: Lines) -> None:
    for text in source:
        lines.put(text.rstrip("\n"), time.time())


def main() -> int:
    """Until the command ends, or SIGTERM ends it; what it had printed by then is still sent."""
    if len(sys.argv) < 5 or sys.argv[3] != "--":
        sys.stderr.write("usage: python -m shared.ship_logs GROUP STREAM -- COMMAND…\n")
        return 2
    group, stream = sys.argv[1:3]
    argv = sys.argv[4:]
    lines, over = Lines(), threading.Event()
    sender = threading.Thread(
        target=ship, args=(boto3.Session().client("logs"), group, stream, lines, over)
    )
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, errors="replace") as process:
        signal.signal(signal.SIGTERM, lambda *_: process.terminate())
        signal.signal(signal.SIGINT, lambda *_: process.terminate())
        assert process.stdout is not None
        sender.start()
        read(process.stdout, lines)
    over.set()
    sender.join()
    return 0


if __name__ == "__main__":
    sys.exit(main())
