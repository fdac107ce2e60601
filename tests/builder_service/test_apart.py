"""Texts that are made to be read for hours cost their reader, and nobody else."""

import re
import threading
import time
from pathlib import Path

import pytest

from builder_service import looking
from builder_service.answers import answers
from builder_service.apart import Endless, apart
from builder_service.detect.finding import NoPlan
from builder_service.failures import Cancelled
from builder_service.own_dockerfile import reading
from shared.plan import OwnDockerfile, Plan
from tests.builder_service.trees import ARGPARSE, tree

HOURS = "[a](" + "[" * 900_000


def double(number: int) -> int:
    return 2 * number


def refuse() -> None:
    raise NoPlan("There is nothing here.")


def fail() -> None:
    raise KeyError("ours")


def endless(text: str) -> object:
    return re.search(r"\[([^\]]*)\]\([^)]*\)", text)


def test_a_reader_gives_or_raises_what_it_found() -> None:
    assert apart(double, 21) == 42
    with pytest.raises(NoPlan, match="nothing here"):
        apart(refuse)
    with pytest.raises(RuntimeError, match="KeyError: 'ours'"):
        apart(fail)


def test_a_text_without_an_end_is_given_up_and_this_process_goes_on() -> None:
    beats = 0
    over = threading.Event()

    def beat() -> None:
        nonlocal beats
        while not over.wait(0.05):
            beats += 1

    heart = threading.Thread(target=beat)
    heart.start()
    try:
        with pytest.raises(Endless, match="made for that"):
            apart(endless, HOURS, seconds=1)
    finally:
        over.set()
        heart.join()
    assert beats > 3


def test_a_text_that_fills_the_memory_is_given_up() -> None:
    with pytest.raises(Endless):
        apart(bytes, 3 << 30)


def test_a_cancel_is_heard_meanwhile() -> None:
    def check() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        apart(endless, HOURS, check=check)


def test_a_look_at_a_repository_gives_up_on_it(tmp_path: Path) -> None:
    hostile = tree(tmp_path, {"README.md": HOURS, "tool.py": ARGPARSE})

    with pytest.raises(Endless):
        apart(looking._look, hostile, "tool", None, looking.Wishes(), seconds=1)


def own_dockerfile(sources: str) -> Plan:
    text = f'FROM debian\nCOPY {sources} /t/\nENTRYPOINT ["/t/x"]\n'
    own = OwnDockerfile(path="Dockerfile", text=text)
    return Plan(runtime="dockerfile", base="docker-debian", commands=[], dockerfile=own)


@pytest.mark.parametrize(
    ("name", "text", "code"),
    [
        ("pyproject.toml", '[project]\nname="x"\nversion="1"\nrequires-python=">=3.{}"', "x.py"),
        ("package.json", '{{"name": "x", "bin": "x.js", "engines": {{"node": ">={}"}}}}', "x.js"),
    ],
)
def test_a_version_may_be_a_number_of_any_length(
    name: str, text: str, code: str, tmp_path: Path
) -> None:
    files = {name: text.format("9" * 5000), code: ARGPARSE}

    with pytest.raises(NoPlan, match=r"The tool needs (Python|Node) >=.*9; builds here have"):
        apart(looking._look, tree(tmp_path, files), "tool", None, looking.Wishes())


def test_neither_a_dockerfile_nor_what_it_copies_is_read_here(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("read", "Context"):
        monkeypatch.setattr(reading, name, None)  # in this process alone

    found = reading.dockerfile_of(own_dockerfile("x*"))
    files = reading.context_of(found, "Dockerfile", tree(tmp_path, {"xy": ""}).root)

    assert files.chosen == {"x*": ["xy"]}


def test_patterns_that_take_minutes_over_a_repository_are_given_up(tmp_path: Path) -> None:
    stars = [f"**{n}*a*" for n in range(4000)]
    hostile = tree(tmp_path, {f"{'a' * 60}{n}": "" for n in range(3000)})

    with pytest.raises(Endless):
        apart(reading._context, hostile.root, "Dockerfile", stars, seconds=1)


@pytest.mark.parametrize(
    "said",
    [b"missing " * 32_000, b"no " * 80_000, b"x" + b"\n" * 250_000 + b"x", b"x" + b" \n" * 120_000,
     b"could not " * 25_000, b"exec: " * 40_000, b"\n".join([b"missing " * 60] * 500)],
    ids=["one line", "short words", "empty lines", "blank lines", "could not", "exec", "lines"],
)  # fmt: skip
def test_what_a_tool_prints_is_judged_in_seconds(said: bytes) -> None:
    begun = time.process_time()

    answers(said, said, 1, "help")

    assert time.process_time() - begun < 20  # where it was read whole, minutes


def test_usage_is_seen_at_the_beginning_and_at_the_end() -> None:
    noise = b"working on it\n" * 5_000

    assert answers(b"usage: tool FILE\n" + noise, b"", 1, None)
    assert answers(noise + b"usage: tool FILE\n", b"", 1, None)
    assert not answers(noise, b"", 1, None)
