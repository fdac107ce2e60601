"""What each plan allows, as data (contracts.md, defaults of a run); an operator may change any of it."""

import json
from collections.abc import Mapping
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from shared.work import BUILD_LIMITS, Limits

MB = 1_000_000


class PlanLimits(BaseModel):
    """What an account on this plan may use."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    run: Limits = Field(default_factory=Limits)
    """Of one run; `wall_seconds` is also the longest timeout that may be asked for."""
    build: Limits = Field(default_factory=BUILD_LIMITS.model_copy)
    input_bytes: int = Field(default=25 * MB, gt=0)
    """All inputs of one run together, standard input included."""
    stored_bytes: int = Field(default=10_000 * MB, gt=0)
    """All uploads that are kept, unfinished ones too."""
    running: int = Field(default=2, gt=0)
    queued: int = Field(default=50, gt=0)
    building: int = Field(default=2, gt=0)
    queued_builds: int = Field(default=20, gt=0)
    previewing: int = Field(default=2, gt=0)
    queued_previews: int = Field(default=10, gt=0)
    storage_credentials: int = Field(default=0, ge=0)
    """In half a day, revoked ones too; administrators get some on every plan."""


Plans = Mapping[str, PlanLimits]

PLANS: Plans = {
    "free": PlanLimits(),
    "premium": PlanLimits(
        run=Limits(cpus=2.0, memory_bytes=4 << 30, wall_seconds=3600, disk_bytes=4 << 30),
        input_bytes=1000 * MB,
        stored_bytes=200_000 * MB,
        running=4,
        queued=200,
        building=4,
        queued_builds=50,
        storage_credentials=20,
    ),
}

_Changes = TypeAdapter(dict[str, dict[str, int | float | dict[str, int | float]]])


def limits_of(plan: str, plans: Plans) -> PlanLimits:
    """The limits of a plan; an unknown plan has those of the free one."""
    return plans.get(plan, plans["free"])


def read(given: str) -> Plans:
    """The plans with an operator's changes; raises `ValueError` with a sentence.

    `given` is JSON, or the path of a file of it: `{"free": {"running": 4, "run": {"pids": 512}}}`.
    What is not named keeps its value; a plan that is not known yet starts from the free one.
    """
    if not given:
        return PLANS
    try:
        changes = _Changes.validate_python(json.loads(_text(given)))
    except json.JSONDecodeError as error:
        raise ValueError(f"it is no JSON: {error}") from error
    except ValidationError as error:
        raise ValueError(_sentence(error, "plan → limit → number")) from error
    plans = dict(PLANS)
    for name, changed in changes.items():
        plans[name] = _changed(name, plans.get(name, PLANS["free"]), changed)
    return plans


def _text(given: str) -> str:
    if given.lstrip().startswith("{"):
        return given
    try:
        return Path(given).read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError(f"{given[:200]!r} is neither JSON nor a file of it: {error}") from error


def _changed(name: str, plan: PlanLimits, changed: Mapping[str, object]) -> PlanLimits:
    values = plan.model_dump()
    for field, value in changed.items():
        if isinstance(value, dict) and isinstance(values.get(field), dict):
            values[field].update(value)
        else:
            values[field] = value
    try:
        found = PlanLimits.model_validate(values, extra="forbid")  # a typing error is no limit
    except ValidationError as error:
        raise ValueError(_sentence(error, name)) from error
    for kind in ("run", "build"):
        for field, value in values[kind].items():
            if value <= 0:
                raise ValueError(f"{name}.{kind}.{field} is {value}; it must be above 0")
    return found


def _sentence(error: ValidationError, where: str) -> str:
    first = error.errors()[0]
    place = ".".join([where, *(str(part) for part in first["loc"])])
    return f"{place}: {first['msg']}"
