"""Handing work to a line that is being closed."""

import threading
from concurrent.futures import Future

import pytest

from shared.amqp_line import Line


class ClosedAtOnce:
    """A lock after whose first release another thread closes the line at once."""

    def __init__(self, line: Line) -> None:
        self._line = line
        self._lock = threading.Lock()
        self._done = False

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *error: object) -> None:
        self._lock.release()
        if not self._done:
            self._done = True
            self._line.close()


def test_a_line_closed_beside_a_post_is_not_written_to() -> None:
    line = Line("amqp://127.0.0.1:1/", "test")
    line._guard = ClosedAtOnce(line)  # type: ignore[assignment]
    future: Future[int] = line.post(lambda: 1)  # no OSError of a descriptor that is gone
    try:
        assert future.result(5) == 1
    except ConnectionError as error:
        assert "closed" in str(error)
    with pytest.raises(ConnectionError, match="closed"):
        line.post(lambda: 1)
    line.close()  # again is fine
