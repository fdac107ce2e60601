"""The scaler of an installation, as its settings say."""

from typing import Literal

from pydantic import Field, field_validator

from shared.bounds import Bounds
from shared.db import Transactions
from shared.scaling import LONGEST_PERIOD, Group, WebGroup
from shared.settings import Settings
from web import limits, web_load
from web.backlog import Work
from web.scaler import ScaledWeb, ScaledWorkers, Scaler
from web.worker_groups import WorkerGroups
from web.worker_groups_local import LocalGroups

EC2 = "ec2://"


class ScalingSettings(Settings):
    """How many of each there may be, and where they live."""

    worker_groups: str = ""
    """`local`: this machine's supervisor; `ec2://PREFIX`: the groups of that stack. Empty: local where a range is given, else nothing is scaled."""
    runners: str = "1"
    """A number, or a range such as `0..4`."""
    builders: str = "1"
    webs: str = "1"
    """Web processes of this machine; on EC2 the load balancer's alarms scale web."""
    scaling_seconds: float = Field(default=10.0, gt=0, le=LONGEST_PERIOD)
    """Between two evaluations."""
    scaling_target_wait: float = Field(default=30.0, gt=0)
    """Seconds that a run should wait at most; a build may wait twice that."""
    scaling_hold: float = Field(default=120.0, ge=0)
    """Seconds for which fewer workers must have been enough before some go."""
    web_slow_seconds: float = Field(default=0.5, gt=0)
    """Web servers are added while 95 % of the answers take longer than this."""
    web_requests_per_minute: float = Field(default=1200.0, gt=0)
    """Of one web process; one goes where the others stay well below it."""
    web_warm_up: float = Field(default=20.0, ge=0)
    """Seconds until a change in the number of web processes is judged."""
    runner_slots: int = Field(default=2, ge=1, le=64)
    builder_slots: int = Field(default=1, ge=1, le=16)
    preview_slots: int = Field(default=2, ge=1, le=16)
    limits: str = ""

    @field_validator("runners", "builders", "webs")
    @classmethod
    def _bounds(cls, value: str) -> str:
        Bounds.parse(value)
        return value

    @field_validator("worker_groups")
    @classmethod
    def _known(cls, value: str) -> str:
        if value not in ("", "local") and not (value.startswith(EC2) and len(value) > len(EC2)):
            raise ValueError("must be local or ec2://PREFIX")
        return value

    @field_validator("limits")
    @classmethod
    def _plans(cls, value: str) -> str:
        limits.read(value)
        return value

    @property
    def where(self) -> Literal["", "local", "ec2"]:
        """Empty where nothing is scaled."""
        if self.worker_groups.startswith(EC2):
            return "ec2"
        ranges = (self.runners, self.builders, self.webs)
        return "local" if any(Bounds.parse(text).is_range for text in ranges) else ""


def build(settings: ScalingSettings, transactions: Transactions) -> Scaler | None:
    """None where there is nothing to decide."""
    if not settings.where:
        return None
    return Scaler(
        transactions,
        _groups(settings),
        _workers(settings),
        web=_web(settings),
        plans=limits.read(settings.limits),
        period=settings.scaling_seconds,
    )


def _groups(settings: ScalingSettings) -> WorkerGroups:
    if settings.where == "local":
        return LocalGroups(settings.data)
    from web.worker_groups_ec2 import Ec2Groups  # the SDK costs memory: only where it is needed

    return Ec2Groups(settings.worker_groups.removeprefix(EC2))


def _workers(settings: ScalingSettings) -> list[ScaledWorkers]:
    work = {
        "runner": (settings.runners, 1.0, [Work("run", settings.runner_slots, 10.0)]),
        "builder": (
            settings.builders,
            2.0,
            [
                Work("build", settings.builder_slots, 60.0),
                Work("preview", settings.preview_slots, 5.0),
            ],
        ),
    }
    scaled = []
    for name, (text, patience, kinds) in work.items():
        bounds = Bounds.parse(text)
        if bounds.is_range:
            wait = settings.scaling_target_wait * patience
            group = Group(bounds.least, bounds.most, wait, settings.scaling_hold)
            scaled.append(ScaledWorkers(name, group, kinds))
    return scaled


def _web(settings: ScalingSettings) -> ScaledWeb | None:
    bounds = Bounds.parse(settings.webs)
    if settings.where != "local" or not bounds.is_range:
        return None
    group = WebGroup(
        max(1, bounds.least),
        bounds.most,
        slow_seconds=settings.web_slow_seconds,
        requests_per_server=settings.web_requests_per_minute,
        warm_up=settings.web_warm_up,
        hold=settings.scaling_hold,
    )
    return ScaledWeb(group, web_load.Reader(settings.data).look)
