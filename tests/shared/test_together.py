"""The small loops end together."""

import threading

from shared.together import Together


class Loop:
    def __init__(self, *, breaks: bool = False) -> None:
        self._stop = threading.Event()
        self._breaks = breaks
        self.ended = False

    def run(self) -> None:
        if self._breaks:
            raise RuntimeError("broken")
        assert self._stop.wait(10)
        self.ended = True

    def stop(self) -> None:
        self._stop.set()


def test_all_are_drained_when_told_to_stop() -> None:
    one, two = Loop(), Loop()
    together = Together({"one": one, "two": two})
    threading.Timer(0.05, together.stop).start()
    together.run()
    assert (one.ended, two.ended, together.broken) == (True, True, [])


def test_one_that_breaks_ends_the_others_and_is_told() -> None:
    one, two = Loop(breaks=True), Loop()
    together = Together({"one": one, "two": two})
    together.run()
    assert (two.ended, together.broken) == (True, ["one"])
