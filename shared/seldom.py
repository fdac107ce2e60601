"""What is seen again and again and told once in a while."""

import time


class Seldom:
    """True at most once in so many seconds, the first time at once."""

    def __init__(self, seconds: float = 60.0) -> None:
        self._seconds = seconds
        self._next = float("-inf")

    def __call__(self) -> bool:
        now = time.monotonic()
        if now < self._next:
            return False
        self._next = now + self._seconds
        return True
