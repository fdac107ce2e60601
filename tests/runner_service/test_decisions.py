"""Pure decisions: verdicts, names, what goes out next, what is overdue."""

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runner_service.file_names import shown, to_path, to_text
from runner_service.overdue import overdue
from runner_service.send_queue import SendQueue
from runner_service.verdict import judge
from shared.containers import Exit
from shared.plan import Network
from shared.work import Limits

OFF = Network()


def test_zero_is_success() -> None:
    verdict = judge(Exit(0, False, 1.0), None, Limits(), OFF, b"could not resolve host")
    assert (verdict.state, verdict.exit_code, verdict.reason) == ("succeeded", 0, "")


@pytest.mark.parametrize("code", [1, 2, 127, 128, 129, 255])
def test_other_codes_are_the_programs_own(code: int) -> None:
    verdict = judge(Exit(code, False, 1.0), None, Limits(), OFF, b"")
    assert (verdict.state, verdict.exit_code, verdict.signal) == ("failed", code, None)


def test_memory_is_named() -> None:
    verdict = judge(Exit(137, True, 1.0), None, Limits(), OFF, b"")
    assert verdict.reason == "killed by signal 9 (out of memory: limit 1 GiB)"
    child = judge(Exit(1, True, 1.0), None, Limits(), OFF, b"")
    assert child.reason == "a process of it was killed (out of memory: limit 1 GiB)"


def test_what_we_stopped_is_no_failure_of_the_tool() -> None:
    timed_out = judge(Exit(137, False, 600.0), "timed_out", Limits(), OFF, b"")
    assert (timed_out.state, timed_out.signal) == ("timed_out", 9)
    assert timed_out.reason == "ended by the time limit of 600 s"
    assert judge(Exit(0, False, 1.0), "cancelled", Limits(), OFF, b"").state == "cancelled"


def test_named_hosts_are_listed_in_the_hint() -> None:
    network = Network(mode="hosts", hosts=("a.example", "b.example:443"))
    verdict = judge(
        Exit(1, False, 1.0), None, Limits(), network, b"connect: Network is unreachable"
    )
    assert "(allowed: a.example, b.example:443)" in verdict.reason


@given(st.binary(min_size=1, max_size=40).filter(lambda b: b"\0" not in b))
def test_any_file_name_survives_the_way_through_json(raw: bytes) -> None:
    path = os.fsdecode(raw)
    text = json.loads(json.dumps(to_text(path)).encode())
    assert os.fsencode(to_path(text)) == raw


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0\\"), min_size=1))
def test_valid_names_stay_as_they_are(name: str) -> None:
    assert to_text(name) == name


def test_a_sentence_shows_no_control_or_direction_marks() -> None:
    assert shown("a\nb\u202ec\x1b[2J") == "‘a\\u000ab\\u202ec\\u001b[2J’"
    assert len(shown("x" * 4000)) < 130


def test_streams_go_out_in_the_order_in_which_they_were_written() -> None:
    queue = SendQueue()
    queue.available("stdout", 3)
    queue.available("stderr", 2)
    queue.available("stdout", 5)
    sent = []
    while first := queue.first(100):
        sent.append(first)
        queue.has(first[0], first[1] + first[2])
    assert sent == [("stdout", 0, 3), ("stderr", 0, 2), ("stdout", 3, 2)]


def test_what_the_receiver_has_is_skipped() -> None:
    queue = SendQueue()
    queue.available("stdout", 3)
    queue.has("stdout", 10)  # a predecessor sent more than we have read again
    queue.available("stdout", 8)
    assert queue.first(100) is None
    queue.available("stdout", 12)
    assert queue.first(100) == ("stdout", 10, 2)


def test_what_the_receiver_wants_again_is_sent_again() -> None:
    queue = SendQueue()
    queue.available("stdout", 10)
    queue.has("stdout", 10)
    queue.has("stdout", 4)
    assert queue.first(100) == ("stdout", 4, 6)


@given(st.lists(st.tuples(st.sampled_from(["stdout", "stderr"]), st.integers(1, 50)), max_size=60))
def test_every_byte_goes_out_once(pieces: list[tuple[str, int]]) -> None:
    queue = SendQueue()
    ends = {"stdout": 0, "stderr": 0}
    got = {"stdout": 0, "stderr": 0}
    for number, (stream, size) in enumerate(pieces):
        ends[stream] += size
        queue.available(stream, ends[stream])  # type: ignore[arg-type]
        if number % 3 == 0 and (first := queue.first(7)):
            assert first[1] == got[first[0]]
            got[first[0]] += first[2]
            queue.has(first[0], got[first[0]])
    while first := queue.first(7):
        assert first[1] == got[first[0]]
        got[first[0]] += first[2]
        queue.has(first[0], got[first[0]])
    assert got == ends


def run_folder(state: Path, lease: dict[str, object], *markers: str) -> Path:
    folder = state / "0" / "runs" / "att_1"
    folder.mkdir(parents=True)
    (folder / "lease.json").write_text(json.dumps({"boot": "b", "container": "c"} | lease))
    for marker in markers:
        (folder / marker).write_text("{}")
    return folder


@pytest.mark.parametrize(
    ("now", "markers", "what"),
    [
        (100, (), []),
        (114, (), []),
        (116, (), ["remove"]),
        (116, ("ended.json",), []),
        (701, ("ended.json",), ["remove"]),
        (116, ("ended.json", "finished.json"), ["remove"]),
    ],
)
def test_a_lease_that_has_run_out(
    tmp_path: Path, now: float, markers: tuple[str, ...], what: list[str]
) -> None:
    run_folder(tmp_path, {"valid_until": 100.0, "deadline": None}, *markers)
    assert [late.what for late in overdue(tmp_path, now, "b")] == what


@pytest.mark.parametrize(
    ("now", "markers", "what"),
    [(60, (), []), (66, (), ["stop"]), (66, ("stopped.json",), []), (66, ("ended.json",), [])],
)
def test_a_deadline_that_has_passed(
    tmp_path: Path, now: float, markers: tuple[str, ...], what: list[str]
) -> None:
    run_folder(tmp_path, {"valid_until": 1000.0, "deadline": 50.0}, *markers)
    assert [late.what for late in overdue(tmp_path, now, "b")] == what


def test_runs_of_an_earlier_boot_and_broken_files_are_left_alone(tmp_path: Path) -> None:
    folder = run_folder(tmp_path, {"valid_until": 0.0})
    assert overdue(tmp_path, 1e9, "another boot") == []
    (folder / "lease.json").write_text("{")
    assert overdue(tmp_path, 1e9, "b") == []
