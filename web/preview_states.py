"""Which state of a preview may follow which: a build that ends where building would begin."""

from collections.abc import Mapping

WAITING = frozenset({"queued"})
PHASES = frozenset({"cloning", "detecting"})
ACTIVE = frozenset({"leased"}) | PHASES
TERMINAL = frozenset({"succeeded", "failed", "timed_out", "cancelled", "lost"})
ALL = WAITING | ACTIVE | TERMINAL

_AFTER_ACTIVE = TERMINAL | {"queued"}

NEXT: Mapping[str, frozenset[str]] = {
    "queued": frozenset({"leased", "cancelled"}),
    "leased": PHASES | _AFTER_ACTIVE,
    **{phase: (PHASES - {phase}) | _AFTER_ACTIVE for phase in PHASES},
    **{state: frozenset() for state in TERMINAL},
}

STATE_OF_PHASE: Mapping[str, str] = {phase: phase for phase in PHASES}
