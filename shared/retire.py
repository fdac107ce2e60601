"""A worker that is one too many is asked to go (SIGUSR1); it goes only if it has nothing to do.

The worker itself decides: whoever asks cannot know what it has claimed a moment ago.
"""

import signal
import threading
from collections.abc import Callable
from types import FrameType

SIGNAL = signal.SIGUSR1


def on_request(leave_if_idle: Callable[[], None]) -> None:
    """Call it in the main thread; before, the signal ends the process, which has claimed nothing yet."""

    def asked(number: int, frame: FrameType | None) -> None:
        # A thread: the main one may hold a lock at this moment.
        threading.Thread(target=leave_if_idle, name="retire", daemon=True).start()

    signal.signal(SIGNAL, asked)
