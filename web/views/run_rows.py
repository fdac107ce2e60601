"""Runs prepared for tables and forms."""

from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from shared.schema.runs import File, Run, RunInput
from web import arguments
from web.views import shown
from web.views.lookups import RunRow


@dataclass(frozen=True)
class ShownRow:
    """One line of a table of runs."""

    run: RunRow
    state: shown.Shown
    line: str
    since: int | None
    took: float | None


def shown_row(row: RunRow) -> ShownRow:
    """A run as its line shows it; `since` is set while its clock runs."""
    live = row.state not in shown.TERMINAL
    return ShownRow(
        row,
        shown.run_state(row),
        f"{row.command or row.tool_name} {arguments.join(row.argv)}".strip(),
        row.started_at if live else None,
        took(row),
    )


def took(run: Run | RunRow) -> float | None:
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
