"""Spans from the click to the container, where TOOLYARD_TRACES_URL says where they go; else nothing at all.

A span tells what was done, to which ids, how long and how it ended. It never tells arguments, names
of files, texts of errors or anything that a person typed: only what is in `ALLOWED`.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from typing import Literal, Protocol, cast

Kind = Literal["internal", "server", "client", "producer", "consumer"]
Value = str | int | bool

ALLOWED = frozenset(
    {"route", "method", "status", "event", "queue", "run", "build", "preview", "fence", "state"}
    | {"exit_code", "worker"}
)
"""The only attributes that a span may have; `error` is set by us to the name of an exception's class."""

_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_current: ContextVar[str] = ContextVar("toolyard_traceparent", default="")


class Span(Protocol):
    """One piece of work that has begun."""

    @property
    def traceparent(self) -> str:
        """What its children name, in W3C's form."""
        ...

    def note(self, name: str, value: Value) -> None: ...

    def end(self, error: str = "") -> None:
        """It is over; `error` names the class of what went wrong."""
        ...


class Tracer(Protocol):
    """Where spans go."""

    def begin(self, name: str, parent: str, kind: Kind) -> Span: ...

    def close(self) -> None:
        """Everything that has ended is sent, or given up, when it returns."""
        ...


class _Nothing:
    traceparent = ""

    def note(self, name: str, value: Value) -> None:
        return

    def end(self, error: str = "") -> None:
        return


_NOTHING = _Nothing()
_tracer: Tracer | None = None


def configure(url: str, service: str) -> None:
    """Send this process's spans to an OTLP/HTTP endpoint; an empty address loads and sends nothing."""
    global _tracer
    close()
    if not url:
        return
    try:
        adapter = import_module("shared.tracing_otlp")
    except ModuleNotFoundError as error:
        raise SystemExit(
            f"TOOLYARD_TRACES_URL is set, but {error.name} is not installed: install the group "
            "`tracing` of pyproject.toml, or unset it."
        ) from error
    _tracer = cast(Tracer, adapter.OtlpTracer(url, service))


def close() -> None:
    """Send what is left; nothing is traced afterwards."""
    global _tracer
    tracer, _tracer = _tracer, None
    if tracer is not None:
        tracer.close()


def current() -> str:
    """The traceparent of the work that this thread is in, or ""."""
    return _current.get()


def known(traceparent: str | None) -> str:
    """A traceparent that came from elsewhere, or "" where it is none."""
    return traceparent if traceparent and _TRACEPARENT.fullmatch(traceparent) else ""


def begin(
    name: str, *, parent: str | None = None, kind: Kind = "internal", **attributes: Value
) -> Span:
    """A span that the caller ends; `parent` None: what this thread is in."""
    if _tracer is None:
        return _NOTHING
    span = _tracer.begin(name, current() if parent is None else known(parent), kind)
    for attribute, value in attributes.items():
        note(span, attribute, value)
    return span


def note(span: Span, name: str, value: Value | None) -> None:
    """An attribute of the span; one that is not allowed is a fault of ours."""
    if name not in ALLOWED:
        raise ValueError(f"{name} is no attribute that a span may have")
    if value is not None:
        span.note(name, value)


@contextmanager
def span(
    name: str, *, parent: str | None = None, kind: Kind = "internal", **attributes: Value
) -> Iterator[Span]:
    """A span around a block of this thread; what is begun inside is its child."""
    if _tracer is None:
        yield _NOTHING
        return
    begun = begin(name, parent=parent, kind=kind, **attributes)
    with inside(begun.traceparent):
        try:
            yield begun
        except BaseException as error:
            begun.end(type(error).__name__)
            raise
    begun.end()


@contextmanager
def inside(traceparent: str) -> Iterator[None]:
    """This thread's work belongs to that span, which somebody else ends."""
    token = _current.set(traceparent)
    try:
        yield
    finally:
        _current.reset(token)
