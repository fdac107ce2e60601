"""What a command prints: results to stdout, progress and messages to stderr."""

import json
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, Self

import click

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""What terminals obey; strangers write names, descriptions and reasons."""


def print_json(value: object) -> None:
    """One JSON value to stdout."""
    text = json.dumps(value, indent=2, ensure_ascii=False)
    click.echo(_CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", text))


def harmless(text: str) -> str:
    """The text without what would move the cursor, change the terminal or turn the line around."""
    return _CONTROLS.sub("\ufffd", text)


def message(text: str) -> None:
    """A line to stderr, for people."""
    click.echo(harmless(text), err=True)


class Phases:
    """What happens right now: a spinner on a terminal, else a line whenever it changes."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._shown = ""
        self._status: Any = None

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console

            self._status = Console(stderr=True).status(self._what)
            self._status.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def show(self, phase: str) -> None:
        """Tell the phase once."""
        if phase == self._shown:
            return
        self._shown = phase
        if self._status is not None:
            from rich.markup import escape

            self._status.update(escape(harmless(f"{self._what}: {phase}")))
        else:
            message(f"{self._what}: {phase}")


@contextmanager
def bytes_moved(what: str, total: int) -> Iterator[Any]:
    """A function that is told each number of bytes moved; a bar on a terminal, nothing elsewhere."""
    if not sys.stderr.isatty():
        yield lambda size: None
        return
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, DownloadColumn, Progress, TransferSpeedColumn

    columns = ("{task.description}", BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(escape(what), total=total)
        yield lambda size: progress.advance(task, size)


def table(rows: list[dict[str, object]], columns: list[str]) -> None:
    """Rows for people, aligned; to stdout."""
    texts = [[str(row.get(column) or "") for column in columns] for row in rows]
    widths = [max(len(t[i]) for t in [columns, *texts]) for i in range(len(columns))]
    for line in [columns, *texts]:
        joined = "  ".join(t.ljust(w) for t, w in zip(line, widths, strict=True)).rstrip()
        click.echo(harmless(joined.replace("\n", " ")))
