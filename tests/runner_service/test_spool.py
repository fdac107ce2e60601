"""The runner's own copy of both streams."""

import hashlib
import threading
from pathlib import Path

import pytest

from runner_service.spool import BATCH, Spool
from shared.work import Stream


def drain(spool: Spool) -> list[tuple[str, bytes]]:
    """Everything that goes out, in order."""
    sent: list[tuple[str, bytes]] = []
    while batch := spool.next_batch(0):
        stream, offset, data = batch
        sent.append((stream, data))
        spool.sent(stream, offset + len(data))
    return sent


def test_both_streams_are_kept_counted_and_sent_in_order(tmp_path: Path) -> None:
    spool = Spool(tmp_path, limit=100)
    spool.feed("stdout", b"one\n")
    spool.feed("stderr", b"\xff\0")
    spool.feed("stdout", b"two\n")
    assert drain(spool) == [("stdout", b"one\n"), ("stderr", b"\xff\0"), ("stdout", b"two\n")]
    assert (tmp_path / "stdout").read_bytes() == b"one\ntwo\n"
    assert (spool.size("stdout"), spool.kept("stdout")) == (8, 8)
    assert spool.sha256("stderr") == hashlib.sha256(b"\xff\0").hexdigest()
    spool.close()


def test_above_the_limit_bytes_are_only_counted(tmp_path: Path) -> None:
    spool = Spool(tmp_path, limit=5)
    for _ in range(3):
        spool.feed("stdout", b"abcd")
    assert (spool.size("stdout"), spool.kept("stdout")) == (12, 5)
    assert drain(spool) == [("stdout", b"abcda")]
    spool.close()


def test_a_batch_has_a_bound(tmp_path: Path) -> None:
    spool = Spool(tmp_path, limit=10 * BATCH)
    spool.feed("stdout", b"x" * (BATCH + 1))
    assert [len(data) for _, data in drain(spool)] == [BATCH, 1]
    spool.close()


def test_a_successor_skips_what_is_stored(tmp_path: Path) -> None:
    first = Spool(tmp_path, limit=100)
    first.feed("stdout", b"hello ")
    first.close()
    second = Spool(tmp_path, limit=100)
    for piece in (b"hel", b"lo wor", b"ld"):
        second.feed("stdout", piece)
    assert (tmp_path / "stdout").read_bytes() == b"hello world"
    assert (second.size("stdout"), second.incomplete("stdout")) == (11, False)
    assert b"".join(data for _, data in drain(second)) == b"hello world"
    second.close()


def test_reading_again_in_the_same_process_sends_nothing_twice(tmp_path: Path) -> None:
    spool = Spool(tmp_path, limit=100)
    spool.feed("stdout", b"hello")
    assert drain(spool) == [("stdout", b"hello")]
    spool.begin_again()
    spool.feed("stdout", b"hello there")
    assert drain(spool) == [("stdout", b" there")]
    spool.close()


def test_a_log_that_lost_its_beginning_is_told_and_not_mixed_in(tmp_path: Path) -> None:
    first = Spool(tmp_path, limit=100)
    first.feed("stdout", b"0123456789")
    first.close()
    second = Spool(tmp_path, limit=100)
    second.feed("stdout", b"56789abcdef")
    second.end()
    assert second.incomplete("stdout")
    assert (tmp_path / "stdout").read_bytes() == b"0123456789"
    assert drain(second) == [("stdout", b"0123456789")]
    second.close()


def test_the_order_of_the_streams_is_known_and_bytes_above_the_limit_are_not_in_it(
    tmp_path: Path,
) -> None:
    spool = Spool(tmp_path, limit=6)
    for stream, data in ALTERNATING:
        spool.feed(stream, data)
    assert spool.order() == [0, 2, 4, 4, 2]
    assert spool.order() == [0, 2, 4, 4, 2]
    spool.close()


ALTERNATING: list[tuple[Stream, bytes]] = [
    ("stderr", b"a\n"),
    ("stdout", b"1\n"),
    ("stdout", b"2\n"),
    ("stderr", b"b\nc\n"),
    ("stdout", b"3\n4\n"),
]


@pytest.mark.parametrize("read", range(6))
def test_a_successor_finds_the_same_order_wherever_its_predecessor_died(
    tmp_path: Path, read: int
) -> None:
    first = Spool(tmp_path, limit=100)
    for stream, data in ALTERNATING[:read]:
        first.feed(stream, data)
    first.close()
    second = Spool(tmp_path, limit=100)
    for stream, data in ALTERNATING[:2]:
        second.feed(stream, data)
    second.begin_again()  # the engine went away for a moment, too
    for stream, data in ALTERNATING:
        second.feed(stream, data)
    assert second.order() == [0, 2, 4, 4, 4]
    second.close()


def test_kept_bytes_that_the_engine_has_lost_come_last_in_the_order(tmp_path: Path) -> None:
    first = Spool(tmp_path, limit=100)
    for stream, data in ALTERNATING:
        first.feed(stream, data)
    first.close()
    second = Spool(tmp_path, limit=100)
    second.feed("stdout", b"3\n4\n")
    second.feed("stderr", b"a\n")
    assert second.order() == [0, 2, 8, 4]
    second.close()


def test_a_waiting_reader_wakes_for_bytes_and_for_the_end(tmp_path: Path) -> None:
    spool = Spool(tmp_path, limit=100)
    timer = threading.Timer(0.1, spool.feed, ("stdout", b"late"))
    timer.start()
    assert spool.next_batch(10) == ("stdout", 0, b"late")
    spool.sent("stdout", 4)
    timer.join()
    assert not spool.all_sent()
    ender = threading.Timer(0.1, spool.end)
    ender.start()
    assert spool.next_batch(10) is None
    ender.join()
    assert spool.all_sent()
    spool.close()
