"""What a load test showed: web out, web in, worker out, worker in, each explained with its plots; pure."""

import itertools
from collections.abc import Callable, Sequence

from load_tests import page
from load_tests.autoscaling import Load
from load_tests.calibration import Calibration
from load_tests.figures import at_share
from load_tests.measured import Look, Measured
from web import charts
from web.charts import Plot

_AROUND = 12.0
"""Seconds shown before and after what a section explains."""

Window = tuple[float, float]


def report(load: Load, found: Measured, calibration: Calibration) -> str:
    """The whole page."""
    whole = (0.0, found.end)
    parts = [
        page.paragraph(
            f"Shape {load.shape}: up to {load.users} users for {load.seconds:g} s, then silence; "
            f"runs of {load.service_seconds} s, {load.slots} slots a runner, "
            f"{load.runners} runners, {load.webs} web processes, a decision each {load.period:g} s, "
            f"target wait {load.target_wait:g} s, hold {load.hold:g} s. One machine, 127.0.0.1."
        ),
        _summary(found, calibration),
        page.heading("Everything on one clock"),
        *_figures(
            found, whole, _users, _requests, _answers, _web_processes, _workers, _backlog, _waits
        ),
        *_web(load, found),
        *_worker(load, found),
        page.heading("The same arrivals in the simulator"),
        page.paragraph(
            f"Mean completion: measured {calibration.measured_completion:.2f} s, simulated "
            f"{calibration.simulated_completion:.2f} s ({100 * calibration.error:.1f} % off); mean "
            f"wait: measured {calibration.measured_wait:.2f} s, simulated "
            f"{calibration.simulated_wait:.2f} s. The simulator is given the arrivals, how long "
            f"each run held its slot, and that a runner takes {found.boot_seconds():.1f} s to start."
        ),
        *_figures(found, whole, lambda m, w: _compared(calibration, m, w)),
    ]
    return page.page(f"Load test: {load.shape}", parts)


def _summary(found: Measured, calibration: Calibration) -> str:
    most, wanted, there = found.needed()
    waits = sorted(run.wait for run in found.runs)
    failed = sum(not request.good for request in found.requests)
    rows = [
        ("requests (failed)", f"{len(found.requests)} ({failed})", ""),
        ("runs", len(found.runs), ""),
        ("runs lost or begun again", found.lost, "0"),
        ("runners needed at most", most, ""),
        ("evaluations from needed to there", there - wanted, "≤ 2"),
        ("changes of direction, runners", found.changes_of_direction("runner"), "≤ 1 in a spike"),
        ("changes of direction, web", found.changes_of_direction("web"), ""),
        ("busy runners ended", found.left_busy, "0"),
        ("time in queue, median", f"{at_share(waits, 0.5):.2f} s", ""),
        ("time in queue, 95 %", f"{at_share(waits, 0.95):.2f} s", ""),
        ("simulator's error in completion time", f"{100 * calibration.error:.1f} %", "≤ 15 %"),
    ]
    return page.table(("", "measured", "wanted"), rows)


def _web(load: Load, found: Measured) -> list[str]:
    looks = found.samples.get("web", [])
    return [
        *_section(
            "Web out",
            _step(looks, up=True),
            lambda before, now: (
                f"At {now.at:.0f} s 95 % of the answers took up to {now.seconds:g} s, more than the "
                f"{load.slow_seconds:g} s that are allowed: web went from {before.desired} to "
                f"{now.desired} processes. Out follows response time, whatever the number of requests."
            ),
            "Answers stayed quick: no web process was added.",
            found,
            (_users, _answers, _web_processes),
        ),
        *_section(
            "Web in",
            _step(looks, up=False),
            lambda before, now: (
                f"At {now.at:.0f} s the others had long been asked so little ({now.asked:.0f} "
                f"requests a minute in all) that one could go: from {before.desired} to "
                f"{now.desired}. In follows the request count, and never while answers are slow."
            ),
            "Web had gone in already, or had never gone out.",
            found,
            (_requests, _answers, _web_processes),
        ),
    ]


def _worker(load: Load, found: Measured) -> list[str]:
    looks = found.samples.get("runner", [])
    return [
        *_section(
            "Worker out",
            _step(looks, up=True, largest=True),
            lambda before, now: (
                f"At {now.at:.0f} s {now.queued} run{'s' * (now.queued != 1)} waited: queued × mean seconds / target wait, "
                f"with what was running, asked for {now.asked:.1f} runners. From {before.desired} to "
                f"{now.desired}, at most {load.runner_bounds.most}, at once."
            ),
            "Nothing waited long enough for another runner.",
            found,
            (_backlog, _workers, _waits),
        ),
        *_section(
            "Worker in",
            _step(looks, up=False),
            lambda before, now: (
                f"At {now.at:.0f} s fewer had been enough for {load.hold:g} s: from {before.desired} "
                f"to {now.desired}. Each runner that is one too many is asked to go and goes only "
                f"if it is idle; {found.left_busy} left a run behind."
            ),
            "No runner went.",
            found,
            (_backlog, _workers),
        ),
    ]


Draw = Callable[[Measured, Window], Plot]


def _section(
    title: str,
    step: tuple[Look, Look] | None,
    said: Callable[[Look, Look], str],
    otherwise: str,
    found: Measured,
    draws: Sequence[Draw],
) -> list[str]:
    if step is None:
        return [page.heading(title), page.paragraph(otherwise)]
    at = step[1].at
    window = max(0.0, at - _AROUND), min(found.end, at + _AROUND)
    return [
        page.heading(title),
        page.paragraph(said(*step)),
        *_figures(found, window, *draws, at=at),
    ]


def _step(looks: Sequence[Look], *, up: bool, largest: bool = False) -> tuple[Look, Look] | None:
    """The first step of this direction under load, or the largest one."""
    pairs = itertools.pairwise(looks)
    steps = [
        (before, now)
        for before, now in pairs
        if now.at > 0 and (now.desired > before.desired if up else now.desired < before.desired)
    ]
    if not steps:
        return None
    return max(steps, key=lambda s: s[1].desired - s[0].desired) if largest else steps[0]


def _figures(found: Measured, window: Window, *draws: Draw, at: float | None = None) -> list[str]:
    start, end = window
    times = [f"{start + (end - start) * n / 4:.0f} s" for n in range(5)]
    mark = None if at is None else (at - start) / (end - start)
    return [page.figure(draw(found, window), *times, mark=mark) for draw in draws]


def _plot(
    title: str, window: Window, *series: tuple[str, str, charts.Points], unit: str = ""
) -> Plot:
    start, end = window
    cut = [(label, look, _cut(points, window)) for label, look, points in series]
    return charts.plot(title, cut, start=start, end=end, unit=unit)


def _cut(points: charts.Points, window: Window) -> list[tuple[float, float]]:
    """What lies in the window, begun with the value that held before it."""
    before = [value for at, value in points if at <= window[0]]
    inside = [(at, value) for at, value in points if window[0] < at <= window[1]]
    return [*([(window[0], before[-1])] if before else []), *inside]


def _seconds(found: Measured) -> dict[int, list[float]]:
    by_second: dict[int, list[float]] = {n: [] for n in range(int(found.end) + 2)}
    for request in found.requests:
        by_second.setdefault(int(request.at), []).append(request.ms / 1000)
    return by_second


def _users(found: Measured, window: Window) -> Plot:
    points = [(request.at, float(request.users)) for request in found.requests]
    last = found.requests[-1].at + 1 if found.requests else 0.0
    return _plot("Users", window, ("users", "area", [*points, (last, 0.0)]))


def _requests(found: Measured, window: Window) -> Plot:
    points = [(float(n), float(len(ms))) for n, ms in sorted(_seconds(found).items())]
    return _plot("Requests a second", window, ("requests", "area", points))


def _answers(found: Measured, window: Window) -> Plot:
    seconds = sorted(_seconds(found).items())
    series = [
        (
            f"{100 * share:g} %",
            look,
            [(float(n), at_share(sorted(took), share)) for n, took in seconds],
        )
        for share, look in ((0.5, "area wait"), (0.95, "line"), (0.99, "third"))
    ]
    return _plot("Time to answer, as Locust saw it", window, *series, unit="s")


def _looks(found: Measured, group: str, figure: str) -> list[tuple[float, float]]:
    return [(look.at, float(getattr(look, figure))) for look in found.samples.get(group, [])]


def _workers(found: Measured, window: Window) -> Plot:
    return _plot(
        "Runners",
        window,
        ("busy", "area", _looks(found, "runner", "busy")),
        ("running", "line", _looks(found, "runner", "running")),
        ("desired", "want", _looks(found, "runner", "desired")),
    )


def _web_processes(found: Measured, window: Window) -> Plot:
    return _plot(
        "Web processes",
        window,
        ("running", "line", _looks(found, "web", "running")),
        ("desired", "want", _looks(found, "web", "desired")),
    )


def _queue(asked: Sequence[float], claimed: Sequence[float]) -> list[tuple[float, float]]:
    """How many wait, at each arrival and claim."""
    events = sorted([(at, 1) for at in asked] + [(at, -1) for at in claimed])
    points, waiting = [(0.0, 0.0)], 0
    for at, step in events:
        waiting += step
        points.append((at, float(waiting)))
    return points


def _backlog(found: Measured, window: Window) -> Plot:
    waiting = _queue([run.asked for run in found.runs], [run.claimed for run in found.runs])
    return _plot("Backlog", window, ("runs that wait", "area wait", waiting))


def _waits(found: Measured, window: Window) -> Plot:
    points = sorted((run.claimed, run.wait) for run in found.runs)
    return _plot(
        "Time in queue of each run, at its claim", window, ("seconds", "line", points), unit="s"
    )


def _compared(calibration: Calibration, found: Measured, window: Window) -> Plot:
    first = min(run.asked for run in found.runs)
    outcome = calibration.outcome
    moved = first - outcome.arrivals[0]
    asked = [at + moved for at in outcome.arrivals]
    claimed = [at + wait for at, wait in zip(asked, outcome.waits, strict=True)]
    measured = _queue([run.asked for run in found.runs], [run.claimed for run in found.runs])
    return _plot(
        "Runs that wait",
        window,
        ("measured", "area wait", measured),
        ("simulated", "line", _queue(asked, claimed)),
    )
