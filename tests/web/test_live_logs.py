"""Live streams: overlap, gaps, any offset, a bounded tail, and the whole log at the end."""

import random
import threading
from pathlib import Path

import pytest
from sqlalchemy import func, select

from shared.db import Transactions
from shared.objects import Objects
from shared.schema.runs import LogChunk, Run
from tests import factories
from tests.fake_objects import MemoryObjects
from tests.web.conftest import WORKER_TOKEN
from tests.web.worker_client import Held, Worker, build_report, make_app
from web import leases, live_logs
from web.bell import Bell
from web.leases import Hold, LeaseTimes
from web.live_logs import Gap
from web.ports import WebPorts

MIB = 1 << 20


@pytest.fixture
def objects() -> MemoryObjects:
    return MemoryObjects()


@pytest.fixture
def run(transactions: Transactions) -> Run:
    with transactions.begin() as session:
        owner = factories.account(session)
        return factories.run(session, owner, factories.ready_tool(session, owner)[1])


@pytest.fixture
def hold(transactions: Transactions, run: Run) -> Hold:
    return take(transactions, run)


def take(transactions: Transactions, run: Run) -> Hold:
    with transactions.begin() as session:
        job = leases.claim(session, "run", run.id, "w", "token", LeaseTimes())
        assert job is not None
        return Hold("run", run.id, job.fence, "token")


def append(
    transactions: Transactions, hold: Hold, offset: int, data: bytes, stream: str = "stdout"
) -> int:
    with transactions.begin() as session:
        return live_logs.append(session, hold, stream, offset, data)  # type: ignore[arg-type]


def everything(
    transactions: Transactions, objects: Objects, run: Run, offset: int = 0, n: int = 100_000
) -> bytes:
    found = b""
    while True:
        part = live_logs.read(transactions, objects, "run", run.id, "stdout", offset, n)
        if not part.data:
            return found
        found += part.data
        offset += len(part.data)


def test_chunks_follow_one_another_by_offset(
    transactions: Transactions, objects: MemoryObjects, run: Run, hold: Hold
) -> None:
    assert append(transactions, hold, 0, b"abc") == 3
    assert append(transactions, hold, 3, b"\x00\xff") == 5
    assert append(transactions, hold, 0, b"err", "stderr") == 3
    assert everything(transactions, objects, run) == b"abc\x00\xff"
    assert everything(transactions, objects, run, offset=2) == b"c\x00\xff"


def test_what_is_stored_already_is_skipped_and_a_gap_is_refused(
    transactions: Transactions, objects: MemoryObjects, run: Run, hold: Hold
) -> None:
    append(transactions, hold, 0, b"abcdef")
    assert append(transactions, hold, 0, b"abcdef") == 6
    assert append(transactions, hold, 2, b"cd") == 6
    assert append(transactions, hold, 4, b"efgh") == 8
    assert append(transactions, hold, 8, b"") == 8
    with pytest.raises(Gap) as gap:
        append(transactions, hold, 9, b"x")
    assert (gap.value.code, gap.value.details) == ("offset", {"next": 8})
    assert everything(transactions, objects, run) == b"abcdefgh"


def test_any_split_and_repetition_gives_the_same_bytes(
    transactions: Transactions, objects: MemoryObjects, run: Run, hold: Hold
) -> None:
    source = random.Random(7)
    whole = source.randbytes(3000)
    at = 0
    while at < len(whole):
        start = max(0, at - source.randrange(50))
        at = append(transactions, hold, start, whole[start : start + source.randrange(60, 300)])
        if source.random() < 0.2:
            live_logs.spill(transactions, objects, "run", run.id, "stdout", keep=500)
    for _ in range(30):
        offset, n = source.randrange(3000), source.randrange(1, 700)
        part = live_logs.read(transactions, objects, "run", run.id, "stdout", offset, n)
        assert part.data == whole[offset : offset + n]
    assert everything(transactions, objects, run) == whole
    assert objects.bytes, "the old part has moved into objects"


def test_the_database_keeps_a_bounded_tail_and_readers_still_begin_at_the_first_byte(
    transactions: Transactions, objects: MemoryObjects, run: Run, hold: Hold
) -> None:
    whole = random.Random(1).randbytes(5 * MIB)
    for at in range(0, len(whole), MIB // 2):
        append(transactions, hold, at, whole[at : at + MIB // 2])
        live_logs.spill(transactions, objects, "run", run.id, "stdout")
        with transactions.read() as session:
            stored = session.scalar(
                select(func.sum(LogChunk.size)).where(LogChunk.data.is_not(None))
            )
        assert (stored or 0) <= MIB
    assert everything(transactions, objects, run, n=MIB) == whole
    assert all(key.startswith(f"runs/{run.id}/") and "/live/" in key for key in objects.bytes)


def test_a_new_attempt_begins_its_streams_anew_and_readers_are_told(
    transactions: Transactions, objects: MemoryObjects, run: Run, hold: Hold
) -> None:
    append(transactions, hold, 0, b"first attempt")
    with transactions.begin() as session:
        row = session.get_one(Run, run.id)
        row.state, row.lease_owner, row.lease_until = "queued", None, None
    again = take(transactions, run)
    append(transactions, again, 0, b"second")
    part = live_logs.read(transactions, objects, "run", run.id, "stdout", 13, fence=hold.fence)
    assert (part.fence, part.offset, part.data) == (again.fence, 0, b"second")
    with pytest.raises(leases.LeaseLost):
        append(transactions, hold, 13, b"late")


def test_a_reader_is_woken_by_the_bell_and_misses_nothing() -> None:
    bell = Bell()
    with bell.listen("run_1") as ear:
        bell.ring("run_1")  # before the wait: heard all the same
        assert ear.wait(0)
        assert not ear.wait(0)
        bell.ring("run_2")
        assert not ear.wait(0)
        thread = threading.Timer(0.05, bell.ring, ["run_2", "run_1"])
        thread.start()
        assert ear.wait(5)
        thread.join()
    bell.ring("run_1")


def logged(web_ports: WebPorts) -> tuple[Held, Run]:
    app = make_app(web_ports)
    with web_ports.transactions.begin() as session:
        owner = factories.account(session)
        run = factories.run(session, owner, factories.ready_tool(session, owner)[1])
    held = Worker(app.test_client(), WORKER_TOKEN).claim("run", run.id)
    for at in range(0, 3 * MIB, MIB):
        assert held.log(at, bytes([65 + at // MIB]) * MIB).status_code == 200
    return held, run


def test_at_the_end_the_kept_log_takes_the_place_of_the_live_chunks(web_ports: WebPorts) -> None:
    held, run = logged(web_ports)
    live = list((web_ports.settings.data / "objects").rglob("live"))
    assert live, "the worker API has moved the old part"
    whole = b"A" * MIB + b"B" * MIB + b"C" * MIB
    assert held.finish(**held.results(stdout=whole)).status_code == 204
    with web_ports.transactions.read() as session:
        assert session.scalar(select(func.count()).select_from(LogChunk)) == 0
    assert not [path for folder in live for path in folder.rglob("*@")]
    ports = web_ports.transactions, web_ports.objects
    part = live_logs.read(*ports, "run", run.id, "stdout", MIB - 1, 3)
    assert (part.data, part.ended) == (b"ABB", False)
    part = live_logs.read(*ports, "run", run.id, "stdout", 3 * MIB - 2, 10)
    assert (part.data, part.ended) == (b"CC", True)
    assert live_logs.read(*ports, "run", run.id, "stderr", 0, 10).ended


def test_without_a_kept_log_the_live_one_stays_and_leaves_the_database(
    web_ports: WebPorts,
) -> None:
    held, run = logged(web_ports)
    assert held.finish("failed", reason="no results").status_code == 204
    with web_ports.transactions.read() as session:
        assert session.scalars(select(LogChunk).where(LogChunk.data.is_not(None))).all() == []
    part = live_logs.read(
        web_ports.transactions, web_ports.objects, "run", run.id, "stdout", 2 * MIB, 2 * MIB
    )
    assert (part.data, part.ended) == (b"C" * MIB, True)


def test_the_log_of_a_build_can_be_read_after_its_end(web_ports: WebPorts, tmp_path: Path) -> None:
    app = make_app(web_ports)
    with web_ports.transactions.begin() as session:
        owner = factories.account(session)
        version = factories.version(session, factories.tool(session, owner), state="pending")
        build = factories.build(session, version, owner)
    held = Worker(app.test_client(), WORKER_TOKEN).claim("build", build.id)
    held.log(0, b"Step 1\n")
    held.finish(**build_report())
    part = live_logs.read(web_ports.transactions, web_ports.objects, "build", build.id, "stdout", 0)
    assert (part.data, part.ended) == (b"Step 1\n", True)
