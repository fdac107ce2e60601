"""Which state of a run may follow which (DESIGN 4)."""

from collections.abc import Mapping

WAITING = frozenset({"accepted", "waiting_build", "queued"})
ACTIVE = frozenset({"leased", "running", "finalizing"})
TERMINAL = frozenset({"succeeded", "failed", "timed_out", "cancelled", "lost"})
ALL = WAITING | ACTIVE | TERMINAL

_LEASE_LOST = frozenset({"queued", "waiting_build", "lost"})
"""Also `waiting_build`: the image had been collected and is built again first."""
_ENDINGS = frozenset({"succeeded", "failed", "timed_out", "cancelled"})

NEXT: Mapping[str, frozenset[str]] = {
    "accepted": frozenset({"waiting_build", "queued", "cancelled"}),
    "waiting_build": frozenset({"queued", "failed", "cancelled"}),
    "queued": frozenset({"leased", "waiting_build", "cancelled"}),
    "leased": frozenset({"running", "finalizing"}) | _ENDINGS | _LEASE_LOST,
    "running": frozenset({"finalizing"}) | _ENDINGS | _LEASE_LOST,
    "finalizing": _ENDINGS | _LEASE_LOST,
    **{state: frozenset() for state in TERMINAL},
}

STATE_OF_PHASE: Mapping[str, str] = {
    "staging": "leased",
    "starting": "leased",
    "running": "running",
    "finalizing": "finalizing",
}


def may_follow(before: str, after: str) -> bool:
    """Whether a run in state `before` may move to state `after`."""
    return after in NEXT[before]
