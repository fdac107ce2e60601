"""Spans by OpenTelemetry's own SDK to an OTLP/HTTP endpoint, gathered and sent beside the work."""

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from shared.tracing import Kind, Value

_KINDS = {
    "internal": SpanKind.INTERNAL,
    "server": SpanKind.SERVER,
    "client": SpanKind.CLIENT,
    "producer": SpanKind.PRODUCER,
    "consumer": SpanKind.CONSUMER,
}
_GATHER_MS = 1000
_SEND_SECONDS = 5


class OtlpSpan:
    """One of the SDK's spans."""

    def __init__(self, span: trace.Span) -> None:
        self._span = span

    @property
    def traceparent(self) -> str:
        found = self._span.get_span_context()
        return f"00-{found.trace_id:032x}-{found.span_id:016x}-{int(found.trace_flags):02x}"

    def note(self, name: str, value: Value) -> None:
        self._span.set_attribute(f"toolyard.{name}", value)

    def end(self, error: str = "") -> None:
        if error:  # never the exception itself: its text may hold anything
            self._span.set_status(Status(StatusCode.ERROR, error))
            self._span.set_attribute("error.type", error)
        self._span.end()


class OtlpTracer:
    """Sends in a thread of its own; an endpoint that is away costs spans, never work."""

    def __init__(self, url: str, service: str) -> None:
        # The host's own variables (OTEL_…) are not asked: what is sent where is our setting.
        resource = Resource({"service.name": f"toolyard-{service}"})
        self._provider = TracerProvider(resource=resource, shutdown_on_exit=True)
        self._provider.add_span_processor(
            BatchSpanProcessor(
                OTLPSpanExporter(endpoint=url, timeout=_SEND_SECONDS),
                schedule_delay_millis=_GATHER_MS,
            )
        )
        self._tracer = self._provider.get_tracer("toolyard")
        self._propagator = TraceContextTextMapPropagator()

    def begin(self, name: str, parent: str, kind: Kind) -> OtlpSpan:
        context = self._propagator.extract({"traceparent": parent}) if parent else None
        return OtlpSpan(
            self._tracer.start_span(name, context=context or Context(), kind=_KINDS[kind])
        )

    def close(self) -> None:
        self._provider.shutdown()
