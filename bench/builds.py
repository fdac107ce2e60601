"""[build-cold], [build-unchanged], [build-source-changed]: adding a tool, against the same install by hand."""

from collections.abc import Iterator

from bench._builds import Builds, median
from bench.context import Context
from bench.figures import Figure

_ALLOWED = 3.0
"""Seconds that clone, smoke, forms and papers may take beside 1.3 times the install itself."""


def measure(context: Context) -> Iterator[Figure]:
    builds = Builds(context).all
    compared = [(one, one.by_hand) for one in builds if one.by_hand is not None]
    shares = sorted(
        ((one.cold / (1.3 * hand + _ALLOWED), one, hand) for one, hand in compared),
        key=lambda share: share[0],
    )
    middle = shares[len(shares) // 2]
    worst = shares[-1]
    yield Figure(
        "build-cold",
        ours=middle[1].cold,
        bare=1.3 * middle[2] + _ALLOWED,
        unit="s",
        op="<=",
        value=1.0,
        note=f"against 1.3 x by hand + 3 s, median of {len(shares)}; "
        f"worst {worst[1].name} {worst[0]:.2f}",
    )
    unchanged = median(builds, lambda one: one.unchanged)
    slowest = max(builds, key=lambda one: one.unchanged)
    yield Figure(
        "build-unchanged",
        ours=unchanged,
        unit="s",
        op="<=",
        value=2.0,
        note=f"median of {len(builds)}; slowest {slowest.name} {slowest.unchanged:.1f} s",
    )
    fetching = [one for one in builds if one.has_dependencies]
    ratios = sorted(((one.changed / one.cold, one) for one in fetching), key=lambda share: share[0])
    ratio, chosen = ratios[len(ratios) // 2]
    yield Figure(
        "build-source-changed",
        ours=chosen.changed,
        bare=chosen.cold,
        unit="s",
        op="<=",
        value=0.4,
        note=f"against cold, median of {len(fetching)} with dependencies ({ratio:.2f})",
    )
