"""Listeners at addresses that no sandbox may reach, in a network namespace of our own.

Only packets that come in by a bridge that was diverted find them; nothing is ever sent to the real
network, even when every rule is missing.
"""

import contextlib
import ctypes
import os
import selectors
import socket
import subprocess
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

_CLONE_NEWNET = 0x40000000
_HOST_SIDE = "198.19.255.253"
_FAR_SIDE = "198.19.255.254"
_PREFERENCE = "90"
"""Before the main routing table, after the host's own addresses."""

Protocol = Literal["tcp", "udp"]


class CanariesUnavailable(Exception):
    """The canaries cannot be planted; the text says why."""


@dataclass(frozen=True)
class Target:
    """A place to try: what it stands for, where it is, and whether a sandbox may reach it."""

    name: str
    address: str
    port: int
    protocol: Protocol = "tcp"
    open: bool = False

    @property
    def where(self) -> str:
        return f"{self.protocol}:{self.address}:{self.port}"


def _ip(*argv: str) -> str:
    try:
        done = subprocess.run(["ip", *argv], capture_output=True, text=True, check=False)
    except OSError as error:
        raise CanariesUnavailable("ip is missing: install the package iproute2.") from error
    if done.returncode:
        raise CanariesUnavailable(f"ip {' '.join(argv[:3])}: {done.stderr.strip()}")
    return done.stdout


class Listeners:
    """Answers each connection with a word that only a canary of ours knows."""

    def __init__(self, word: str) -> None:
        self._word = word.encode()
        self._selector = selectors.DefaultSelector()
        self._closing, self._wake = os.pipe()
        self._selector.register(self._closing, selectors.EVENT_READ)
        self._thread = threading.Thread(target=self._answer, name="canaries", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def listen(self, address: str, port: int, protocol: Protocol = "tcp") -> int:
        """Listen in the calling thread's network namespace; the port (0: any that is free)."""
        kind = socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM
        listener = socket.socket(socket.AF_INET, kind)
        listener.setblocking(False)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((address, port))
        if protocol == "tcp":
            listener.listen(64)
        self._selector.register(listener, selectors.EVENT_READ, protocol)
        return int(listener.getsockname()[1])

    def _answer(self) -> None:
        while True:
            for key, _ in self._selector.select():
                if key.fileobj == self._closing:
                    return
                with contextlib.suppress(OSError):
                    self._answer_one(key.fileobj, key.data)

    def _answer_one(self, listener: Any, protocol: Protocol) -> None:
        if protocol == "udp":
            _, sender = listener.recvfrom(512)
            listener.sendto(self._word, sender)
            return
        connection, _ = listener.accept()
        with connection:
            connection.sendall(self._word)

    def close(self) -> None:
        os.write(self._wake, b".")
        if self._thread.is_alive():
            self._thread.join()
        for key in list(self._selector.get_map().values()):
            if key.fileobj != self._closing:
                key.fileobj.close()  # type: ignore[union-attr]
        self._selector.close()
        os.close(self._closing)
        os.close(self._wake)


def _inside(namespace: Path, work: Callable[[], None]) -> None:
    """Do `work` in a thread that has entered this network namespace; sockets made there stay in it."""
    failures: list[BaseException] = []

    def enter() -> None:
        try:
            libc = ctypes.CDLL(None, use_errno=True)
            with namespace.open("rb") as file:
                if libc.setns(file.fileno(), _CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns failed")
            work()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=enter)
    thread.start()
    thread.join()
    if failures:
        raise CanariesUnavailable(f"A canary could not listen: {failures[0]}") from failures[0]


class Canaries:
    """The namespace outside, the wire to it, and who is diverted into it."""

    host_address = _HOST_SIDE
    """An address of the host itself that is not the sandbox's gateway."""

    def __init__(self, installation: str, listeners: Listeners) -> None:
        self._namespace = f"tyd{installation}"
        self._wire = f"tyd{installation}"
        self._table = str(20_000 + int.from_bytes(installation.encode(), "big") % 10_000)
        self._listeners = listeners

    def plant(self, targets: Iterable[Target]) -> None:
        """Make the namespace, its addresses and the routes to them."""
        self.remove()
        wanted = list(targets)
        inside = ("-n", self._namespace)
        _ip("netns", "add", self._namespace)
        _ip(
            *("link", "add", self._wire, "type", "veth"),
            *("peer", "name", "eth0", "netns", self._namespace),
        )
        _ip("addr", "add", f"{_HOST_SIDE}/30", "dev", self._wire)
        # loose: answers carry addresses that the host's main table sends elsewhere
        Path(f"/proc/sys/net/ipv4/conf/{self._wire}/rp_filter").write_text("2")
        _ip("link", "set", self._wire, "up")
        _ip(*inside, "addr", "add", f"{_FAR_SIDE}/30", "dev", "eth0")
        _ip(*inside, "link", "set", "eth0", "up")
        _ip(*inside, "link", "set", "lo", "up")
        _ip(*inside, "route", "add", "default", "via", _HOST_SIDE)
        # whatever has no route of its own here goes nowhere, instead of to the real network
        _ip("route", "replace", "unreachable", "default", "table", self._table)
        for address in sorted({target.address for target in wanted}):
            _ip(*inside, "addr", "add", f"{address}/32", "dev", "lo")
            _ip(
                *("route", "replace", f"{address}/32", "via", _FAR_SIDE),
                *("dev", self._wire, "table", self._table),
            )

        def listen() -> None:
            for address, port, protocol in sorted(
                {(each.address, each.port, each.protocol) for each in wanted}
            ):
                self._listeners.listen(address, port, protocol)

        _inside(Path("/run/netns", self._namespace), listen)

    def divert(self, bridge: str) -> None:
        """From now on packets that enter by `bridge` meet canaries or nobody."""
        _ip("rule", "add", "pref", _PREFERENCE, "iif", bridge, "lookup", self._table)

    def remove(self) -> None:
        """Take everything away; also what an earlier, killed doctor left."""
        with contextlib.suppress(CanariesUnavailable):
            while True:
                _ip("rule", "del", "pref", _PREFERENCE, "lookup", self._table)
        for argv in (
            ("route", "flush", "table", self._table),
            ("link", "del", self._wire),
            ("netns", "del", self._namespace),
        ):
            with contextlib.suppress(CanariesUnavailable):
                _ip(*argv)


def gateway(bridge: str) -> str:
    """The host's own address on a bridge."""
    fields = _ip("-o", "-4", "addr", "show", "dev", bridge).split()
    return fields[fields.index("inet") + 1].partition("/")[0]
