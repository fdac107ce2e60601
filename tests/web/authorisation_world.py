"""One of everything, owned by one person; and a request by each kind of caller."""

import hashlib
import io
import re
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from shared.ids import new_id
from shared.schema.accounts import Account, LoginSession, StorageCredential
from shared.schema.runs import Output
from shared.uploads import Part
from shared.uploads_disk import DiskUploads
from shared.work import KeptStream, Manifest, Provenance
from tests import factories
from tests.web.conftest import WORKER_TOKEN
from tests.web.worker_client import Worker
from web import passwords, sessions, source_credentials, tokens, uploads
from web.add_tool import Source
from web.ports import WebPorts
from web.previews import request_preview
from web.views.accounts import _mark

PRINCIPALS = ("anonymous", "owner", "other", "admin", "worker", "attempt")
PASSWORD = "a long enough password"
_HASH = passwords.hash_of(PASSWORD)


@dataclass(frozen=True)
class World:
    """Ids that routes name; all of them are the owner's and private."""

    tool: str
    run: str
    live_run: str
    build: str
    preview: str
    file: str
    upload: str
    storage: str
    """A storage credential."""
    """Whole, and not yet complete."""
    credential: str
    token: str
    mark: str
    fence: int
    secrets: dict[str, tuple[str, str]]
    """API token and session secret of each person."""
    attempt: str
    key: str
    email: str


def make(app: Flask, folder: Path) -> World:
    """Fresh rows with ids of their own; the run's output lies in the store."""
    ports: WebPorts = app.extensions["toolyard"]
    content = folder / "content"
    content.write_bytes(b"data\n")
    secrets = {}
    with ports.transactions.begin() as session:
        people: dict[str, Account] = {}
        for name in ("owner", "other", "admin"):
            person = factories.account(session, f"{name}-{new_id('m')}@example.org")
            person.is_admin = name == "admin"
            person.password_hash = _HASH
            _, token = tokens.issue(session, person.id, name="test", days=1)
            secrets[name] = (token, sessions.open_session(session, person, days=1))
            people[name] = person
        owner = people["owner"]
        tool, version = factories.ready_tool(session, owner, private=True)
        failed = factories.version(session, tool, state="failed", number=2)
        factories.build(session, failed, owner, state="failed")
        build = factories.build(session, version, owner)
        run = factories.run(session, owner, version, state="succeeded")
        live_run = factories.run(session, owner, version)
        preview = request_preview(session, owner, Source(version.link)).id
        file = factories.file(session, owner)
        upload = _upload(session, ports, owner)
        storage = StorageCredential(
            id=new_id("cred"),
            account_id=owner.id,
            access_key_id="ASIA",
            created_at=1,
            expires_at=int(time.time() * 1000) + 3_600_000,
            revoked_at=None,
        )
        session.add(storage)
        key = f"runs/{run.id}/att/o/0"
        info = ports.objects.put(key, content)
        stream = KeptStream(size=info.size, kept=info.size, sha256=info.sha256, key=key)
        run.manifest = Manifest(stdout=stream, stderr=stream).model_dump(mode="json")
        session.add(
            Output(run_id=run.id, n=0, path="o.png", size=info.size, sha256=info.sha256, key=key)
        )
        version.source_key = version.sbom_key = key
        version.provenance = Provenance(
            repository=version.link,
            commit=str(version.commit),
            identity=str(version.identity),
            bases={"python": str(version.image)},
            builder_version="1",
            source_sha256=info.sha256,
        ).model_dump(mode="json")
        credential = source_credentials.store(
            session, ports.seals, owner, host="github.com", username="", secret="x"
        )
        extra, _ = tokens.issue(session, owner.id, name="to revoke", days=1)
        session.flush()
        token_id = extra.id
        sessions.open_session(session, owner, days=1)
        session.flush()
        mark = _mark(
            session.query(LoginSession).filter(LoginSession.account_id == owner.id).all()[-1]
        )
        ids = (tool.id, run.id, live_run.id, build.id, file.id, owner.email, credential.id)
    held = Worker(app.test_client(), WORKER_TOKEN).claim("run", ids[2])
    return World(
        tool=ids[0],
        run=ids[1],
        live_run=ids[2],
        build=ids[3],
        preview=preview,
        file=ids[4],
        upload=upload,
        storage=storage.id,
        credential=ids[6],
        token=token_id,
        mark=mark,
        fence=held.fence,
        secrets=secrets,
        attempt=held.token,
        key=key,
        email=ids[5],
    )


def _upload(session: Session, ports: WebPorts, owner: Account) -> str:
    assert isinstance(ports.uploads, DiskUploads)
    store = uploads.Store(ports.objects, ports.uploads)
    upload = uploads.prepare(store, owner, "up.txt", 3, None)
    uploads.begin(session, upload, 1 << 40)
    part = Part(1, 3, hashlib.sha256(b"abc").hexdigest())
    ports.uploads.receive_part(
        uploads.key_of(upload), str(upload.in_store), part, io.BytesIO(b"abc")
    )
    return upload.id


@dataclass(frozen=True)
class Call:
    """One request, without who sends it."""

    path: str
    json: Any = None
    form: dict[str, Any] | None = None
    data: bytes | None = None


def send(app: Flask, world: World, method: str, call: Call, principal: str) -> TestResponse:
    """The answer to this principal; people use pages by cookie and the API by token."""
    client: FlaskClient = app.test_client()
    headers: dict[str, str] = {}
    page = not call.path.startswith(("/api/", "/objects/"))
    if principal == "worker":
        headers["Authorization"] = f"Bearer {WORKER_TOKEN}"
    elif principal == "attempt":
        headers["Authorization"] = f"Bearer {world.attempt}"
    elif principal != "anonymous" and not page:
        headers["Authorization"] = f"Bearer {world.secrets[principal][0]}"
    elif principal != "anonymous":
        client.set_cookie("toolyard_session", world.secrets[principal][1])
    if page and "Authorization" not in headers and method != "GET":
        shown = client.get("/sign-in" if principal == "anonymous" else "/add").text
        found = re.search(r'name="csrf_token" value="([0-9a-f]+)"', shown)
        assert found is not None
        headers["X-CSRF-Token"] = found[1]
    kwargs: dict[str, Any] = {"headers": headers}
    if call.json is not None:
        kwargs["json"] = call.json
    if call.form is not None:
        kwargs["data"] = call.form
    if call.data is not None:
        kwargs["data"] = call.data
    answer = client.open(call.path, method=method, buffered=False, **kwargs)
    answer.close()  # a live stream would not end by itself
    return answer
