"""Lines over time as SVG paths; pure. Words and colours are the page's."""

from collections.abc import Sequence
from dataclasses import dataclass

WIDTH, HEIGHT = 1000.0, 100.0
"""Of the view box; the page stretches it to its column."""

Points = Sequence[tuple[float, float]]
"""(time, value), in the order of time; a value holds until the next one."""


@dataclass(frozen=True)
class Line:
    """One line or area: `look` is its class, `d` its path, `last` its newest value."""

    label: str
    look: str
    d: str
    last: float


@dataclass(frozen=True)
class Plot:
    """Lines over the same time, from 0 to `top`."""

    title: str
    top: float
    unit: str
    lines: list[Line]


def plot(
    title: str,
    series: Sequence[tuple[str, str, Points]],
    *,
    start: float,
    end: float,
    unit: str = "",
) -> Plot:
    """`series` are label, look and points; the look `area` and those that begin so are filled."""
    top = nice_top(max((value for _, _, points in series for _, value in points), default=0))
    lines = [
        Line(
            label,
            look,
            path(points, top, start=start, end=end, filled=look.startswith("area")),
            points[-1][1] if points else 0.0,
        )
        for label, look, points in series
    ]
    return Plot(title, top, unit, lines)


def path(points: Points, top: float, *, start: float, end: float, filled: bool = False) -> str:
    """Steps: each value holds until the next, the last one until the end."""
    if not points or end <= start:
        return ""

    def across(at: float) -> str:
        return f"{WIDTH * min(1.0, max(0.0, (at - start) / (end - start))):.1f}"

    def up(value: float) -> str:
        return f"{HEIGHT * (1 - min(value, top) / top):.1f}"

    first = across(points[0][0])
    words = [
        f"M{first} {HEIGHT:g}V{up(points[0][1])}" if filled else f"M{first} {up(points[0][1])}"
    ]
    before = points[0][1]
    for at, value in points[1:]:
        if value != before:
            words.append(f"H{across(at)}V{up(value)}")
            before = value
    words.append(f"H{across(end)}")
    if filled:
        words.append(f"V{HEIGHT:g}Z")
    return "".join(words)


def nice_top(most: float) -> float:
    """The next of 1, 2, 5, 10, 20, … at or above."""
    top = 1.0
    steps = (2.0, 2.5, 2.0)
    n = 0
    while top < most:
        top *= steps[n % 3]
        n += 1
    return top
