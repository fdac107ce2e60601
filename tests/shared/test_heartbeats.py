"""What a worker hears of its lease, and what it makes of silence."""

from typing import cast

import pytest

from shared.control import Control, Unavailable
from shared.heartbeats import SILENCE_SECONDS, Heartbeats
from shared.work import Directive, Kind, Lease

LEASE = Lease(
    id="run_1", fence=1, attempt="a", token="t", lease_seconds=45, heartbeat_seconds=10,
    account="acc_1",
)  # fmt: skip


class Web:
    """Answers heartbeats with `directive`, or not at all; time passes by `now`."""

    def __init__(self) -> None:
        self.directive: str | None = "continue"
        self.now = 1000.0

    def heartbeat(self, kind: Kind, lease: Lease) -> Directive:
        if self.directive is None:
            raise Unavailable("away")
        return Directive.model_validate({"directive": self.directive})


class Heard:
    def __init__(self, web: Web) -> None:
        self.directives: list[str] = []
        self.held: list[float] = []
        self.heart = Heartbeats(
            "run", LEASE, cast(Control, web), self.directives.append,
            silence_seconds=SILENCE_SECONDS, clock=lambda: web.now, held=self.held.append,
        )  # fmt: skip


@pytest.fixture
def web() -> Web:
    return Web()


@pytest.fixture
def heard(web: Web) -> Heard:
    return Heard(web)


def test_an_answer_renews_the_lease(web: Web, heard: Heard) -> None:
    web.now += 10
    assert heard.heart.beat()
    assert (heard.directives, heard.held) == ([], [1010.0])


@pytest.mark.parametrize(("directive", "held"), [("cancel", [1000.0]), ("lost", [])])
def test_a_directive_is_heard_and_a_lost_lease_is_not_renewed(
    web: Web, heard: Heard, directive: str, held: list[float]
) -> None:
    web.directive = directive
    assert heard.heart.beat()
    assert (heard.directives, heard.held) == ([directive], held)


def test_a_silence_is_borne_for_a_while_then_the_lease_counts_as_lost(
    web: Web, heard: Heard
) -> None:
    web.directive = None
    web.now += 600 + 240  # the longest outage, and a web that comes back slowly
    assert not heard.heart.beat()
    assert (heard.directives, heard.held) == ([], [1840.0])
    web.now += 61
    assert not heard.heart.beat()
    assert heard.directives == ["lost"]


def test_an_answer_ends_a_silence(web: Web, heard: Heard) -> None:
    web.now += 500
    heard.heart.beat()
    web.directive = None
    web.now += 500
    heard.heart.beat()
    assert heard.directives == []


def test_with_a_result_in_hand_silence_ends_nothing(web: Web, heard: Heard) -> None:
    heard.heart.bear_silence()
    web.directive = None
    web.now += 10_000
    heard.heart.beat()
    assert heard.directives == []
