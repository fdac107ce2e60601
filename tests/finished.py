"""A run and a build that have finished, for the services that react to it."""

from dataclasses import dataclass

from shared.db import Transactions
from shared.events import BuildFinished, RunFinished
from shared.ids import new_id
from tests import factories


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
    disabled: bool = False,
) -> Finished:
    """An account with one tool, its build, and a run that exited 0, unless `run` and `build` say otherwise."""
    with transactions.begin() as session:
        account = factories.account(session, plan=plan, disabled=disabled)
        _, version = factories.ready_tool(session, account, tool)
        run_row = factories.run(session, account, version, state="succeeded")
        build_row = factories.build(session, version, account, state="succeeded")
        for name, value in ({"exit_code": 0, "seconds": 1.25} | (run or {})).items():
            setattr(run_row, name, value)
        for name, value in (build or {}).items():
            setattr(build_row, name, value)
        return Finished(account.id, account.email, run_row.id, build_row.id)
