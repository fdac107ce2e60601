"""What each plan allows, as data (contracts.md, defaults of a run)."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from shared.work import BUILD_LIMITS, Limits

MB = 1_000_000


@dataclass(frozen=True)
class PlanLimits:
    """What an account on this plan may use."""

    run: Limits = field(default_factory=Limits)
    """Of one run; `wall_seconds` is also the longest timeout that may be asked for."""
    build: Limits = field(default_factory=BUILD_LIMITS.model_copy)
    input_bytes: int = 25 * MB
    """All inputs of one run together, standard input included."""
    running: int = 2
    queued: int = 50
    building: int = 2
    queued_builds: int = 20


Plans = Mapping[str, PlanLimits]

PLANS: Plans = {
    "free": PlanLimits(),
    "premium": PlanLimits(
        run=Limits(cpus=2.0, memory_bytes=4 << 30, wall_seconds=3600, disk_bytes=4 << 30),
        input_bytes=1000 * MB,
        running=4,
        queued=200,
        building=4,
        queued_builds=50,
    ),
}


def limits_of(plan: str, plans: Plans = PLANS) -> PlanLimits:
    """The limits of a plan; an unknown plan has those of the free one."""
    return plans.get(plan, plans["free"])
