"""A loop that looks again and again outlives what goes wrong, and ends when it is told to."""

import threading

from structlog.testing import capture_logs

from shared.periodic import Periodic


class Away(Exception):
    """What is looked at does not answer."""


class Looks(Periodic):
    """Fails in a known way, then in an unknown one, then looks well and is stopped."""

    expected = (Away,)

    def __init__(self) -> None:
        super().__init__(0.001)
        self.troubles: list[Exception] = [Away("for a while"), ValueError("of ours")]
        self.looked = 0

    def once(self) -> None:
        if self.troubles:
            raise self.troubles.pop(0)
        self.looked += 1
        self.stop()


def test_a_look_that_fails_is_told_and_the_next_one_comes() -> None:
    loop = Looks()
    thread = threading.Thread(target=loop.run)
    with capture_logs() as told:
        thread.start()
        thread.join(10)

    assert not thread.is_alive()
    assert loop.looked == 1
    assert [(line["event"], line["of"]) for line in told] == [
        ("look_postponed", "Looks"),
        ("look_failed", "Looks"),
    ]


class Hourly(Periodic):
    """Looks once."""

    def once(self) -> None:
        self.stop()


def test_the_first_look_waits_for_no_whole_period() -> None:
    """Whoever is started anew before a period is over would never look otherwise."""
    loop = Hourly(10)
    thread = threading.Thread(target=loop.run)
    thread.start()
    thread.join(5)
    looked = not thread.is_alive()
    loop.stop()
    thread.join()
    assert looked
