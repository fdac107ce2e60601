"""The simulator, the two policies on the same days, and what it all costs."""

import json
from pathlib import Path

import pytest

from load_tests import compare, costs, traces
from load_tests.simulator import Delays, Ours, Seen, simulate
from shared.scaling import Group

INSTANT = Delays(boot=0, evaluate=1, metrics=0, billed=0)


class Fixed:
    """A policy that never changes its mind."""

    def __init__(self, count: int) -> None:
        self.count = count

    def desired(self, seen: Seen, *, busy: int, present: int, now: float) -> int:
        return self.count


def test_runs_wait_for_a_free_slot_in_the_order_they_came() -> None:
    outcome = simulate([0, 0, 0, 0], [10, 10, 10, 10], Fixed(1), slots=2, first=1, delays=INSTANT)

    assert list(outcome.waits) == [0, 0, 10, 10]
    assert outcome.mean_completion == 15
    assert outcome.worker_seconds == 20


def test_a_machine_is_paid_from_its_launch_and_works_after_its_boot() -> None:
    delays = Delays(boot=90, evaluate=30, metrics=0, billed=60)
    outcome = simulate([0.0], [10], Ours(Group(0, 5, 30, 60), 1), slots=1, delays=delays)

    assert list(outcome.waits) == [90]
    assert outcome.worker_seconds == 100


def test_figures_are_as_old_as_their_period() -> None:
    """The run comes just after a look: the next decision still sees nothing."""
    delays = Delays(boot=0, evaluate=30, metrics=60, billed=0)
    outcome = simulate([1.0], [10], Ours(Group(0, 5, 30, 60), 1), slots=1, delays=delays)

    assert list(outcome.waits) == [59]


def test_time_over_target_counts_each_second_once() -> None:
    outcome = simulate([0, 1, 2], [100, 100, 100], Fixed(1), slots=1, first=1, delays=INSTANT)

    assert [round(wait) for wait in outcome.waits] == [0, 99, 198]
    assert round(outcome.seconds_over(50)) == 49 + 100


def test_no_busy_worker_is_ended_under_either_policy() -> None:
    pair = compare.workers(traces.traces()[0])

    assert pair.ours.busy_ended == pair.original.busy_ended == 0
    assert pair.ours.samples[-1].running == compare.GROUP.minimum


@pytest.mark.parametrize("trace", traces.traces(), ids=lambda trace: trace.name)
def test_a_fifth_of_the_time_over_target_at_no_more_instance_hours(trace: traces.Trace) -> None:
    pair = compare.workers(trace)
    over, before = (one.seconds_over(compare.TARGET) for one in (pair.ours, pair.original))

    assert before > 0, "the original policy is late on this day, or there is nothing to compare"
    assert over <= before / 5
    assert pair.ours.worker_hours <= pair.original.worker_hours


def test_beyond_ten_workers_it_costs_more_and_the_original_is_late_all_day() -> None:
    """The honest exception: who serves more than the original can must have more machines."""
    pair = compare.workers(traces.beyond())

    assert pair.ours.seconds_over(compare.TARGET) < 120
    assert pair.original.seconds_over(compare.TARGET) > 10 * 3600
    assert 1 < pair.ours.worker_hours / pair.original.worker_hours < 1.15


def test_web_does_not_go_to_and_fro() -> None:
    ours, original = compare.web()

    assert ours.changes_of_direction() <= 1 < original.changes_of_direction()
    assert ours.server_seconds < original.server_seconds / 2
    assert ours.seconds_over(compare.WEB_TARGET) < 600, "the storm lasts ten minutes"


def test_ten_thousand_workers_and_many_runs() -> None:
    """`make simulate` plays 1,000,000 runs; here are fewer, to the same height."""
    trace = traces.large(150_000, 10_000, compare.SLOTS)
    outcome = simulate(
        trace.arrivals,
        trace.services,
        Ours(Group(0, 10_000, 90, 60), compare.SLOTS),
        slots=compare.SLOTS,
    )

    assert len(outcome.waits) == 150_000
    assert 5000 < outcome.most <= 10_000
    assert outcome.busy_ended == 0


def test_costs_follow_the_readers_prices(tmp_path: Path) -> None:
    mine = tmp_path / "prices.json"
    listed = json.loads(costs.PRICES.read_text())
    mine.write_text(json.dumps({**listed, "t3_large_hour": 2 * listed["t3_large_hour"]}))
    run = costs.RunShape()
    cheap, dear = (costs.thousand_runs(costs.prices(path), run) for path in (costs.PRICES, mine))

    assert dear["runners"] > 1.9 * cheap["runners"]
    assert dear["messages"] == cheap["messages"]
    assert costs.idle_month(costs.prices(), costs.Installation())["runners and builders"] == 0
