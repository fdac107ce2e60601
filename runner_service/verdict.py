"""What a run's end means: state, exit code, signal and a sentence; pure."""

import re
from dataclasses import dataclass
from typing import Literal

from shared.containers import Exit
from shared.plan import Network
from shared.work import Limits

Stopped = Literal["cancelled", "timed_out"]
"""Why we stopped the program; a program that ended by itself first was not stopped."""

# Signals that end programs. 128+n of the others is taken for an exit code: git, for one, exits 129.
_ENDING_SIGNALS = frozenset({2, 4, 5, 6, 7, 8, 9, 11, 13, 14, 15, 24, 25, 31})

_FILE_TOO_LARGE = 25

_WANTED_NETWORK = re.compile(
    rb"name resolution|name or service not known|could not resolve|getaddrinfo|EAI_AGAIN|ENOTFOUND"
    rb"|network is unreachable|ENETUNREACH|no route to host|EHOSTUNREACH|nodename nor servname"
    rb"|no such host|unknownhostexception|unable to resolve host|failed to establish a new connection"
    rb"|could not connect to (?:server|host)|ECONNREFUSED|connection refused|connection timed out"
    rb"|failed to lookup address|no address associated with hostname",
    re.IGNORECASE,
)
_DISK_FULL = re.compile(rb"no space left on device|ENOSPC|disk quota exceeded", re.IGNORECASE)


@dataclass(frozen=True)
class Verdict:
    """The part of a run's report that says how its program ended."""

    state: Literal["succeeded", "failed", "timed_out", "cancelled"]
    exit_code: int | None
    signal: int | None
    oom: bool
    reason: str


def judge(
    ended: Exit, stopped: Stopped | None, limits: Limits, network: Network, tail: bytes
) -> Verdict:
    """`tail` is the last of standard error and output, looked at for the usual complaints."""
    signal = _signal(ended.exit_code)
    exit_code = None if signal else ended.exit_code
    if stopped == "timed_out":
        reason = f"ended by the time limit of {limits.wall_seconds} s"
        return Verdict("timed_out", exit_code, signal, ended.oom, reason)
    if stopped == "cancelled":
        return Verdict("cancelled", exit_code, signal, ended.oom, "cancelled on request")
    memory = f"out of memory: limit {_size(limits.memory_bytes)}"
    if signal:
        because = f" ({memory})" if ended.oom else ""
        if signal == _FILE_TOO_LARGE:
            because = f" (a file grew above the limit of {_size(limits.disk_bytes)})"
        reason = f"killed by signal {signal}{because}"
        return Verdict("failed", None, signal, ended.oom, reason)
    if ended.exit_code == 0:
        return Verdict("succeeded", 0, None, ended.oom, "")
    reason = f"a process of it was killed ({memory})" if ended.oom else _hint(network, limits, tail)
    return Verdict("failed", ended.exit_code, None, ended.oom, reason)


def _hint(network: Network, limits: Limits, tail: bytes) -> str:
    if network.mode != "internet" and _WANTED_NETWORK.search(tail):
        return _network_hint(network)
    if _DISK_FULL.search(tail):
        return (
            f"its working folder or /tmp was full; the working folder holds "
            f"{_size(limits.disk_bytes)}, inputs and outputs together"
        )
    return ""


def _network_hint(network: Network) -> str:
    if network.mode == "off":
        had = "it seems to have wanted the network, which is off for this run"
    else:
        hosts = ", ".join(network.hosts)
        had = f"it seems to have wanted a host that this run may not reach (allowed: {hosts})"
    return (
        f"{had}; if the tool allows it, run again with the network on, else ask the tool's owner "
        "to allow it (edit tool, Network)"
    )


def _signal(exit_code: int) -> int | None:
    signal = exit_code - 128
    return signal if signal in _ENDING_SIGNALS else None


def _size(count: int) -> str:
    for unit, name in ((1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")):
        if count >= unit:
            return f"{count / unit:.3g} {name}"
    return f"{count} B"
