"""Asking for a run: what is taken, and every sentence of refusal."""

import threading
from contextlib import suppress
from typing import Any

import pytest
from sqlalchemy import func, select, update

from shared.db import Transactions
from shared.events import RunRequested, decode
from shared.plan import Network
from shared.schema.accounts import Account
from shared.schema.messages import Outbox
from shared.schema.runs import File, Run, RunInput
from shared.schema.tools import Build, Image, Tool, Version
from shared.work import Limits
from tests import factories
from tests.web.conftest import Made
from web import networks
from web.limits import PlanLimits
from web.refusals import Absent, Conflict, Forbidden, Invalid, Refused, TooLarge, TooMany
from web.request_run import InputChoice, RunRequest, request_run


def count(transactions: Transactions, table: Any) -> int:
    with transactions.read() as session:
        return session.scalar(select(func.count()).select_from(table)) or 0


def test_row_and_message_come_together(
    transactions: Transactions, made: Made, person: Account, ready: tuple[Tool, Version]
) -> None:
    run: Run = made(request_run, person, *ready, RunRequest(line="-l 'a b'"))
    assert (run.state, run.command, run.line, run.argv) == (
        "queued",
        "wc",
        "-l 'a b'",
        ["-l", "a b"],
    )
    assert (run.version_id, run.account_id) == (ready[1].id, person.id)
    assert run.announced_at == run.created_at, "the reaper would announce it again"
    assert Limits.model_validate(run.limits) == Limits()
    with transactions.read() as session:
        events = [decode(body) for body in session.scalars(select(Outbox.body))]
    assert [event.run_id for event in events if isinstance(event, RunRequested)] == [run.id]


def test_a_refused_request_leaves_nothing_behind(
    transactions: Transactions, made: Made, person: Account, ready: tuple[Tool, Version]
) -> None:
    with pytest.raises(Invalid, match="single quote at character 4"):
        made(request_run, person, *ready, RunRequest(line="-l 'a"))
    assert count(transactions, Run) == count(transactions, Outbox) == 0


def test_an_argument_list_is_kept_as_it_is(
    made: Made, person: Account, ready: tuple[Tool, Version]
) -> None:
    run: Run = made(request_run, person, *ready, RunRequest(argv=["-l", "it's", '["x"]', ""]))
    assert run.argv == ["-l", "it's", '["x"]', ""]
    assert run.line == """-l 'it'"'"'s' '["x"]' ''"""


@pytest.mark.parametrize(
    ("wanted", "refusal", "says"),
    [
        (RunRequest(command="rm"), Invalid, "no command rm. It has: wc, wc-lines."),
        (RunRequest(argv=["a\0"]), Invalid, "NUL"),
        (RunRequest(timeout_seconds=0), Invalid, "between 1 and 600"),
        (RunRequest(timeout_seconds=601), Invalid, "between 1 and 600"),
        (RunRequest(env={"A=B": "x"}), Invalid, "no name of an environment variable"),
        (RunRequest(env={"A": "x\0"}), Invalid, "cannot be passed on"),
        (RunRequest(env={"A": "x" * 70_000}), Invalid, "longer than 65536 bytes"),
        (RunRequest(network=Network(mode="internet")), Invalid, "network is off"),
        (RunRequest(inputs=[InputChoice("file_x")]), Absent, "upload it first"),
        (RunRequest(stdin_file_id="file_x"), Absent, "upload it first"),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_sentence(
    made: Made,
    person: Account,
    ready: tuple[Tool, Version],
    wanted: RunRequest,
    refusal: type[Refused],
    says: str,
) -> None:
    with pytest.raises(refusal, match=says.replace(".", r"\.")):
        made(request_run, person, *ready, wanted)


# Inputs


@pytest.mark.parametrize("name", ["a b.txt", "new\nline", "ü", "-rf", "a..b", "…"])
def test_names_with_spaces_and_newlines_are_fine(
    transactions: Transactions,
    made: Made,
    person: Account,
    ready: tuple[Tool, Version],
    name: str,
) -> None:
    file: File = made(factories.file, person)
    run: Run = made(request_run, person, *ready, RunRequest(inputs=[InputChoice(file.id, name)]))
    with transactions.read() as session:
        assert session.scalars(select(RunInput.name).where(RunInput.run_id == run.id)).all() == [
            name
        ]


@pytest.mark.parametrize("name", ["..", ".", "a/b", "../x", "/etc/passwd", "a\0", "ü" * 128])
def test_names_that_are_paths_or_too_long_are_refused(
    made: Made, person: Account, ready: tuple[Tool, Version], name: str
) -> None:
    file: File = made(factories.file, person)
    with pytest.raises(Invalid, match=r"called|contains|longer"):
        made(request_run, person, *ready, RunRequest(inputs=[InputChoice(file.id, name)]))


def test_two_inputs_of_one_name_are_refused(
    made: Made, person: Account, ready: tuple[Tool, Version]
) -> None:
    files: list[File] = [made(factories.file, person, "in.txt") for _ in range(2)]
    choices = [InputChoice(file.id) for file in files]
    with pytest.raises(Invalid, match=r"Two inputs are called 'in.txt'"):
        made(request_run, person, *ready, RunRequest(inputs=choices))
    renamed = [choices[0], InputChoice(files[1].id, "other.txt")]
    made(request_run, person, *ready, RunRequest(inputs=renamed))


def test_files_of_others_do_not_exist(
    made: Made, person: Account, ready: tuple[Tool, Version]
) -> None:
    theirs: File = made(factories.file, made(factories.account))
    with pytest.raises(Absent):
        made(request_run, person, *ready, RunRequest(inputs=[InputChoice(theirs.id)]))
    with pytest.raises(Absent):
        made(request_run, person, *ready, RunRequest(stdin_file_id=theirs.id))


def test_inputs_are_together_no_larger_than_the_plan_allows(
    made: Made, person: Account, ready: tuple[Tool, Version]
) -> None:
    large: File = made(factories.file, person, "a", size=20_000_000)
    stdin: File = made(factories.file, person, "b", size=5_000_001)
    wanted = RunRequest(inputs=[InputChoice(large.id)], stdin_file_id=stdin.id)
    with pytest.raises(TooLarge, match="25,000,001 bytes together; your plan allows 25,000,000"):
        made(request_run, person, *ready, wanted)
    premium: Account = made(factories.account, plan="premium")
    for file in (large, stdin):
        made(
            lambda s, f=file: s.execute(
                update(File).where(File.id == f.id).values(account_id=premium.id)
            )
        )
    made(request_run, premium, *ready, wanted)


# Versions that are not ready


def test_a_failed_version_is_not_run_and_the_sentence_says_why(made: Made, person: Account) -> None:
    tool = made(factories.tool, person, "wc")
    failed = made(factories.version, tool, state="failed", reason="There was no entry point.")
    with pytest.raises(Conflict, match=r"not ready, its build failed: There was no entry point\."):
        made(request_run, person, tool, failed, RunRequest())


def test_a_run_of_a_pending_version_waits_for_the_build_and_sends_no_message(
    transactions: Transactions, made: Made, person: Account
) -> None:
    tool = made(factories.tool, person, "wc")
    pending = made(factories.version, tool, state="pending")
    run: Run = made(request_run, person, tool, pending, RunRequest(line="x"))
    assert run.state == "waiting_build"
    assert count(transactions, Outbox) == 0


def test_a_collected_image_is_built_again_first(
    transactions: Transactions, made: Made, person: Account, ready: tuple[Tool, Version]
) -> None:
    made(lambda s: s.execute(update(Image).values(collected_at=1)))
    run: Run = made(request_run, person, *ready, RunRequest())
    again: Run = made(request_run, person, *ready, RunRequest())
    assert run.state == again.state == "waiting_build"
    assert count(transactions, Build) == 1, "one build for both"


# Who, and how many


def test_private_tools_of_others_do_not_exist_and_disabled_accounts_run_nothing(
    made: Made, person: Account
) -> None:
    private = made(factories.ready_tool, person, private=True)
    public = made(factories.ready_tool, person)
    stranger: Account = made(factories.account)
    with pytest.raises(Absent):
        made(request_run, stranger, *private, RunRequest())
    made(request_run, stranger, *public, RunRequest())
    made(request_run, person, *private, RunRequest())
    disabled: Account = made(factories.account, disabled=True)
    with pytest.raises(Forbidden):
        made(request_run, disabled, *public, RunRequest())


def test_the_fifty_first_waiting_run_is_refused_until_one_has_gone(
    transactions: Transactions, made: Made, person: Account, ready: tuple[Tool, Version]
) -> None:
    plans = {"free": PlanLimits(queued=3)}
    for _ in range(3):
        made(request_run, person, *ready, RunRequest(), plans)
    with pytest.raises(TooMany, match="3 runs waiting; at most 3") as refusal:
        made(request_run, person, *ready, RunRequest(), plans)
    assert refusal.value.retry_after
    assert PlanLimits().queued == 50
    stranger: Account = made(factories.account)
    made(request_run, stranger, *ready, RunRequest(), plans)
    made(lambda s: s.execute(update(Run).values(state="running")))
    made(request_run, person, *ready, RunRequest(), plans)


def test_the_limit_is_exact_when_many_ask_at_once(
    transactions: Transactions, made: Made, person: Account, ready: tuple[Tool, Version]
) -> None:
    plans = {"free": PlanLimits(queued=3)}
    start = threading.Barrier(8)

    def ask() -> None:
        start.wait()
        with suppress(TooMany):
            made(request_run, person, *ready, RunRequest(), plans)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count(transactions, Run) == 3


# The network


OFF, INTERNET = Network(), Network(mode="internet")


def hosts(*names: str) -> Network:
    return Network(mode="hosts", hosts=names)


@pytest.mark.parametrize(
    ("wanted", "allowed", "within"),
    [
        (OFF, OFF, True),
        (OFF, INTERNET, True),
        (INTERNET, INTERNET, True),
        (INTERNET, hosts("a.org"), False),
        (INTERNET, OFF, False),
        (hosts("a.org"), OFF, False),
        (hosts("a.org"), INTERNET, True),
        (hosts("a.org"), hosts("A.org", "b.org"), True),
        (hosts("a.org:443"), hosts("a.org"), True),
        (hosts("a.org"), hosts("a.org:443"), False),
        (hosts("a.org:80"), hosts("a.org:443"), False),
        (hosts("c.org"), hosts("a.org"), False),
        (hosts("b.a.org"), hosts("a.org"), False),
    ],
)
def test_a_run_may_only_narrow_the_network(wanted: Network, allowed: Network, within: bool) -> None:
    assert networks.is_within(wanted, allowed) == within


def test_a_run_gets_the_tools_network_or_the_narrower_one_it_asks_for(
    made: Made, person: Account
) -> None:
    tool = made(factories.ready_tool, person, network=INTERNET)
    assert made(request_run, person, *tool, RunRequest()).network["mode"] == "internet"
    narrow: Any = made(request_run, person, *tool, RunRequest(network=hosts("a.org")))
    assert narrow.network == {"mode": "hosts", "hosts": ["a.org"]}
