"""So many live streams at once, because each holds a thread; shared out when there are too few."""

import threading
from collections import Counter

from web.refusals import Busy


class Place:
    """One stream's; `is_given_up` once somebody else has it."""

    def __init__(self, caller: str) -> None:
        self.caller = caller
        self._given_up = False

    def give_up(self) -> None:
        self._given_up = True

    def is_given_up(self) -> bool:
        return self._given_up


class Gate:
    """When all places are taken, whoever has most of them gives one to whoever has fewer."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._leaving_at_most = most // 4
        self._lock = threading.Lock()
        self._taken: list[Place] = []
        self._leaving: list[Place] = []

    def enter(self, caller: str) -> Place:
        """A place for an account or address; call `leave` with it when the stream has ended."""
        with self._lock:
            if len(self._taken) >= self._most:
                self._make_room(caller)
            place = Place(caller)
            self._taken.append(place)
            return place

    def leave(self, place: Place) -> None:
        with self._lock:
            for places in (self._taken, self._leaving):
                if place in places:
                    places.remove(place)

    def _make_room(self, caller: str) -> None:
        has = Counter(place.caller for place in self._taken)
        richest, most = has.most_common(1)[0]
        # A stream that nobody reads holds its thread on: not too many may be on their way out.
        if most <= has[caller] + 1 or len(self._leaving) >= self._leaving_at_most:
            raise Busy("Too many live streams are open. Try again soon.", retry_after=5)
        oldest = next(place for place in self._taken if place.caller == richest)
        self._taken.remove(oldest)
        self._leaving.append(oldest)
        oldest.give_up()
