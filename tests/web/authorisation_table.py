"""Every route with what each caller gets: the whole policy on one page, checked by a test.

Statuses stand in the order of `PRINCIPALS`: anonymous, owner, other, administrator, a worker (the
installation's token), an attempt (a job's token). The world's tool is private and all rows are the
owner's: for the other person, what is foreign must look like what is absent (404).
"""

import io
from collections.abc import Callable
from dataclasses import dataclass

from shared.objects_disk import DiskObjects
from shared.uploads_disk import DiskUploads
from tests.web.authorisation_world import PASSWORD, Call, World


@dataclass(frozen=True)
class Row:
    """Expected statuses, and how to call the route in a world."""

    expected: str
    call: Callable[[World, DiskObjects], Call]


def _at(path: str, **kwargs: object) -> Callable[[World, DiskObjects], Call]:
    return lambda w, o: Call(_filled(path, w), **kwargs)  # type: ignore[arg-type]


def _filled(path: str, w: World) -> str:
    for name in (
        "preview",
        "tool",
        "run",
        "live_run",
        "build",
        "file",
        "upload",
        "storage",
        "credential",
        "token",
        "mark",
    ):
        path = path.replace(f"<{name}>", getattr(w, name))
    return path


def _fenced(path: str, **body: object) -> Callable[[World, DiskObjects], Call]:
    return lambda w, o: Call(_filled(path, w), json={"fence": w.fence, **body})


def _password(w: World, o: DiskObjects) -> Call:
    return Call("/account/password", form={"present": PASSWORD, "new": "another good password"})


def _signed_get(w: World, o: DiskObjects) -> Call:
    return Call(o.presign_get(w.key, seconds=60).partition("127.0.0.1:8080")[2])


EMPTY = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"


def _signed_put(w: World, o: DiskObjects) -> Call:
    url = o.presign_put(f"runs/{w.run}/new", size=0, sha256=EMPTY, seconds=60).url
    return Call(url.partition("127.0.0.1:8080")[2], data=b"")


def _signed_post(w: World, o: DiskObjects) -> Call:
    form = DiskUploads(o).presign_post(f"files/{w.run}", size=0, sha256=EMPTY, seconds=60)
    content = {"file": (io.BytesIO(b""), "x"), **form.fields}
    return Call(form.url.partition("127.0.0.1:8080")[2], form=content)


OFFERED = {"line": "x", "link": "https://github.com/example/wc"}
REPORT = {"state": "failed", "exit_code": 1, "reason": "", "seconds": 1.0}

TABLE: dict[str, Row] = {
    "GET /": Row("200 303 303 303 303 303", _at("/")),
    "GET /account": Row("303 200 200 200 303 303", _at("/account")),
    "GET /account/git-hosts": Row("303 200 200 200 303 303", _at("/account/git-hosts")),
    "POST /account/git-hosts": Row(
        "401 303 303 303 401 401",
        _at("/account/git-hosts", form={"host": "gitlab.com", "secret": "x"}),
    ),
    "POST /account/git-hosts/<credential_id>/remove": Row(
        "401 303 404 404 401 401", _at("/account/git-hosts/<credential>/remove", form={})
    ),
    "POST /account/password": Row("401 303 303 303 401 401", _password),
    "POST /account/sessions/<mark>/revoke": Row(
        "401 303 404 404 401 401", _at("/account/sessions/<mark>/revoke", form={})
    ),
    "POST /account/tokens": Row(
        "401 201 201 201 401 401", _at("/account/tokens", form={"name": "x"})
    ),
    "POST /account/tokens/<token_id>/revoke": Row(
        "401 303 404 404 401 401", _at("/account/tokens/<token>/revoke", form={})
    ),
    "GET /add": Row("303 200 200 200 303 303", _at("/add")),
    "POST /add": Row("401 303 303 303 401 401", _at("/add", form=OFFERED)),
    "POST /add/look": Row("401 303 303 303 401 401", _at("/add/look", form=OFFERED)),
    "GET /add/look/<preview_id>": Row("303 200 404 200 303 303", _at("/add/look/<preview>")),
    "GET /api/v1/builds/<build_id>": Row("404 200 404 200 401 401", _at("/api/v1/builds/<build>")),
    "POST /api/v1/builds/<build_id>/cancel": Row(
        "401 200 404 200 401 401", _at("/api/v1/builds/<build>/cancel", json={})
    ),
    "GET /api/v1/builds/<build_id>/events": Row(
        "404 200 404 200 401 401", _at("/api/v1/builds/<build>/events")
    ),
    "GET /api/v1/builds/<build_id>/log": Row(
        "404 200 404 200 401 401", _at("/api/v1/builds/<build>/log")
    ),
    "GET /api/v1/docs": Row("200 200 200 200 200 200", _at("/api/v1/docs")),
    "POST /api/v1/files": Row("401 201 201 201 401 401", _at("/api/v1/files?name=x", data=b"x")),
    "POST /api/v1/uploads": Row(
        "401 201 201 201 401 401", _at("/api/v1/uploads", json={"name": "x", "size": 3})
    ),
    "POST /api/v1/storage-credentials": Row(
        "401 409 409 201 401 401", _at("/api/v1/storage-credentials", json={})
    ),
    "GET /api/v1/storage-credentials": Row(
        "401 200 200 200 401 401", _at("/api/v1/storage-credentials")
    ),
    "DELETE /api/v1/storage-credentials/<credential_id>": Row(
        "401 204 404 404 401 401", _at("/api/v1/storage-credentials/<storage>")
    ),
    "POST /account/storage": Row("401 409 409 201 401 401", _at("/account/storage", form={})),
    "POST /account/storage/<credential_id>/revoke": Row(
        "401 303 404 404 401 401", _at("/account/storage/<storage>/revoke", form={})
    ),
    "GET /api/v1/uploads": Row("401 200 200 200 401 401", _at("/api/v1/uploads")),
    "GET /api/v1/uploads/<upload_id>": Row(
        "401 200 404 404 401 401", _at("/api/v1/uploads/<upload>")
    ),
    "DELETE /api/v1/uploads/<upload_id>": Row(
        "401 204 404 404 401 401", _at("/api/v1/uploads/<upload>")
    ),
    "POST /api/v1/uploads/<upload_id>/parts": Row(
        "401 200 404 404 401 401",
        _at("/api/v1/uploads/<upload>/parts", json={"parts": [{"number": 1, "sha256": EMPTY}]}),
    ),
    "POST /api/v1/uploads/<upload_id>/complete": Row(
        "401 201 404 404 401 401", _at("/api/v1/uploads/<upload>/complete", json={})
    ),
    "GET /api/v1/files/<file_id>": Row("401 200 404 404 401 401", _at("/api/v1/files/<file>")),
    "GET /api/v1/files": Row("401 200 200 200 401 401", _at("/api/v1/files")),
    "DELETE /api/v1/files/<file_id>": Row("401 204 404 404 401 401", _at("/api/v1/files/<file>")),
    "GET /files": Row("303 200 200 200 303 303", _at("/files")),
    "POST /files/<file_id>/delete": Row(
        "401 303 404 404 401 401", _at("/files/<file>/delete", form={})
    ),
    "POST /files/unfinished/<upload_id>/delete": Row(
        "401 303 404 404 401 401", _at("/files/unfinished/<upload>/delete", form={})
    ),
    "GET /api/v1/me": Row("401 200 200 200 401 401", _at("/api/v1/me")),
    "GET /api/v1/openapi.json": Row("200 200 200 200 200 200", _at("/api/v1/openapi.json")),
    "POST /api/v1/runs": Row(
        "401 201 404 201 401 401", lambda w, o: Call("/api/v1/runs", json={"tool": w.tool})
    ),
    "GET /api/v1/runs": Row("401 200 200 200 401 401", _at("/api/v1/runs")),
    "GET /api/v1/runs/<run_id>": Row("401 200 404 200 401 401", _at("/api/v1/runs/<run>")),
    "POST /api/v1/runs/<run_id>/cancel": Row(
        "401 200 404 200 401 401", _at("/api/v1/runs/<run>/cancel", json={})
    ),
    "GET /api/v1/runs/<run_id>/events": Row(
        "401 200 404 200 401 401", _at("/api/v1/runs/<run>/events")
    ),
    "GET /api/v1/runs/<run_id>/logs/<stream>": Row(
        "401 200 404 200 401 401", _at("/api/v1/runs/<run>/logs/stdout")
    ),
    "GET /api/v1/runs/<run_id>/outputs": Row(
        "401 200 404 200 401 401", _at("/api/v1/runs/<run>/outputs")
    ),
    "GET /api/v1/runs/<run_id>/outputs.zip": Row(
        "401 200 404 200 401 401", _at("/api/v1/runs/<run>/outputs.zip")
    ),
    "GET /api/v1/runs/<run_id>/outputs/<int:n>": Row(
        "401 302 404 302 401 401", _at("/api/v1/runs/<run>/outputs/0")
    ),
    "POST /api/v1/hooks/<tool_id>": Row(  # a push is believed by its signature alone
        "401 401 401 401 401 401", _at("/api/v1/hooks/<tool>", json={})
    ),
    "POST /api/v1/source-credentials": Row(
        "401 201 201 201 401 401",
        _at("/api/v1/source-credentials", json={"host": "gitlab.com", "secret": "x"}),
    ),
    "GET /api/v1/source-credentials": Row(
        "401 200 200 200 401 401", _at("/api/v1/source-credentials")
    ),
    "DELETE /api/v1/source-credentials/<credential_id>": Row(
        "401 204 404 404 401 401", _at("/api/v1/source-credentials/<credential>")
    ),
    "POST /api/v1/tools/<tool>/newest": Row(
        "401 201 404 201 401 401", _at("/api/v1/tools/<tool>/newest", json={})
    ),
    "POST /api/v1/tools/<tool>/webhook": Row(
        "401 201 404 201 401 401", _at("/api/v1/tools/<tool>/webhook", json={})
    ),
    "DELETE /api/v1/tools/<tool>/webhook": Row(
        "401 204 404 204 401 401", _at("/api/v1/tools/<tool>/webhook")
    ),
    "GET /api/v1/tools/<tool>/versions/<int:number>/changes": Row(
        "404 200 404 200 401 401", _at("/api/v1/tools/<tool>/versions/1/changes")
    ),
    "GET /api/v1/tools/<tool>/versions/<int:number>/provenance": Row(
        "404 200 404 200 401 401", _at("/api/v1/tools/<tool>/versions/1/provenance")
    ),
    "POST /api/v1/tools/<tool>/versions/<int:number>/rebuild": Row(
        "401 201 404 201 401 401", _at("/api/v1/tools/<tool>/versions/1/rebuild", json={})
    ),
    "GET /api/v1/tools/<tool>/versions/<int:number>/sbom": Row(
        "404 302 404 302 401 401", _at("/api/v1/tools/<tool>/versions/1/sbom")
    ),
    "GET /api/v1/tools/<tool>/versions/<int:number>/source": Row(
        "404 302 404 302 401 401", _at("/api/v1/tools/<tool>/versions/1/source")
    ),
    "POST /api/v1/tokens": Row(
        "401 201 201 201 401 401", _at("/api/v1/tokens", json={"name": "x"})
    ),
    "GET /api/v1/tokens": Row("401 200 200 200 401 401", _at("/api/v1/tokens")),
    "DELETE /api/v1/tokens/<token_id>": Row(
        "401 204 404 404 401 401", _at("/api/v1/tokens/<token>")
    ),
    "POST /api/v1/tools": Row(
        "401 201 201 201 401 401", _at("/api/v1/tools", json={"link": OFFERED["link"]})
    ),
    "GET /api/v1/tools": Row("200 200 200 200 401 401", _at("/api/v1/tools")),
    "GET /api/v1/tools/<tool>": Row("404 200 404 200 401 401", _at("/api/v1/tools/<tool>")),
    "POST /api/v1/previews": Row(
        "401 201 201 201 401 401", _at("/api/v1/previews", json={"link": OFFERED["link"]})
    ),
    "GET /api/v1/previews/<preview_id>": Row(
        "401 200 404 200 401 401", _at("/api/v1/previews/<preview>")
    ),
    "PATCH /api/v1/tools/<tool>": Row(
        "401 200 404 200 401 401", _at("/api/v1/tools/<tool>", json={"description": "x"})
    ),
    "DELETE /api/v1/tools/<tool>": Row("401 204 404 204 401 401", _at("/api/v1/tools/<tool>")),
    "GET /api/v1/tools/<tool>/builds": Row(
        "404 200 404 200 401 401", _at("/api/v1/tools/<tool>/builds")
    ),
    "GET /api/v1/tools/<tool>/versions": Row(
        "404 200 404 200 401 401", _at("/api/v1/tools/<tool>/versions")
    ),
    "GET /api/v1/tools/<tool>/versions/<int:number>": Row(
        "404 200 404 200 401 401", _at("/api/v1/tools/<tool>/versions/1")
    ),
    "POST /api/v1/tools/<tool>/versions/<int:number>/builds": Row(
        "401 201 404 201 401 401", _at("/api/v1/tools/<tool>/versions/2/builds", json={})
    ),
    "POST /api/v1/worker/previews/<id>/finish": Row(
        "401 401 401 401 401 401",
        _fenced("/api/v1/worker/previews/<preview>/finish", state="failed"),
    ),
    "POST /api/v1/worker/<any(runs, builds, previews):what>/<id>/heartbeat": Row(
        "401 401 401 401 401 200", _fenced("/api/v1/worker/runs/<live_run>/heartbeat")
    ),
    "POST /api/v1/worker/<any(runs, builds):what>/<id>/log": Row(
        "401 401 401 401 401 200",
        lambda w, o: Call(
            f"/api/v1/worker/runs/{w.live_run}/log?fence={w.fence}&stream=stdout&offset=0",
            data=b"x",
        ),
    ),
    "POST /api/v1/worker/<any(runs, builds, previews):what>/<id>/phase": Row(
        "401 401 401 401 401 204", _fenced("/api/v1/worker/runs/<live_run>/phase", phase="running")
    ),
    "POST /api/v1/worker/<any(runs, builds, previews):what>/<id>/release": Row(
        "401 401 401 401 401 204",
        _fenced("/api/v1/worker/runs/<live_run>/release", reason="draining"),
    ),
    # Nothing is to be had where images stay on the engine: 204.
    "POST /api/v1/worker/<any(runs, builds):what>/<id>/image": Row(
        "401 401 401 401 401 204", _fenced("/api/v1/worker/runs/<live_run>/image")
    ),
    "POST /api/v1/worker/<any(runs, builds):what>/<id>/uploads": Row(
        "401 401 401 401 401 200", _fenced("/api/v1/worker/runs/<live_run>/uploads", objects=[])
    ),
    "POST /api/v1/worker/builds/<id>/finish": Row(
        "401 401 401 401 401 401", _fenced("/api/v1/worker/builds/<build>/finish", state="failed")
    ),
    "POST /api/v1/worker/claims": Row(
        "401 401 401 401 200 401",
        lambda w, o: Call(
            "/api/v1/worker/claims", json={"kind": "build", "id": w.build, "worker": "h:b"}
        ),
    ),
    # Not by token but by a proof that AWS answers for; without roles in the settings there is no such place.
    "POST /api/v1/worker/enrolments": Row(
        "404 404 404 404 404 404", _at("/api/v1/worker/enrolments", json={})
    ),
    "GET /api/v1/worker/directives": Row(
        "401 401 401 401 200 401", _at("/api/v1/worker/directives?worker=h:b&wait=0")
    ),
    "POST /api/v1/worker/images/collect": Row(
        "401 401 401 401 200 401",
        lambda w, o: Call(
            "/api/v1/worker/images/collect", json={"worker": "h:b", "bytes_wanted": 1}
        ),
    ),
    "POST /api/v1/worker/images/collected": Row(
        "401 401 401 401 204 401",
        lambda w, o: Call("/api/v1/worker/images/collected", json={"worker": "h:b", "images": []}),
    ),
    "POST /api/v1/worker/runs/<id>/finish": Row(
        "401 401 401 401 401 204", _fenced("/api/v1/worker/runs/<live_run>/finish", **REPORT)
    ),
    "GET /assets/<version>/<path:name>": Row(
        "200 200 200 200 200 200", _at("/assets/0/css/base.css")
    ),
    "GET /builds/<build_id>": Row("303 200 404 200 303 303", _at("/builds/<build>")),
    "GET /builds/<build_id>/log": Row("303 200 404 200 303 303", _at("/builds/<build>/log")),
    "POST /builds/<build_id>/cancel": Row(
        "401 303 404 303 401 401", _at("/builds/<build>/cancel", form={})
    ),
    "GET /favicon.ico": Row("200 200 200 200 200 200", _at("/favicon.ico")),
    "GET /healthz": Row("200 200 200 200 200 200", _at("/healthz")),
    "GET /how-to": Row("200 200 200 200 200 200", _at("/how-to")),
    "GET /metrics": Row("200 200 200 200 200 200", _at("/metrics")),
    "GET /objects/<path:key>": Row("200 200 200 200 200 200", _signed_get),
    "POST /objects/<path:key>": Row("204 204 204 204 204 204", _signed_post),
    "PUT /objects/<path:key>": Row("204 204 204 204 204 204", _signed_put),
    "GET /palette": Row("303 200 200 200 303 303", _at("/palette")),
    "POST /parse": Row("401 200 200 200 401 401", _at("/parse", form={"line": "a b"})),
    "GET /readyz": Row("200 200 200 200 200 200", _at("/readyz")),
    "GET /runs": Row("303 200 200 200 303 303", _at("/runs")),
    "GET /runs/<run_id>": Row("303 200 404 200 303 303", _at("/runs/<run>")),
    "POST /runs/<run_id>/cancel": Row(
        "401 303 404 303 401 401", _at("/runs/<run>/cancel", form={})
    ),
    "GET /runs/<run_id>/outputs.zip": Row(
        "303 200 404 200 303 303", _at("/runs/<run>/outputs.zip")
    ),
    "GET /runs/<run_id>/outputs/<int:n>": Row(
        "303 200 404 200 303 303", _at("/runs/<run>/outputs/0")
    ),
    "GET /runs/<run_id>/outputs/<int:n>/download": Row(
        "303 303 404 303 303 303", _at("/runs/<run>/outputs/0/download")
    ),
    "GET /runs/<run_id>/outputs/<int:n>/image": Row(
        "303 404 404 404 303 303", _at("/runs/<run>/outputs/0/image")
    ),
    "GET /runs/<run_id>/streams/<name>": Row(
        "303 303 404 303 303 303", _at("/runs/<run>/streams/stdout")
    ),
    "GET /sign-in": Row("200 303 303 303 303 303", _at("/sign-in")),
    "POST /sign-in": Row(
        "303 303 303 303 303 303",
        lambda w, o: Call("/sign-in", form={"email": w.email, "password": PASSWORD}),
    ),
    "POST /sign-out": Row("303 303 303 303 303 303", _at("/sign-out", form={})),
    "GET /sign-up": Row("200 303 303 303 303 303", _at("/sign-up")),
    "POST /sign-up": Row(
        "303 303 303 303 401 401",
        lambda w, o: Call("/sign-up", form={"email": f"new-{w.email}", "password": PASSWORD}),
    ),
    "GET /tools": Row("200 200 200 200 303 303", _at("/tools")),
    "GET /tools/<tool_id>": Row("404 200 404 200 303 303", _at("/tools/<tool>")),
    "POST /tools/<tool_id>/delete": Row(
        "401 303 404 303 401 401", _at("/tools/<tool>/delete", form={})
    ),
    "GET /tools/<tool_id>/edit": Row("303 200 404 200 303 303", _at("/tools/<tool>/edit")),
    "POST /tools/<tool_id>/edit": Row(
        "401 303 404 303 401 401", _at("/tools/<tool>/edit", form={**OFFERED, "name": "renamed"})
    ),
    "GET /tools/<tool_id>/plan": Row("303 200 404 200 303 303", _at("/tools/<tool>/plan")),
    "POST /tools/<tool_id>/plan": Row(
        "401 303 404 303 401 401", _at("/tools/<tool>/plan", form={"overrides": "start: empty"})
    ),
    "POST /tools/<tool_id>/plan/look": Row(
        "401 303 404 303 401 401", _at("/tools/<tool>/plan/look", form={"overrides": ""})
    ),
    "GET /tools/<tool_id>/origin": Row("404 200 404 200 303 303", _at("/tools/<tool>/origin")),
    "POST /tools/<tool_id>/origin/check": Row(
        "401 303 404 303 401 401", _at("/tools/<tool>/origin/check", form={})
    ),
    "POST /tools/<tool_id>/origin/update": Row(
        "401 303 404 303 401 401", _at("/tools/<tool>/origin/update", form={})
    ),
    "POST /tools/<tool_id>/origin/webhook": Row(
        "401 201 404 201 401 401", _at("/tools/<tool>/origin/webhook", form={})
    ),
    "POST /tools/<tool_id>/origin/webhook/close": Row(
        "401 303 404 303 401 401", _at("/tools/<tool>/origin/webhook/close", form={})
    ),
    "POST /tools/<tool_id>/versions/<int:number>/rebuild": Row(
        "401 303 404 303 401 401", _at("/tools/<tool>/versions/1/rebuild", form={})
    ),
    "POST /tools/<tool_id>/runs": Row(
        "401 303 404 303 401 401", _at("/tools/<tool>/runs", form={"line": "x"})
    ),
    "POST /tools/<tool_id>/versions/<int:number>/build": Row(
        "401 303 404 303 401 401", _at("/tools/<tool>/versions/2/build", form={})
    ),
    "GET /workers": Row("303 404 404 200 303 303", _at("/workers")),
}
