"""The scaling policy: what holds for every backlog, and what a spike does."""

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.scaling import (
    Backlog,
    Group,
    Memory,
    WebGroup,
    WebLoad,
    WebMemory,
    decide,
    decide_web,
    launches_fail,
    may_go,
    mean_seconds,
    startable,
    wanted,
)

GROUPS = st.tuples(st.integers(0, 5), st.integers(0, 60), st.floats(1, 600)).map(
    lambda t: Group(t[0], t[0] + t[1], target_wait=t[2])
)
BACKLOGS = st.builds(
    Backlog,
    queued=st.integers(0, 100_000),
    running=st.integers(0, 5000),
    mean_seconds=st.floats(0, 3600),
    slots=st.integers(1, 16),
)


def changes_of_direction(counts: list[int]) -> int:
    steps = [after - before for before, after in itertools.pairwise(counts)]
    ways = [step > 0 for step in steps if step]
    return sum(one != other for one, other in itertools.pairwise(ways))


def test_the_formula_of_the_design() -> None:
    group = Group(0, 100, target_wait=30)

    assert wanted([Backlog(200, 0, 30, slots=4)], group) == 50
    assert wanted([Backlog(200, 8, 15, slots=4)], group) == 27
    assert wanted([Backlog(0, 0, 10)], group) == 0
    assert wanted([Backlog(1, 0, 0.001)], group) == 1
    assert wanted([Backlog(3, 0, 30, slots=2), Backlog(1, 0, 30, slots=1)], group) == 3


@given(GROUPS, BACKLOGS, st.integers(0, 200), st.integers(0, 200))
def test_never_above_the_maximum_nor_below_the_minimum_or_the_busy(
    group: Group, backlog: Backlog, busy: int, present: int
) -> None:
    desired = decide(group, [backlog], busy=busy, present=present, now=0).desired

    assert group.minimum <= desired <= group.maximum
    assert desired >= min(busy, group.maximum)


def test_workers_that_hold_a_job_count_although_their_slots_are_half_free() -> None:
    group = Group(0, 10)
    made = decide(group, [Backlog(0, 4, 10, slots=4)], busy=4, present=0, now=0)

    assert (made.wanted, made.desired) == (1, 4)


@given(GROUPS, BACKLOGS, st.integers(0, 1000), st.integers(0, 50))
def test_more_backlog_never_asks_for_fewer(
    group: Group, backlog: Backlog, more: int, running: int
) -> None:
    bigger = Backlog(
        backlog.queued + more, backlog.running + running, backlog.mean_seconds, backlog.slots
    )

    assert wanted([bigger], group) >= wanted([backlog], group)
    assert (
        decide(group, [bigger], busy=0, present=3, now=0).desired
        >= decide(group, [backlog], busy=0, present=3, now=0).desired
    )


@given(GROUPS, BACKLOGS, st.integers(0, 60))
def test_a_constant_load_never_flaps(group: Group, backlog: Backlog, present: int) -> None:
    memory: Memory = ()
    counts = [present]
    for step in range(40):
        made = decide(group, [backlog], busy=0, present=counts[-1], now=step * 10.0, memory=memory)
        memory = made.memory
        counts.append(made.desired)

    assert changes_of_direction(counts[1:]) == 0
    assert counts[-1] == counts[-5]


def test_noise_around_a_limit_does_not_flap() -> None:
    group, memory, counts = Group(0, 20, hold=60), (), []
    noise = random.Random(7)
    for step in range(200):
        backlog = Backlog(noise.choice([28, 31]), 0, 1.0)
        made = decide(group, [backlog], busy=0, present=1, now=step * 10.0, memory=memory)
        memory = made.memory
        counts.append(made.desired)

    assert changes_of_direction(counts) <= 1


def test_a_spike_is_met_at_once_and_left_once() -> None:
    group, memory, counts = Group(0, 50, target_wait=30, hold=60), (), []
    for step, queued in enumerate([0, 0, 200, 150, 80, 20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]):
        made = decide(
            group, [Backlog(queued, 0, 30, 4)], busy=0, present=0, now=step * 10.0, memory=memory
        )
        memory = made.memory
        counts.append(made.desired)

    assert counts[2] == 50
    assert counts[3:8] == [50] * 5, "in only after the hold"
    assert counts[-1] == 0
    assert changes_of_direction(counts) == 1


def test_a_look_that_comes_late_ends_nobody_at_once() -> None:
    group, memory, counts = Group(0, 10, target_wait=10, hold=60), (), []
    for now, queued in ((0.0, 5), (100.0, 0), (110.0, 0)):
        made = decide(group, [Backlog(queued, 0, 10)], busy=0, present=0, now=now, memory=memory)
        memory = made.memory
        counts.append(made.desired)

    assert counts == [5, 5, 0]


def test_whoever_starts_to_look_in_the_middle_ends_nobody_at_once() -> None:
    group = Group(0, 10, hold=60)
    first = decide(group, [Backlog(0, 0, 10)], busy=0, present=7, now=0)
    later = decide(group, [Backlog(0, 0, 10)], busy=0, present=7, now=61, memory=first.memory)

    assert (first.desired, later.desired) == (7, 0)


@pytest.mark.parametrize("seed", range(10))
def test_no_schedule_ends_a_busy_worker(seed: int) -> None:
    """A hundred random schedules for each seed: jobs come and end, workers start and go."""
    for schedule in range(100):
        chance = random.Random(seed * 1000 + schedule)
        group = Group(chance.randint(0, 2), chance.randint(2, 8), hold=chance.choice([0.1, 20, 60]))
        slots = chance.randint(1, 3)
        workers: dict[str, int] = {}
        queued, born, memory = 0, 0, ()
        for step in range(60):
            queued += chance.choice([0, 0, 0, 1, 5, 30])
            for name in workers:
                workers[name] -= sum(chance.random() < 0.4 for _ in range(workers[name]))
                take = min(queued, slots - workers[name])
                workers[name] += take
                queued -= take
            busy = {name for name, jobs in workers.items() if jobs}
            made = decide(
                group,
                [Backlog(queued, sum(workers.values()), 20, slots)],
                busy=len(busy),
                present=len(workers),
                now=step * 10.0,
                memory=memory,
            )
            memory = made.memory
            assert made.desired <= group.maximum
            idle = [name for name in workers if name not in busy]
            for name in may_go(idle, present=len(workers), desired=made.desired):
                assert workers.pop(name) == 0
            assert len(workers) >= min(made.desired, len(busy) + len(idle))
            while len(workers) < made.desired:
                born += 1
                workers[f"w{born}"] = 0


def test_an_account_at_its_limit_asks_for_no_more_workers() -> None:
    group = Group(0, 50, target_wait=30)
    helped = startable(200, 1, 4, mean_seconds=10, target_wait=30)

    assert wanted([Backlog(helped, 1, 10)], group) == 4
    assert startable(2, 0, 4, mean_seconds=10, target_wait=30) == 2
    assert startable(9, 4, 4, mean_seconds=10, target_wait=30) == 0


def test_long_running_jobs_are_believed_before_they_end() -> None:
    assert mean_seconds([], [], 10) == 10
    assert mean_seconds([1.0] * 99, [], 1) == 1
    assert mean_seconds([], [600.0] * 9, 10) == pytest.approx(541)
    assert mean_seconds([10.0] * 9, [1.0] * 50, 10) == 10, "young ones say nothing yet"


def test_five_failed_launches_in_ten_minutes_are_enough() -> None:
    assert launches_fail([0, 100, 200, 300, 400], 500)
    assert not launches_fail([0, 100, 200, 300], 500)
    assert not launches_fail([0, 100, 200, 300, 400], 600)


def follow_web(
    loads: list[WebLoad], *, present: int = 2, group: WebGroup | None = None
) -> list[int]:
    group = group or WebGroup()
    memory, counts = WebMemory(), [present]
    for step, load in enumerate(loads):
        n, memory = decide_web(group, load, present=counts[-1], now=step * 30.0, memory=memory)
        counts.append(n)
    return counts


def test_slow_answers_bring_servers_and_few_requests_let_them_go() -> None:
    counts = follow_web([WebLoad(3000, 1.0)] * 20 + [WebLoad(100, 0.02)] * 300)

    assert max(counts) == 10
    assert counts[-1] == 2
    assert changes_of_direction(counts) == 1


def test_slow_answers_at_few_requests_never_let_one_go() -> None:
    counts = follow_web([WebLoad(10, 2.0)] * 100)

    assert counts == sorted(counts)


def test_quick_answers_to_many_requests_change_nothing() -> None:
    """The original's contradiction: many requests asked for more while quick answers asked for fewer."""
    assert set(follow_web([WebLoad(3000, 0.005)] * 200, present=5)) == {5}


def test_it_does_not_go_back_to_what_was_too_few() -> None:
    """Four servers are slow, six are not: without its memory it would go in and out for ever."""
    group, memory, counts = WebGroup(requests_per_server=6000, hold=60), WebMemory(), [2]
    for step in range(100):
        slow = 1.0 if counts[-1] < 5 else 0.1
        n, memory = decide_web(
            group, WebLoad(2000, slow), present=counts[-1], now=step * 30.0, memory=memory
        )
        counts.append(n)

    assert changes_of_direction(counts) <= 1
    assert counts[-1] >= 5


@given(st.integers(0, 30), st.floats(0, 1e5), st.floats(0, 60), st.floats(0, 1e5), st.booleans())
def test_web_stays_within_its_bounds(
    present: int, requests: float, seconds: float, now: float, calm: bool
) -> None:
    memory = WebMemory(calm_since=0.0 if calm else None)
    n, _ = decide_web(
        WebGroup(), WebLoad(requests, seconds), present=present, now=now, memory=memory
    )

    assert 2 <= n <= 10
