"""Strangers' texts are read in a process of its own, which is ended when it comes to no end.

A pattern can take hours over a text that was made for it, and holds the interpreter all the while:
in our own process no thread would send another heartbeat, and every build would be lost with it.
"""

import multiprocessing
import os
import resource
import sys
import threading
import time
import traceback
from collections.abc import Callable
from multiprocessing import forkserver
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from builder_service.detect.finding import NoPlan
from builder_service.failures import BuildFailed

SECONDS = 20
"""Of the processor, so that a busy machine ends nobody's reading."""
_PATIENCE = 10
"""So many times as long may pass by the clock."""
_MEMORY = 2 << 30
_LOOK_SECONDS = 0.2
_READERS = [
    "builder_service.looking",
    "builder_service.forms",
    "builder_service.own_dockerfile.reading",
]

T = TypeVar("T")

# Its server is a process without threads, which forks a reader in milliseconds; begun at the first use.
_context = multiprocessing.get_context("forkserver")
_context.set_forkserver_preload(_READERS)
_beginning = threading.Lock()


class Endless(BuildFailed):
    """The text was not read to its end in time."""


def begin() -> None:
    """Let the readers' server load what it needs, while something else is waited for."""
    with _beginning:
        forkserver.ensure_running()


def apart(
    function: Callable[..., T],
    *arguments: object,
    seconds: int = SECONDS,
    check: Callable[[], None] = lambda: None,
) -> T:
    """What `function` gives or raises; raises `Endless`, or what `check` raises meanwhile."""
    ours, theirs = _context.Pipe(duplex=False)
    reader = _context.Process(
        target=_read, args=(theirs, seconds, function, arguments), daemon=True
    )
    with ours:
        try:
            with _beginning, theirs:
                reader.start()
            good, answer = _answer(ours, seconds, check)
        finally:
            if reader.pid is not None:
                reader.kill()
                reader.join()
    if not good:
        raise answer
    found: T = answer
    return found


def _answer(ours: Connection, seconds: int, check: Callable[[], None]) -> tuple[bool, Any]:
    until = time.monotonic() + seconds * _PATIENCE
    while not ours.poll(_LOOK_SECONDS):
        check()
        if time.monotonic() > until:
            break
    else:
        try:
            good, answer = ours.recv()
            return bool(good), answer
        except EOFError:  # ended by the limit of its time or memory
            pass
    raise Endless(
        f"The repository's files could not be read within {seconds} s and 2 GiB: one of them seems to "
        "be made for that. Say what to build in a toolyard.yaml, or leave that file out."
    )


def _read(theirs: Connection, seconds: int, function: Callable[..., T], arguments: Any) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))
    resource.setrlimit(resource.RLIMIT_AS, (_MEMORY, _MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.nice(5)
    sys.set_int_max_str_digits(0)  # a version may be a number of any length: the limits above hold
    try:
        told: tuple[bool, object] = (True, function(*arguments))
    except (NoPlan, BuildFailed) as refusal:
        told = (False, refusal)
    except MemoryError:
        return
    except Exception as error:  # ours; not every exception can be sent
        told = (False, RuntimeError("".join(traceback.format_exception(error))))
    theirs.send(told)
