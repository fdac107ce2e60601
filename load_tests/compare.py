"""Our policy and the gene-annotation service's on the same days: `python -m load_tests.compare`."""

import argparse
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from load_tests import page, traces, web_model
from load_tests.original import OriginalWeb, OriginalWorkers
from load_tests.simulator import EC2, Ours, Outcome, simulate
from load_tests.traces import Trace
from load_tests.web_model import OurWeb, WebOutcome, simulate_web
from shared.scaling import Group, WebGroup
from tests.platform import ROOT
from web import charts

SLOTS = 2
TARGET = 120.0
"""Seconds that a run may wait: a machine needs 90 to boot."""
GROUP = Group(minimum=1, maximum=40, target_wait=90, hold=60)
WEB_GROUP = WebGroup(slow_seconds=0.05, requests_per_server=1500)
WEB_TARGET = 0.5


@dataclass(frozen=True)
class Pair:
    """The same trace under both policies."""

    trace: Trace
    ours: Outcome
    original: Outcome


def workers(trace: Trace, group: Group = GROUP) -> Pair:
    """One day, both policies with EC2's delays and two slots a worker."""
    ours = simulate(
        trace.arrivals,
        trace.services,
        Ours(group, SLOTS),
        slots=SLOTS,
        first=group.minimum,
        until=trace.seconds,
    )
    original = simulate(
        trace.arrivals,
        trace.services,
        OriginalWorkers(),
        slots=SLOTS,
        first=2,
        until=trace.seconds,
    )
    return Pair(trace, ours, original)


def web() -> tuple[WebOutcome, WebOutcome]:
    """One day of requests, ours and the original's."""
    rates = traces.web_rates(web_model.STEP)
    return simulate_web(rates, OurWeb(WEB_GROUP)), simulate_web(rates, OriginalWeb())


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m load_tests.compare", description=__doc__)
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "simulation.html")
    parser.add_argument("--large", action="store_true", help="also 1,000,000 runs, 10,000 workers")
    given = parser.parse_args(arguments)
    pairs = [workers(trace) for trace in [*traces.traces(), traces.beyond()]]
    none = workers(traces.quiet(), Group(0, 40, GROUP.target_wait, GROUP.hold))
    servers = web()
    parts = [
        page.paragraph(
            f"Machines take {EC2.boot:g} s to boot, decisions are {EC2.evaluate:g} s apart, figures "
            f"are up to {EC2.metrics:g} s old, {SLOTS} slots a worker. Ours: {GROUP.minimum} to "
            f"{GROUP.maximum} workers, target wait {GROUP.target_wait:g} s, hold {GROUP.hold:g} s. "
            "The original: 2 to 10, one more per five minutes while more than 50 messages were sent "
            f"in ten, one fewer below 5. Over target: somebody has waited more than {TARGET:g} s."
        ),
        page.table(HEAD, [row(pair) for pair in [*pairs, none]]),
        *(part for pair in pairs for part in _shown(pair)),
        page.heading("To none and back: four runs an hour"),
        page.paragraph(
            f"With a minimum of 0 the day costs {none.ours.worker_hours:.1f} instance-hours instead "
            f"of {none.original.worker_hours:.1f}, and most runs wait for a boot: "
            f"{none.ours.mean_wait:.0f} s on average."
        ),
        page.heading("Web"),
        page.table(
            ("", "over 0.5 s", "instance-hours", "changes of direction"),
            [
                (name, *_web_row(outcome))
                for name, outcome in zip(("ours", "original"), servers, strict=True)
            ],
        ),
        *(
            page.figure(_web_plot(name, outcome), *_hours(24 * 3600))
            for name, outcome in zip(("Ours", "Original"), servers, strict=True)
        ),
    ]
    if given.large:
        parts += _large()
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text(page.page("Scaling policies, simulated", parts))
    for line in (HEAD, *(row(pair) for pair in [*pairs, none])):
        print(" | ".join(str(cell) for cell in line))
    for name, outcome in zip(("ours", "original"), servers, strict=True):
        print("web", name, *_web_row(outcome))
    print(given.out)
    return 0


HEAD = (
    "trace",
    "runs",
    "over target, ours",
    "original",
    "instance-hours, ours",
    "original",
    "mean wait, ours",
    "original",
    "95 %, ours",
    "original",
)


def row(pair: Pair) -> tuple[object, ...]:
    """One line of the table."""
    both = (pair.ours, pair.original)
    return (
        pair.trace.name,
        f"{len(pair.trace.arrivals):,}",
        *(f"{one.seconds_over(TARGET):,.0f} s" for one in both),
        *(f"{one.worker_hours:,.1f}" for one in both),
        *(f"{one.mean_wait:,.0f} s" for one in both),
        *(f"{one.percentile(0.95):,.0f} s" for one in both),
    )


def _hours(end: float) -> list[str]:
    """Five moments from 0:00 to the end."""
    minutes = (round(end * n / 4 / 60) for n in range(5))
    return [f"{each // 60}:{each % 60:02d}" for each in minutes]


def _shown(pair: Pair) -> list[str]:
    most = max(sample.queued for one in (pair.ours, pair.original) for sample in one.samples)
    figures = []
    for name, outcome in (("Ours", pair.ours), ("Original", pair.original)):
        series = [
            ("busy", "area", [(s.at, float(s.busy)) for s in outcome.samples]),
            ("machines", "line", [(s.at, float(s.running)) for s in outcome.samples]),
        ]
        waiting = [(s.at, float(s.queued)) for s in outcome.samples]
        end = max(pair.ours.samples[-1].at, pair.original.samples[-1].at)
        times = _hours(end)
        figures += [
            page.figure(charts.plot(f"{name}: workers", series, start=0, end=end), *times),
            page.figure(
                charts.plot(
                    f"{name}: runs that wait (at most {most:,} under either)",
                    [("waiting", "area wait", waiting)],
                    start=0,
                    end=end,
                ),
                *times,
            ),
        ]
    return [page.heading(f"{pair.trace.name}: {pair.trace.what}"), *figures]


def _web_row(outcome: WebOutcome) -> tuple[str, str, int]:
    return (
        f"{outcome.seconds_over(WEB_TARGET):,.0f} s",
        f"{outcome.server_seconds / 3600:.0f}",
        outcome.changes_of_direction(),
    )


def _web_plot(name: str, outcome: WebOutcome) -> charts.Plot:
    every = outcome.samples[::6]
    return charts.plot(
        f"{name}: servers",
        [
            ("up", "line", [(s.at, float(s.up)) for s in every]),
            ("desired", "want", [(s.at, float(s.desired)) for s in every]),
        ],
        start=0,
        end=traces.DAY,
    )


def _large() -> list[str]:
    trace = traces.large(1_000_000, 10_000, SLOTS)
    began = time.perf_counter()
    outcome = simulate(
        trace.arrivals,
        trace.services,
        Ours(Group(0, 10_000, GROUP.target_wait, GROUP.hold), SLOTS),
        slots=SLOTS,
    )
    took = time.perf_counter() - began
    said = (
        f"{trace.what}: at most {outcome.most:,} workers, mean wait {outcome.mean_wait:.1f} s, "
        f"{outcome.worker_hours:,.0f} instance-hours; simulated in {took:.1f} s."
    )
    print(said)
    return [page.heading("Large"), page.paragraph(said)]


if __name__ == "__main__":
    sys.exit(main())
