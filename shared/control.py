"""Client of web's worker API: all that a builder or runner knows of the platform goes through here."""

import hashlib
import os
import ssl
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO, Literal, TypeVar, overload

import httpx
from pydantic import BaseModel, ValidationError

from shared import tracing
from shared.work import (
    BuildAssignment,
    BuildReport,
    ClaimRequest,
    CollectedImages,
    CollectRequest,
    Directive,
    Heartbeat,
    ImageAccess,
    ImageRequest,
    ImagesToCollect,
    KeptImage,
    Kind,
    Lease,
    LogAccepted,
    PhaseReport,
    PreviewAssignment,
    PreviewReport,
    Release,
    RunAssignment,
    RunReport,
    UploadObject,
    UploadRequest,
    UploadTargets,
)

_CHUNK = 256 * 1024
_UPLOADS_AT_ONCE = 1000
_API = "/api/v1/worker"
T = TypeVar("T")


class Lost(Exception):
    """The lease belongs to nobody or to another attempt: end the work and publish nothing."""


class Unavailable(Exception):
    """Web or the object store does not answer now; the same call may be repeated later."""

    def __init__(self, reason: str, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class Refused(Exception):
    """The call was understood and will never be accepted as it is."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message


class WrongOffset(Exception):
    """The stream's next chunk must start at `next`."""

    def __init__(self, next_offset: int) -> None:
        super().__init__(f"the next chunk must start at {next_offset}")
        self.next = next_offset


class Directed(BaseModel):
    """What a worker must do with one of its jobs, pushed instead of waiting for its heartbeat."""

    kind: Kind
    id: str
    fence: int
    directive: Literal["continue", "cancel", "lost"]


class _Directives(BaseModel):
    items: list[Directed]


Assignment = RunAssignment | BuildAssignment | PreviewAssignment

_ASSIGNMENTS: dict[Kind, Callable[[bytes], Assignment]] = {
    "run": RunAssignment.model_validate_json,
    "build": BuildAssignment.model_validate_json,
    "preview": PreviewAssignment.model_validate_json,
}


class Control:
    """The worker API over HTTP; one instance serves all threads of a worker."""

    def __init__(
        self,
        url: str,
        worker_token: str,
        worker: str,
        *,
        timeout: float = 15.0,
        transfer_timeout: float = 120.0,
    ) -> None:
        self._base = url.rstrip("/") + _API
        self._worker_token = worker_token
        self.worker = worker
        self._timeout = timeout
        # The host's proxy variables are for builds, not for the way to web or the object store.
        self._client = httpx.Client(
            trust_env=False,
            verify=ssl.create_default_context(),  # what this host trusts, a company's own too
            follow_redirects=False,
            timeout=httpx.Timeout(timeout, connect=min(5.0, timeout)),
            limits=httpx.Limits(max_connections=64, max_keepalive_connections=16),
        )
        self._transfer = httpx.Timeout(transfer_timeout, connect=min(5.0, timeout))

    def close(self) -> None:
        self._client.close()

    @overload
    def claim(self, kind: Literal["run"], job_id: str) -> RunAssignment | None: ...

    @overload
    def claim(self, kind: Literal["build"], job_id: str) -> BuildAssignment | None: ...

    @overload
    def claim(self, kind: Literal["preview"], job_id: str) -> PreviewAssignment | None: ...

    def claim(self, kind: Kind, job_id: str) -> Assignment | None:
        """The job under a new lease, or None when there is nothing to claim."""
        body = ClaimRequest(kind=kind, id=job_id, worker=self.worker)
        answer = self._call("POST", "/claims", self._worker_token, json=body)
        if answer.status_code == 204:
            return None
        return _parsed(answer, _ASSIGNMENTS[kind])

    def directives(self, wait: float) -> list[Directed]:
        """Directives for leases of this worker, after at most `wait` seconds."""
        answer = self._call(
            "GET",
            "/directives",
            self._worker_token,
            params={"worker": self.worker, "wait": f"{wait:g}"},
            timeout=wait + self._timeout,
        )
        return _parsed(answer, _Directives.model_validate_json).items

    def images_to_collect(self, bytes_wanted: int, kept: list[str]) -> list[KeptImage]:
        """Images that nobody needs now, least recently used first; none of `kept`."""
        body = CollectRequest(worker=self.worker, bytes_wanted=bytes_wanted, kept=kept)
        answer = self._call("POST", "/images/collect", self._worker_token, json=body)
        return _parsed(answer, ImagesToCollect.model_validate_json).images

    def images_collected(self, images: list[KeptImage]) -> None:
        """They are gone from this host; the next run that needs one has it built again."""
        body = CollectedImages(worker=self.worker, images=images)
        self._call("POST", "/images/collected", self._worker_token, json=body)

    def heartbeat(self, kind: Kind, lease: Lease) -> Directive:
        """Renew the lease; a lost one is told as the directive `lost`."""
        try:
            answer = self._job(kind, lease, "heartbeat", Heartbeat(fence=lease.fence))
        except Lost:
            return Directive(directive="lost")
        return _parsed(answer, Directive.model_validate_json)

    def image_access(self, kind: Literal["run", "build"], lease: Lease) -> ImageAccess | None:
        """For a build's push or a run's pull; None where images stay on this host's engine."""
        answer = self._job(kind, lease, "image", ImageRequest(fence=lease.fence))
        if answer.status_code == 204:
            return None
        return _parsed(answer, ImageAccess.model_validate_json)

    def phase(self, kind: Kind, lease: Lease, phase: str, detail: str = "") -> None:
        self._job(kind, lease, "phase", PhaseReport(fence=lease.fence, phase=phase, detail=detail))

    def log(self, kind: Kind, lease: Lease, stream: str, offset: int, data: bytes) -> int:
        """Append to a stream; the offset of its next chunk. Raises `WrongOffset` on a gap."""
        answer = self._call(
            "POST",
            f"/{kind}s/{lease.id}/log",
            lease.token,
            leased=True,
            params={"fence": str(lease.fence), "stream": stream, "offset": str(offset)},
            content=data,
        )
        return _parsed(answer, LogAccepted.model_validate_json).next

    def uploads(self, kind: Kind, lease: Lease, objects: list[UploadObject]) -> UploadTargets:
        """URLs that take one PUT each, and the keys that these objects will have."""
        targets = UploadTargets(urls={}, keys={})
        for start in range(0, len(objects), _UPLOADS_AT_ONCE):
            part = objects[start : start + _UPLOADS_AT_ONCE]
            request = UploadRequest(fence=lease.fence, objects=part)
            answer = self._job(kind, lease, "uploads", request)
            some = _parsed(answer, UploadTargets.model_validate_json)
            targets.urls.update(some.urls)
            targets.keys.update(some.keys)
            targets.headers.update(some.headers)
        return targets

    def finish(
        self, kind: Kind, lease: Lease, report: RunReport | BuildReport | PreviewReport
    ) -> None:
        """Report the end; the same report again is fine."""
        self._job(kind, lease, "finish", report)

    def release(self, kind: Kind, lease: Lease, release: Release) -> None:
        """Give the job back."""
        self._job(kind, lease, "release", release)

    def put(
        self, url: str, source: Path | BinaryIO, headers: Mapping[str, str] | None = None
    ) -> None:
        """Upload a file, given by path or as an open reader, from its first byte, once in effect.

        `headers` are those that the URL was signed with (`UploadTargets.headers`).
        """
        if isinstance(source, Path):
            with source.open("rb") as file:
                return self.put(url, file, headers)
        size = os.fstat(source.fileno()).st_size
        source.seek(0)
        answer = self._send(
            "PUT",
            url,
            content=iter(lambda: source.read(_CHUNK), b""),
            headers={**(headers or {}), "Content-Length": str(size)},
            timeout=self._transfer,
        )
        if headers and answer.status_code == 412:
            # S3 has it already: an earlier answer was lost. Only these very bytes were signed.
            return None
        if headers and answer.status_code == 409:
            raise Unavailable("HTTP 409: the store is writing this object just now")
        _raise_for(answer, leased=False)
        return None

    def get(self, url: str, target: Path | BinaryIO, *, max_bytes: int | None = None) -> str:
        """Download into a file, given by path or as an open writer; the SHA-256 (hex) of the bytes."""
        if isinstance(target, Path):
            with target.open("wb") as file:
                return self.get(url, file, max_bytes=max_bytes)
        digest, size = hashlib.sha256(), 0
        try:
            with self._client.stream("GET", url, timeout=self._transfer) as answer:
                if answer.status_code != 200:
                    answer.read()
                    _raise_for(answer, leased=False)
                for chunk in answer.iter_bytes(_CHUNK):
                    size += len(chunk)
                    if max_bytes is not None and size > max_bytes:
                        raise Refused(200, "too_large", f"more than {max_bytes} bytes were sent")
                    digest.update(chunk)
                    target.write(chunk)
        except httpx.TransportError as error:
            raise Unavailable(_told(error)) from error
        target.flush()
        return digest.hexdigest()

    def _job(self, kind: Kind, lease: Lease, what: str, body: BaseModel) -> httpx.Response:
        return self._call(
            "POST", f"/{kind}s/{lease.id}/{what}", lease.token, leased=True, json=body
        )

    def _call(
        self,
        method: str,
        path: str,
        token: str,
        *,
        leased: bool = False,
        json: BaseModel | None = None,
        content: bytes | None = None,
        params: dict[str, str] | None = None,
        timeout: float | None = None,
    ) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"}
        if trace := tracing.current():
            headers["traceparent"] = trace
        if json is not None:
            content = json.model_dump_json().encode()
            headers["Content-Type"] = "application/json"
        elif content is not None:
            headers["Content-Type"] = "application/octet-stream"
        answer = self._send(
            method,
            self._base + path,
            content=content,
            params=params,
            headers=headers,
            timeout=timeout or self._timeout,
        )
        _raise_for(answer, leased=leased)
        return answer

    def _send(self, method: str, url: str, **request: object) -> httpx.Response:
        try:
            return self._client.request(method, url, **request)  # type: ignore[arg-type]
        except httpx.TransportError as error:
            raise Unavailable(_told(error)) from error


def through_outages(
    call: Callable[[], T],
    *,
    stop: threading.Event | None = None,
    longest_pause: float = 5.0,
    on_outage: Callable[[Unavailable], None] | None = None,
) -> T:
    """Repeat `call` until web answers; once `stop` is set, the last `Unavailable` is raised."""
    waiter = stop or threading.Event()
    pause = 0.1
    while True:
        try:
            return call()
        except Unavailable as error:
            if on_outage:
                on_outage(error)
            if waiter.wait(min(longest_pause, max(pause, error.retry_after or 0.0))):
                raise
            pause = min(pause * 2, longest_pause)


def _told(error: Exception) -> str:
    return str(error) or type(error).__name__


def _parsed(answer: httpx.Response, parse: Callable[[bytes], T]) -> T:
    try:
        return parse(answer.content)
    except ValidationError as error:
        # Something else than web answered (a proxy's page): as good as no answer.
        raise Unavailable(f"an answer that is not the worker API's: {error}") from error


def _raise_for(answer: httpx.Response, *, leased: bool) -> None:
    status = answer.status_code
    if status < 300:
        return
    if status >= 500 or status == 429:
        raise Unavailable(f"HTTP {status}", _seconds(answer.headers.get("Retry-After")))
    code, message, details = _error(answer)
    if status == 409 and code == "lost":
        raise Lost(message)
    if status == 409 and code == "offset":
        raise WrongOffset(int(details["next"]))
    if leased and status in (401, 404) and code:
        raise Lost(message)  # the attempt is unknown: deleted, or a restored backup never saw it
    if leased and not code:
        raise Unavailable(f"HTTP {status} from something that is not the worker API")
    raise Refused(status, code, message)


def _error(answer: httpx.Response) -> tuple[str, str, dict[str, int]]:
    try:
        error = answer.json()["error"]
        return str(error["code"]), str(error["message"]), dict(error.get("details") or {})
    except (ValueError, KeyError, TypeError):
        return "", answer.text[:200], {}


def _seconds(text: str | None) -> float | None:
    try:
        return float(text) if text else None
    except ValueError:
        return None
