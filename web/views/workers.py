"""How many workers there are, how many are wanted and what waits for them; for administrators."""

from dataclasses import dataclass

from flask import Blueprint, Response, make_response, render_template, request
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.bounds import Bounds
from shared.schema.scaling import ScalingSample
from web import auth, charts, jobs
from web.backlog import Work, measure
from web.charts import Plot
from web.limits import Plans
from web.refusals import Absent

SPANS = {
    "15m": ("15 minutes", 15),
    "1h": ("hour", 60),
    "6h": ("6 hours", 360),
    "24h": ("24 hours", 1440),
    "7d": ("7 days", 10080),
}
_BUCKETS = 400
_STALE_MS = 180_000
"""The scaler writes once a minute at least; after three nobody looks any more."""
_TITLES = {
    "runner": "Do we have enough runners?",
    "builder": "Do we have enough builders?",
    "web": "Does web answer quickly?",
}


@dataclass(frozen=True)
class Group:
    """A group's newest figures and its charts."""

    name: str
    title: str
    last: ScalingSample
    plots: list[Plot]


@dataclass(frozen=True)
class Fixed:
    """A group whose number is a setting: what waits and what is worked on now."""

    name: str
    queued: int
    active: int
    busy: int


def blueprint() -> Blueprint:
    """The page."""
    routes = Blueprint("workers", __name__)

    @routes.get("/workers")
    def index() -> Response:
        if not auth.required().account.is_admin:
            raise Absent("There is nothing here.")
        span = request.args.get("span", "1h")
        if span not in SPANS:
            span = "1h"
        ports = auth.ports()
        with ports.transactions.read() as session:
            now = jobs.clock(session)
            groups = _groups(session, now, SPANS[span][1] * 60_000)
            stale = [group for group in groups if now - group.last.at > _STALE_MS]
            scaled = {group.name for group in groups if group not in stale}
            fixed = [one for one in _fixed(session, ports.plans) if one.name not in scaled]
        html = render_template(
            "workers.html",
            groups=groups,
            stale={group.name for group in stale},
            fixed=fixed,
            spans=SPANS,
            span=span,
            webs=Bounds.parse(ports.settings.webs),
        )
        return make_response(html)

    return routes


def _groups(session: Session, now: int, span: int) -> list[Group]:
    found = []
    for name, title in _TITLES.items():
        last = session.scalars(
            select(ScalingSample)
            .where(ScalingSample.group_name == name, ScalingSample.at > now - span)
            .order_by(ScalingSample.at.desc())
            .limit(1)
        ).first()
        if last is not None:
            plots = _plots(_samples(session, name, now - span, span), name, now - span, now)
            found.append(Group(name, title, last, plots))
    return found


def _samples(session: Session, name: str, start: int, span: int) -> list[dict[str, float]]:
    """The most of each part of the span, so that a week costs no more than an hour."""
    part = (ScalingSample.at - start) // max(1, span // _BUCKETS)
    figures = ("desired", "running", "busy", "queued", "active", "asked", "seconds")
    columns = [func.max(getattr(ScalingSample, figure)).label(figure) for figure in figures]
    rows = session.execute(
        select(func.min(ScalingSample.at).label("at"), *columns)
        .where(ScalingSample.group_name == name, ScalingSample.at > start)
        .group_by(part)
        .order_by(func.min(ScalingSample.at))
    )
    return [{key: float(value) for key, value in row.items()} for row in rows.mappings()]


def _plots(samples: list[dict[str, float]], name: str, start: int, end: int) -> list[Plot]:
    def points(figure: str) -> list[tuple[float, float]]:
        return [(one["at"], one[figure]) for one in samples]

    def drawn(title: str, *lines: tuple[str, str, str], unit: str = "") -> Plot:
        series = [(label, look, points(figure)) for label, look, figure in lines]
        return charts.plot(title, series, start=start, end=end, unit=unit)

    if name == "web":
        return [
            drawn("Processes", ("desired", "line want", "desired"), ("running", "line", "running")),
            drawn("Requests a minute", ("requests", "area", "asked")),
            drawn("95 % answered within", ("seconds", "area", "seconds"), unit="s"),
        ]
    return [
        drawn(
            "Workers",
            ("busy", "area", "busy"),
            ("running", "line", "running"),
            ("desired", "line want", "desired"),
        ),
        drawn("Backlog", ("waiting", "area wait", "queued"), ("worked on", "line", "active")),
        drawn("Longest wait", ("seconds", "area wait", "seconds"), unit="s"),
    ]


def _fixed(session: Session, plans: Plans) -> list[Fixed]:
    found = []
    for name, kind in (("runner", "run"), ("builder", "build")):
        now = measure(session, Work(kind, 1, 10.0), plans, 30.0)  # type: ignore[arg-type]
        found.append(Fixed(name, now.queued, now.active, len(now.holders)))
    return found
