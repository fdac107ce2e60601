"""Rows of a run and of a build that have finished, for the services that react to it."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from shared.db import Transactions
from shared.events import BuildFinished, RunFinished
from shared.ids import new_id
from shared.schema.accounts import Account
from shared.schema.runs import Run
from shared.schema.tools import Build, Tool, Version


@dataclass(frozen=True)
class Finished:
    """The ids that were made, and the events that tell of them."""

    account_id: str
    email: str
    run_id: str
    build_id: str

    @property
    def run_event(self) -> RunFinished:
        return RunFinished(event_id=new_id("evt"), at=1, run_id=self.run_id)

    @property
    def build_event(self) -> BuildFinished:
        return BuildFinished(event_id=new_id("evt"), at=1, build_id=self.build_id)


def finished(
    transactions: Transactions,
    *,
    plan: str = "free",
    tool: str = "sherlock",
    run: dict[str, object] | None = None,
    build: dict[str, object] | None = None,
    disabled_at: int | None = None,
) -> Finished:
    """An account with one tool, one version, its build, and a run of it."""
    email = f"{new_id('who')}@example.com"
    ids = [new_id(p) for p in ("acc", "tool", "ver", "run", "build")]
    account_id, tool_id, version_id, run_id, build_id = ids
    account = Account(id=account_id, email=email, plan=plan, created_at=1, disabled_at=disabled_at)
    version = Version(
        id=version_id,
        tool_id=tool_id,
        number=1,
        link="https://example.com/x/sherlock.git",
        state="ready",
        created_at=1,
    )
    run_row: dict[str, object] = {
        "state": "succeeded",
        "exit_code": 0,
        "seconds": 1.25,
        "finished_at": 2,
    }
    with transactions.begin() as session:
        _add(session, account)
        _add(session, Tool(id=tool_id, account_id=account_id, name=tool, created_at=1))
        _add(session, version)
        _add(
            session,
            Run(
                id=run_id,
                account_id=account_id,
                tool_id=tool_id,
                version_id=version_id,
                command="sherlock",
                line="--version",
                argv=["--version"],
                env={},
                network={},
                limits={},
                created_at=1,
                **(run_row | (run or {})),
            ),
        )
        build_row: dict[str, object] = {"state": "succeeded", "finished_at": 2}
        _add(
            session,
            Build(
                id=build_id,
                version_id=version_id,
                account_id=account_id,
                created_at=1,
                **(build_row | (build or {})),
            ),
        )
    return Finished(account_id, email, run_id, build_id)


def _add(session: Session, row: object) -> None:
    session.add(row)
    session.flush()
