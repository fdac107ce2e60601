"""Runs prepared for tables and forms."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.schema.runs import File, Run, RunInput
from shared.schema.tools import Tool, Version
from web import arguments
from web.views import shown
from web.views.lookups import RunRow


@dataclass(frozen=True)
class ShownRow:
    """One line of a table of runs."""

    run: Run
    tool: Tool
    version: Version
    state: shown.Shown
    line: str
    since: int | None
    took: float | None
    bytes: int | None


def shown_row(row: RunRow) -> ShownRow:
    """A run as its line shows it; `since` is set while its clock runs."""
    live = row.run.state not in shown.TERMINAL
    return ShownRow(
        row.run,
        row.tool,
        row.version,
        shown.run_state(row.run),
        f"{row.run.command or row.tool.name} {arguments.join(row.run.argv)}".strip(),
        row.run.started_at if live else None,
        took(row.run),
        row.bytes,
    )


def took(run: Run) -> float | None:
    """Seconds of the program itself, else of the whole work."""
    if run.seconds is not None:
        return run.seconds
    if run.started_at is None or run.finished_at is None:
        return None
    return (run.finished_at - run.started_at) / 1000


def inputs_of(session: Session, run: Run) -> list[tuple[str, File]]:
    """The input files by the names that they had in the working folder."""
    rows = session.execute(
        select(RunInput.name, File)
        .join(File, File.id == RunInput.file_id)
        .where(RunInput.run_id == run.id)
        .order_by(RunInput.name)
    )
    return [(name, file) for name, file in rows]
