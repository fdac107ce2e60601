"""Which state of a build may follow which (DESIGN 4)."""

from collections.abc import Mapping

WAITING = frozenset({"queued"})
PHASES = frozenset({"cloning", "detecting", "building", "smoking", "publishing"})
ACTIVE = frozenset({"leased"}) | PHASES
TERMINAL = frozenset({"succeeded", "failed", "timed_out", "cancelled", "lost"})
ALL = WAITING | ACTIVE | TERMINAL

_AFTER_ACTIVE = TERMINAL | {"queued"}

# Phases go forwards and backwards: the next plan builds again after a failed smoke test, and a
# worker's successor on the same host begins again at the clone under the same lease.
NEXT: Mapping[str, frozenset[str]] = {
    "queued": frozenset({"leased", "cancelled"}),
    "leased": PHASES | _AFTER_ACTIVE,
    **{phase: (PHASES - {phase}) | _AFTER_ACTIVE for phase in PHASES},
    **{state: frozenset() for state in TERMINAL},
}

STATE_OF_PHASE: Mapping[str, str] = {phase: phase for phase in PHASES}


def may_follow(before: str, after: str) -> bool:
    """Whether a build in state `before` may move to state `after`."""
    return after in NEXT[before]
