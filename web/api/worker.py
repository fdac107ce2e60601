"""The worker API: builders and runners claim jobs, report on them and end them (DESIGN 3.3)."""

import hmac
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

import structlog
from flask import Blueprint, Response, request
from pydantic import BaseModel

from shared import outbox
from shared.bounds import Bounds
from shared.objects import BadKey
from shared.work import (
    BuildReport,
    ClaimRequest,
    CollectedImages,
    CollectRequest,
    Heartbeat,
    ImageRequest,
    Kind,
    LogAccepted,
    PhaseReport,
    PreviewReport,
    Release,
    RunReport,
    Stream,
    UploadRequest,
    UploadTargets,
)
from web import (
    cancel,
    finish,
    image_access,
    images,
    jobs,
    leases,
    live_logs,
    previews,
    report,
    run_results,
)
from web.attempt_tokens import AttemptTokens
from web.claim import Sources, claim
from web.directives import Directed, Directives
from web.jobs import Job
from web.leases import Hold, LeaseLost, LeaseTimes
from web.limits import Plans
from web.ports import WebPorts
from web.refusals import Conflict, Invalid, TooLarge, Unauthenticated

log = structlog.get_logger()

UPLOAD_URL_SECONDS = 3600
_SPILL_EVERY = live_logs.TAIL_BYTES // 4
_STREAMS: tuple[Stream, ...] = ("stdout", "stderr")
_KINDS: dict[str, Kind] = {"runs": "run", "builds": "build", "previews": "preview"}


B = TypeVar("B", bound=BaseModel)


class _Directives(BaseModel):
    items: list[Directed]


def make_blueprint(
    ports: WebPorts,
    *,
    times: LeaseTimes | None = None,
    plans: Plans | None = None,
    directive_poll_seconds: float | None = None,
) -> Blueprint:
    """All routes below `/api/v1/worker`."""
    blueprint = Blueprint("worker", __name__, url_prefix="/api/v1/worker")
    settings = ports.settings
    lease_times = times or LeaseTimes(settings.lease_seconds, settings.heartbeat_seconds)
    tokens = AttemptTokens(ports.signing_key)
    allowed = ports.plans if plans is None else plans
    if directive_poll_seconds is None:
        directive_poll_seconds = _poll_seconds(
            ports.transactions.engine.dialect.name, settings.webs
        )
    directives = Directives(ports.transactions, ports.bell, directive_poll_seconds, ports.stopping)

    def held(kind: Kind, id: str, fence: int) -> Hold:
        token = _bearer()
        if not tokens.is_ours(token, kind, id):
            raise Unauthenticated("This token was never issued for this job.")
        return Hold(kind, id, fence, token)

    def wake(job: Job | None, *topics: str, relay: bool = True) -> None:
        if relay:
            ports.ring(outbox.DOORBELL)
        if job is not None:
            ports.bell.ring(*cancel.topics(job), *topics)

    @blueprint.post("/claims")
    def claims() -> Response:
        _check_worker(ports.worker_token)
        wanted = _body(ClaimRequest)
        given = claim(
            ports.transactions,
            ports.objects,
            tokens,
            wanted,
            lease_times,
            allowed,
            sources=Sources(ports.seals, settings.allowed_hosts),
            registry=ports.registry,
        )
        if given is None:
            wake(None)
            return _nothing()
        ports.bell.ring(given.id, f"account:{given.account}")
        log.info("claimed", kind=given.kind, job=given.id, fence=given.fence, worker=wanted.worker)
        return _json(given)

    @blueprint.get("/directives")
    def poll() -> Response:
        _check_worker(ports.worker_token)
        try:
            seconds = max(0.0, float(request.args.get("wait", "0")))
        except ValueError as error:
            raise Invalid("wait is a number of seconds.") from error
        found = directives.wait(request.args.get("worker", ""), seconds)
        return _json(_Directives(items=found))

    @blueprint.post("/images/collect")
    def images_to_collect() -> Response:
        _check_worker(ports.worker_token)
        wanted = _body(CollectRequest)
        with ports.transactions.read() as session:
            return _json(images.choose(session, wanted))

    @blueprint.post("/images/collected")
    def images_collected() -> Response:
        _check_worker(ports.worker_token)
        gone = _body(CollectedImages)
        with ports.transactions.begin() as session:
            images.mark_collected(session, gone.images)
        log.info("images_collected", worker=gone.worker, count=len(gone.images))
        return _nothing()

    @blueprint.post("/<any(runs, builds, previews):what>/<id>/heartbeat")
    def heartbeat(what: str, id: str) -> Response:
        hold = held(_KINDS[what], id, _body(Heartbeat).fence)
        with ports.transactions.begin() as session:
            return _json(leases.heartbeat(session, hold, lease_times))

    @blueprint.post("/<any(runs, builds, previews):what>/<id>/phase")
    def phase(what: str, id: str) -> Response:
        wanted = _body(PhaseReport)
        hold = held(_KINDS[what], id, wanted.fence)
        with _fenced(), ports.transactions.begin() as session:
            job = report.report_phase(session, hold, wanted)
        ports.bell.ring(*cancel.readers(job))
        return _nothing()

    @blueprint.post("/<any(runs, builds):what>/<id>/log")
    def append(what: str, id: str) -> Response:
        stream = _stream()
        offset = _number("offset")
        hold = held(_KINDS[what], id, _number("fence"))
        if (request.content_length or 0) > live_logs.MAX_CHUNK:
            raise TooLarge(f"A chunk has at most {live_logs.MAX_CHUNK} bytes.")
        data = request.get_data(cache=False)
        if len(data) > live_logs.MAX_CHUNK:
            raise TooLarge(f"A chunk has at most {live_logs.MAX_CHUNK} bytes.")
        with _fenced(), ports.transactions.begin() as session:
            following = live_logs.append(session, hold, stream, offset, data)
        ports.bell.ring(id)
        if offset // _SPILL_EVERY != following // _SPILL_EVERY:
            live_logs.spill(ports.transactions, ports.objects, hold.kind, id, stream)
        return _json(LogAccepted(next=following))

    @blueprint.post("/<any(runs, builds):what>/<id>/uploads")
    def uploads(what: str, id: str) -> Response:
        wanted = _body(UploadRequest)
        hold = held(_KINDS[what], id, wanted.fence)
        prefix = own_prefix(hold)
        targets = UploadTargets(urls={}, keys={})
        for one in wanted.objects:
            key = prefix + run_results.check_name(one.name)
            try:
                put = ports.objects.presign_put(
                    key, size=one.size, sha256=one.sha256, seconds=UPLOAD_URL_SECONDS
                )
            except BadKey as error:
                raise Invalid(str(error)) from error
            targets.urls[one.name], targets.keys[one.name] = put.url, key
            if put.headers:
                targets.headers[one.name] = dict(put.headers)
        return _json(targets)

    @blueprint.post("/<any(runs, builds):what>/<id>/image")
    def access_to_image(what: str, id: str) -> Response:
        hold = held(_KINDS[what], id, _body(ImageRequest).fence)
        with _fenced(), ports.transactions.read() as session:
            wanted = image_access.wanted(session, hold, ports.registry)
        if wanted is None:
            return _nothing()
        access = image_access.mint(
            ports.registry, wanted
        )  # outside the transaction: AWS may be slow
        log.info("image_access_given", kind=hold.kind, job=id, repository=access.repository)
        return _json(access)

    @blueprint.post("/runs/<id>/finish")
    def finish_run(id: str) -> Response:
        wanted = _body(RunReport)
        hold = held("run", id, wanted.fence)
        prefix = prefix_unless_finished(hold)
        if prefix is None:
            return _nothing()
        kept = run_results.keep(wanted, ports.objects, prefix)
        with _fenced(), ports.transactions.begin() as session:
            finished = finish.finish_run(session, hold, kept)
        after(hold, finished)
        return _nothing()

    @blueprint.post("/builds/<id>/finish")
    def finish_build(id: str) -> Response:
        wanted = _body(BuildReport)
        hold = held("build", id, wanted.fence)
        prefix = prefix_unless_finished(hold)
        if prefix is None:
            return _nothing()
        finish.check_build_report(wanted, prefix)
        with _fenced(), ports.transactions.read() as session:
            image_access.check_place(session, hold, wanted, ports.registry)
        with _fenced(), ports.transactions.begin() as session:
            finished = finish.finish_build(session, hold, wanted)
        after(hold, finished)
        return _nothing()

    @blueprint.post("/previews/<id>/finish")
    def finish_preview(id: str) -> Response:
        wanted = _body(PreviewReport)
        hold = held("preview", id, wanted.fence)
        with _fenced(), ports.transactions.begin() as session:
            job = previews.finish_preview(session, hold, wanted)
        if job is not None:
            wake(job)
            log.info("finished", kind=hold.kind, job=hold.id, state=job.state)
        return _nothing()

    @blueprint.post("/<any(runs, builds, previews):what>/<id>/release")
    def release(what: str, id: str) -> Response:
        wanted = _body(Release)
        hold = held(_KINDS[what], id, wanted.fence)
        with _fenced(), ports.transactions.begin() as session:
            job = report.release(session, hold, wanted)
        log.info("released", kind=hold.kind, job=id, reason=wanted.reason, to=job.state)
        wake(job)
        return _nothing()

    def own_prefix(hold: Hold) -> str:
        """Where this attempt's objects lie; refused unless it holds the job."""
        with _fenced(), ports.transactions.read() as session:
            return jobs.prefix(leases.hold(session, hold, lock=False))

    def prefix_unless_finished(hold: Hold) -> str | None:
        """As `own_prefix`, but None where this very attempt has ended the job before."""
        with _fenced(), ports.transactions.read() as session:
            job = leases.hold_unless_finished(session, hold, lock=False)
            return None if job is None else jobs.prefix(job)

    def after(hold: Hold, finished: finish.Finished) -> None:
        """What need not be in the transaction; the result stands even if this fails."""
        if finished.job is None:
            return
        wake(finished.job, *finished.woken, relay=finished.urgent)
        log.info("finished", kind=hold.kind, job=hold.id, state=finished.job.state)
        try:
            for key in finished.dropped:
                ports.objects.delete(key)
            for stream in _STREAMS if finished.has_live_log else ():
                live_logs.spill(
                    ports.transactions, ports.objects, hold.kind, hold.id, stream, keep=0
                )
        except Exception:
            log.exception("live_log_not_tidied", kind=hold.kind, job=hold.id)

    return blueprint


def _bearer() -> str:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" else ""


def _poll_seconds(dialect: str, webs: str) -> float:
    """One web process alone commits every cancel itself and rings its own bell; others' are looked for."""
    return 5.0 if dialect == "sqlite" and Bounds.parse(webs).most == 1 else 0.5


def _check_worker(worker_token: str) -> None:
    if not worker_token or not hmac.compare_digest(_bearer().encode(), worker_token.encode()):
        raise Unauthenticated("This is not the installation's worker token.")


@contextmanager
def _fenced() -> Iterator[None]:
    try:
        yield
    except LeaseLost as error:
        raise Conflict(
            "Another attempt holds this job, or it has ended: stop, and publish nothing.",
            code="lost",
        ) from error


def _body(model: type[B]) -> B:
    return model.model_validate_json(request.get_data(cache=False))


def _json(body: BaseModel) -> Response:
    return Response(body.model_dump_json(), mimetype="application/json")


def _nothing() -> Response:
    return Response(status=204)


def _number(name: str) -> int:
    text = request.args.get(name, "")
    if not text.isascii() or not text.isdigit() or len(text) > 15:
        raise Invalid(f"{name} is a whole number, zero or more.")
    return int(text)


def _stream() -> Stream:
    for stream in _STREAMS:
        if request.args.get("stream") == stream:
            return stream
    raise Invalid("stream is stdout or stderr.")
