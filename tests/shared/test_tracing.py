"""Spans: off they cost nothing, on they never tell what a person typed."""

import subprocess
import sys
from collections.abc import Iterator

import pytest

from shared import tracing
from tests.otlp_receiver import OtlpReceiver


@pytest.fixture
def receiver() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as listening:
        yield listening
        tracing.close()


def test_off_nothing_is_loaded() -> None:
    program = (
        "import sys; import shared.tracing as t; t.configure('', 'web')\n"
        "with t.span('x', run='r') as s: assert (s.traceparent, t.current()) == ('', '')\n"
        "print([m for m in sys.modules if m.startswith('opentelemetry')])"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert told.stdout.strip() == "[]"


def test_spans_nest_and_reach_the_endpoint(receiver: OtlpReceiver) -> None:
    tracing.configure(receiver.url, "test")
    with tracing.span("outer", run="run_1") as outer:
        carried = outer.traceparent
        with tracing.span("inner"):
            pass
    with tracing.span("elsewhere", parent=carried, kind="consumer"):
        pass
    tracing.close()

    spans = receiver.by_name()
    assert set(spans) == {"outer", "inner", "elsewhere"}
    assert len({span.trace_id for span in spans.values()}) == 1
    assert spans["outer"].parent_span_id == b""
    assert spans["inner"].parent_span_id == spans["outer"].span_id
    assert spans["elsewhere"].parent_span_id == spans["outer"].span_id
    assert receiver.attributes("outer") == {"toolyard.run": "run_1"}
    assert receiver.services == {"toolyard-test"}


def test_an_error_is_told_by_its_class_alone(receiver: OtlpReceiver) -> None:
    tracing.configure(receiver.url, "test")
    with pytest.raises(ValueError, match="hunter2"), tracing.span("failing"):
        raise ValueError("--password hunter2")
    tracing.close()

    (span,) = receiver.spans
    assert receiver.attributes("failing") == {"error.type": "ValueError"}
    assert (span.status.code, span.status.message, list(span.events)) == (2, "ValueError", [])
    assert b"hunter2" not in receiver.bytes


@pytest.mark.parametrize("name", ["argv", "line", "error", "email", "path"])
def test_an_attribute_that_may_hold_secrets_is_refused(receiver: OtlpReceiver, name: str) -> None:
    tracing.configure(receiver.url, "test")
    with pytest.raises(ValueError, match="no attribute"):
        tracing.begin("x", **{name: "secret"})


@pytest.mark.parametrize(
    "text", ["", None, "x", "00-" + "0" * 32 + "-" + "1" * 16 + "-01", "00-" + "1" * 32 + "\n-x"]
)
def test_what_is_no_traceparent_is_nothing(text: str | None) -> None:
    assert tracing.known(text) == ""


def test_an_endpoint_that_is_away_stops_nothing() -> None:
    tracing.configure("http://127.0.0.1:9/v1/traces", "test")
    with tracing.span("x") as span:
        assert span.traceparent.startswith("00-")
    tracing.close()


def test_a_missing_library_is_told_in_a_sentence() -> None:
    program = (
        "import sys; sys.modules['opentelemetry'] = None\n"
        "import shared.tracing as t; t.configure('http://127.0.0.1:9', 'web')"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False
    )
    assert told.returncode == 1
    assert told.stderr.startswith("TOOLYARD_TRACES_URL is set, but opentelemetry is not installed")
