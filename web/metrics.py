"""Figures for Prometheus: requests as they come, the rest counted in the database when asked."""

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from sqlalchemy import func, select

from shared.db import Transactions, now_ms
from shared.schema.messages import Outbox
from shared.schema.runs import Run
from shared.schema.tools import Build, Preview

_METHODS = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}


class _Database:
    """Jobs by state, the age of what waits, the age of what is not yet published."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    def describe(self) -> list[GaugeMetricFamily]:
        return []  # registering must not ask the database

    def collect(self) -> Iterator[GaugeMetricFamily]:
        jobs = GaugeMetricFamily("toolyard_jobs", "Jobs by state.", labels=["kind", "state"])
        ages = GaugeMetricFamily(
            "toolyard_queue_age_seconds", "Age of the oldest queued job.", labels=["kind"]
        )
        outbox = GaugeMetricFamily(
            "toolyard_outbox_age_seconds", "Age of the oldest unpublished event."
        )
        with self._transactions.read() as session:
            now = session.execute(select(now_ms())).scalar_one()
            for kind, table in (("run", Run), ("build", Build), ("preview", Preview)):
                for state, n in session.execute(
                    select(table.state, func.count()).group_by(table.state)
                ):
                    jobs.add_metric([kind, state], n)
                oldest = session.execute(
                    select(func.min(table.created_at)).where(table.state == "queued")
                ).scalar()
                ages.add_metric([kind], 0 if oldest is None else max(0, now - oldest) / 1000)
            waiting = session.execute(
                select(func.min(Outbox.at)).where(Outbox.published_at.is_(None))
            ).scalar()
        outbox.add_metric([], 0 if waiting is None else max(0, now - waiting) / 1000)
        yield from (jobs, ages, outbox)


class Metrics:
    """One registry for each application, so that tests do not share figures."""

    def __init__(self, transactions: Transactions) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "toolyard_requests", "Answers.", ["method", "route", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "toolyard_request_seconds",
            "From request to answer.",
            ["method", "route"],
            buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
            registry=self._registry,
        )
        self.streams = Gauge("toolyard_streams", "Live streams now.", registry=self._registry)
        self._registry.register(_Database(transactions))

    def observe(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answer; `route` is the rule, so that ids do not multiply the series."""
        method = method if method in _METHODS else "OTHER"
        self._requests.labels(method, route, str(status)).inc()
        self._seconds.labels(method, route).observe(seconds)

    def text(self) -> bytes:
        """All figures in Prometheus' text format."""
        return generate_latest(self._registry)
