"""Every fact and request that travels between services: frozen, ids only (DESIGN 3.1)."""

from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter


class Event(BaseModel):
    """One message: what happened, to which ids; `event_id` is unique, `at` is milliseconds since 1970 UTC."""

    model_config = ConfigDict(frozen=True, extra="ignore")
    topic: ClassVar[str]

    schema_version: int = 1
    event_id: str
    at: int
    trace: str = ""
    """The traceparent of what asked for it, where traces are on."""


class BuildRequested(Event):
    topic: ClassVar[str] = "builds"
    type: Literal["BuildRequested"] = "BuildRequested"
    build_id: str


class BuildFinished(Event):
    topic: ClassVar[str] = "builds"
    type: Literal["BuildFinished"] = "BuildFinished"
    build_id: str


class PreviewRequested(Event):
    topic: ClassVar[str] = "builds"
    type: Literal["PreviewRequested"] = "PreviewRequested"
    preview_id: str


class RunRequested(Event):
    topic: ClassVar[str] = "runs"
    type: Literal["RunRequested"] = "RunRequested"
    run_id: str


class RunFinished(Event):
    topic: ClassVar[str] = "runs"
    type: Literal["RunFinished"] = "RunFinished"
    run_id: str


AnyEvent = Annotated[
    BuildRequested | BuildFinished | PreviewRequested | RunRequested | RunFinished,
    Field(discriminator="type"),
]

EVENT_TYPES: dict[str, type[Event]] = {
    event.__name__: event
    for event in (BuildRequested, BuildFinished, PreviewRequested, RunRequested, RunFinished)
}

_adapter: TypeAdapter[AnyEvent] = TypeAdapter(AnyEvent)


def encode(event: Event) -> str:
    """The JSON text that is stored and sent."""
    return event.model_dump_json()


def decode(text: str | bytes) -> Event:
    """The event in a JSON text; raises `pydantic.ValidationError` on anything else."""
    return _adapter.validate_json(text)
