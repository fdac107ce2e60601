"""`python -m load_tests --shape spike`: load on a platform of its own, and a report; 127.0.0.1 only."""

import argparse
import sys
from pathlib import Path

from load_tests.autoscaling import Load, run
from load_tests.calibration import calibrate
from load_tests.report import report
from load_tests.shapes import LONGEST_SECONDS, MOST_USERS, SHAPES
from shared.bounds import Bounds
from tests.platform import ROOT


def _range(text: str) -> str:
    try:
        if Bounds.parse(text).is_range:
            return text
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    raise argparse.ArgumentTypeError(f"{text} never changes: give a range such as 0..4")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m load_tests", description=__doc__)
    parser.add_argument("--shape", choices=sorted(SHAPES), default="spike")
    parser.add_argument("--users", type=int, default=24, help=f"at most {MOST_USERS}")
    parser.add_argument("--seconds", type=float, default=60.0, help=f"at most {LONGEST_SECONDS:g}")
    parser.add_argument("--service-seconds", default="1,2,3", help="what runs take, drawn evenly")
    parser.add_argument("--runners", type=_range, default="0..4", help="such as 0..4")
    parser.add_argument("--webs", default="1..3")
    parser.add_argument("--out", type=Path)
    given = parser.parse_args(arguments)
    if not (0 < given.users <= MOST_USERS and 5 <= given.seconds <= LONGEST_SECONDS):
        parser.error(f"1 to {MOST_USERS} users, 5 to {LONGEST_SECONDS:g} seconds")
    load = Load(
        given.shape,
        users=given.users,
        seconds=given.seconds,
        service_seconds=given.service_seconds,
        runners=given.runners,
        webs=given.webs,
    )
    found = run(load)
    if not found.runs:
        print("No run was asked for: more users, or more seconds.", file=sys.stderr)
        return 1
    out = given.out or ROOT / "build" / f"loadtest-{given.shape}.html"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(report(load, found, calibrate(load, found)))
    most, wanted, there = found.needed()
    print(f"{len(found.runs)} runs, {found.lost} lost; {most} runners needed, there after")
    print(f"{there - wanted} evaluations; {found.left_busy} busy ones ended; report: {out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
