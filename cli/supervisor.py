"""Child processes kept alive: started in order, restarted with backoff, stopped in reverse order."""

import math
import os
import selectors
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

FIRST_BACKOFF = 0.2
LONGEST_BACKOFF = 30.0
STEADY_SECONDS = 20.0
"""A child that lived this long starts again with the shortest backoff."""


def backoff(failures: int) -> float:
    """Seconds to wait before a start that follows so many quick deaths."""
    return min(LONGEST_BACKOFF, FIRST_BACKOFF * 2.0 ** max(0, failures - 1))


@dataclass
class Child:
    """One process to keep: what it is called, how it starts, and how long it may take to stop."""

    name: str
    argv: Sequence[str]
    grace: float = 15.0
    hidden: tuple[str, ...] = ()
    """Beginnings of variables that it does not get."""
    group: str = ""
    """Those of one group drain at the same time."""
    process: "subprocess.Popen[bytes] | None" = None
    started: float = 0.0
    failures: int = 0
    start_at: float | None = None
    """When it is to be started again, or None: it runs or is not wanted."""
    asked_to_go: int = 0
    """The signal that asked it to go; it may, or go on."""
    asked_at: float = -math.inf
    rest: bytes = field(default=b"", repr=False)

    def environment(self, environ: Mapping[str, str]) -> dict[str, str]:
        """What it may know of the supervisor's environment."""
        return {name: value for name, value in environ.items() if not name.startswith(self.hidden)}


class Supervisor:
    """Runs children until told to stop; single-threaded, asleep unless something happens."""

    def __init__(self, environ: Mapping[str, str], out: BinaryIO | None = None) -> None:
        self.environ = dict(environ)
        self.told: dict[str, dict[str, str]] = {}
        """What only the children of one group are told."""
        self.children: list[Child] = []
        self.stopping = False
        self._out = out or sys.stderr.buffer
        self._selector = selectors.DefaultSelector()
        self._read, self._write = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._selector.register(self._read, selectors.EVENT_READ, None)

    def catch_signals(self) -> None:
        """TERM and INT stop everything; a child's end wakes the loop; must be called in the main thread."""
        signal.set_wakeup_fd(self._write)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._on_stop)

    def _on_stop(self, *_: object) -> None:
        if self.stopping:  # asked twice: whoever asks does not want to wait for a drain
            for child in self.children:
                self._signal(child, signal.SIGKILL)
        self.stopping = True

    def say(self, text: str) -> None:
        self._line("up", text.encode())

    def start(self, child: Child) -> None:
        """Start it and keep it."""
        if child not in self.children:
            self.children.append(child)
        child.start_at = None
        child.asked_to_go = 0
        child.started = time.monotonic()
        child.process = subprocess.Popen(
            [*_dies_with_us(), *child.argv],
            env={**child.environment(self.environ), **self.told.get(child.group or child.name, {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # Ctrl-C is ours to pass on, in order
        )
        assert child.process.stdout is not None
        os.set_blocking(child.process.stdout.fileno(), False)
        self._selector.register(child.process.stdout, selectors.EVENT_READ, child)

    def turn(self, longest: float | None = None) -> None:
        """One round: pass on output, notice the dead, start again what is due."""
        due = [c.start_at for c in self.children if c.start_at is not None]
        waits = [max(0.0, at - time.monotonic()) for at in due]
        if longest is not None:
            waits.append(longest)
        for key, _ in self._selector.select(min(waits) if waits else None):
            if key.data is None:
                _drain(self._read)
            else:
                self._pass_on(key.data)
        for child in list(self.children):
            if child.process is not None and child.process.poll() is not None:
                self._bury(child)
        if not self.stopping:
            for child in self.children:
                if child.start_at is not None and child.start_at <= time.monotonic():
                    self.start(child)

    def run(self, also: Callable[[], None] = lambda: None, every: float | None = None) -> None:
        """Keep everything alive until a signal says stop, then stop it; `also` is done again and again."""
        due = 0.0
        while not self.stopping:
            self.turn(None if every is None else max(0.0, due - time.monotonic()))
            if every is not None and time.monotonic() >= due and not self.stopping:
                also()
                due = time.monotonic() + every
        self.stop()

    def ask_to_go(self, child: Child, number: int) -> None:
        """It ends for good if it has nothing to do; else, or if it dies of anything else, it is kept."""
        child.asked_to_go, child.asked_at = number, time.monotonic()
        self._signal(child, number)

    def wait_for(self, ready: Callable[[], bool], seconds: float) -> bool:
        """Keep everything alive until `ready`; False when it took too long or a stop was asked."""
        end = time.monotonic() + seconds
        while not self.stopping and time.monotonic() < end:
            if ready():
                return True
            self.turn(0.1)
        return False

    def stop(self) -> None:
        """End the children, the last started first, each with its grace and then by KILL."""
        self.stopping = True
        for child in reversed(self.children):
            child.start_at = None
            if child.process is None:
                continue
            for peer in self.children:
                if peer is child or (child.group and peer.group == child.group):
                    self._signal(peer, signal.SIGTERM)
            end = time.monotonic() + child.grace
            while child.process is not None and time.monotonic() < end:
                self.turn(0.1)
            if child.process is not None:
                self.say(f"{child.name} did not stop within {child.grace:g} s: killed")
                self._signal(child, signal.SIGKILL)
                while child.process is not None:
                    self.turn(1.0)

    def close(self) -> None:
        """Give the loop's own descriptors back."""
        if signal.set_wakeup_fd(-1) not in (-1, self._write):
            raise RuntimeError("somebody else took over the wake-up descriptor")
        self._selector.close()
        os.close(self._read)
        os.close(self._write)

    def _bury(self, child: Child) -> None:
        assert child.process is not None and child.process.stdout is not None
        self._pass_on(child)
        if child.rest:
            self._line(child.name, child.rest)
            child.rest = b""
        if child.process.stdout in self._selector.get_map():
            self._selector.unregister(child.process.stdout)
        child.process.stdout.close()
        ended, child.process = child.process.returncode, None
        if self.stopping:
            return
        if child.asked_to_go and ended in (0, -child.asked_to_go):
            self.children.remove(child)
            self.say(f"{child.name} has gone: fewer are enough")
            return
        lived = time.monotonic() - child.started
        child.failures = 1 if lived >= STEADY_SECONDS else child.failures + 1
        wait = backoff(child.failures)
        child.start_at = time.monotonic() + wait
        how = f"signal {-ended}" if ended < 0 else f"exit code {ended}"
        self.say(f"{child.name} ended ({how}); starting it again in {wait:g} s")

    def _pass_on(self, child: Child) -> None:
        assert child.process is not None and child.process.stdout is not None
        while True:
            try:
                data = os.read(child.process.stdout.fileno(), 65536)
            except BlockingIOError:
                return
            if not data:
                # A closed pipe is always readable; the end of the process comes by its own signal.
                if child.process.stdout in self._selector.get_map():
                    self._selector.unregister(child.process.stdout)
                return
            *lines, child.rest = (child.rest + data).split(b"\n")
            for line in lines:
                self._line(child.name, line)
            if len(child.rest) > 65536:
                self._line(child.name, child.rest)
                child.rest = b""

    def _line(self, name: str, line: bytes) -> None:
        try:
            self._out.write(f"{name:<8} | ".encode() + line + b"\n")
            self._out.flush()
        except OSError:  # whoever read our output is gone; the platform goes on
            return

    def _signal(self, child: Child, number: int) -> None:
        if child.process is not None and child.process.poll() is None:
            child.process.send_signal(number)


def _dies_with_us() -> list[str]:
    """A prefix that ends a child when this process is killed outright, so that nobody stays behind."""
    setpriv = shutil.which("setpriv")
    return [setpriv, "--pdeathsig", "TERM", "--"] if setpriv else []


def _drain(descriptor: int) -> None:
    try:
        while os.read(descriptor, 4096):
            pass
    except BlockingIOError:
        return
