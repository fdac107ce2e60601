"""Every pair of states, written out a second time from DESIGN 4."""

from itertools import product

import pytest

from web import build_states, run_states

ENDINGS = "succeeded failed timed_out cancelled"
RUN = {
    "accepted": "waiting_build queued cancelled",
    "waiting_build": "queued failed cancelled",
    "queued": "leased waiting_build cancelled",
    "leased": f"running finalizing {ENDINGS} queued waiting_build lost",
    "running": f"finalizing {ENDINGS} queued waiting_build lost",
    "finalizing": f"{ENDINGS} queued waiting_build lost",
    **dict.fromkeys([*ENDINGS.split(), "lost"], ""),
}
PHASES = ["cloning", "detecting", "building", "smoking", "publishing"]
BUILD = {
    "queued": "leased cancelled",
    "leased": " ".join([*PHASES, ENDINGS, "queued lost"]),
    **{
        phase: " ".join([*(other for other in PHASES if other != phase), ENDINGS, "queued lost"])
        for phase in PHASES
    },
    **dict.fromkeys([*ENDINGS.split(), "lost"], ""),
}


@pytest.mark.parametrize(("before", "after"), list(product(RUN, RUN)))
def test_runs_move_only_as_designed(before: str, after: str) -> None:
    assert run_states.may_follow(before, after) == (after in RUN[before].split())


@pytest.mark.parametrize(("before", "after"), list(product(BUILD, BUILD)))
def test_builds_move_only_as_designed(before: str, after: str) -> None:
    assert build_states.may_follow(before, after) == (after in BUILD[before].split())


def test_every_state_is_waiting_active_or_terminal_and_only_one_of_them() -> None:
    for states, table in ((run_states, RUN), (build_states, BUILD)):
        groups = [states.WAITING, states.ACTIVE, states.TERMINAL]
        assert sum(len(group) for group in groups) == len(table)
        assert set().union(*groups) == set(table) == set(states.NEXT)


def test_every_phase_that_workers_report_is_an_active_state() -> None:
    assert set(run_states.STATE_OF_PHASE.values()) <= run_states.ACTIVE
    assert set(build_states.STATE_OF_PHASE.values()) <= build_states.ACTIVE
