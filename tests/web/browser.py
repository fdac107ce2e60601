"""A person's browser, and what its owner has in the database."""

import hashlib
import re
import tempfile
from pathlib import Path

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from shared.schema.accounts import Account
from shared.schema.runs import Output, Run
from shared.schema.tools import Tool, Version
from shared.work import KeptStream, Manifest, OutputFile
from tests import factories
from web.ports import WebPorts

PASSWORD = "a long enough password"
LINK = "https://github.com/piuccio/cowsay"


class Browser:
    """A signed-in person's browser: it takes the token from the page before it sends a form."""

    def __init__(self, app: Flask, email: str = "") -> None:
        self.client: FlaskClient = app.test_client()
        if email:
            answer = self.send("/sign-in", "/sign-in", email=email, password=PASSWORD)
            assert answer.status_code == 303, answer.text

    def get(self, path: str) -> TestResponse:
        return self.client.get(path)

    def send(self, page: str, action: str, **fields: object) -> TestResponse:
        """Send a form of a page, with the token that the page carries."""
        html = self.client.get(page).text
        token = re.search(r'name="csrf_token" value="([0-9a-f]+)"', html)
        assert token, f"{page} has no form with a token"
        data = {"csrf_token": token[1], **fields}
        return self.client.post(action, data=data, content_type="multipart/form-data")


class Seed:
    """Rows of the owner's."""

    def __init__(self, ports: WebPorts, owner_id: str) -> None:
        self.ports = ports
        self.owner_id = owner_id

    def _account(self, session) -> Account:  # type: ignore[no-untyped-def]
        return session.get_one(Account, self.owner_id)  # type: ignore[no-any-return]

    def ready(self, name: str = "wc", **kwargs: object) -> Tool:
        with self.ports.transactions.begin() as session:
            return factories.ready_tool(session, self._account(session), name, **kwargs)[0]  # type: ignore[arg-type]

    def unready(self, state: str, name: str = "half", reason: str = "") -> tuple[Tool, str]:
        with self.ports.transactions.begin() as session:
            account = self._account(session)
            tool = factories.tool(session, account, name)
            version = factories.version(session, tool, state=state, reason=reason)
            build_state = "queued" if state == "pending" else "failed"
            return tool, factories.build(session, version, account, state=build_state).id

    def run(self, tool: Tool, state: str = "succeeded", argv: tuple[str, ...] = ("-l",)) -> Run:
        with self.ports.transactions.begin() as session:
            version = session.scalars(select(Version).where(Version.tool_id == tool.id)).first()
            assert version is not None
            return factories.run(session, self._account(session), version, state=state, argv=argv)

    def store(self, key: str, data: bytes) -> None:
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            self.ports.objects.put(key, Path(file.name))

    def outputs(self, run: Run, files: dict[str, bytes], stdout: bytes = b"hi\n") -> None:
        rows = []
        for n, (path, data) in enumerate(files.items()):
            key = f"runs/{run.id}/a/o/{n}"
            self.store(key, data)
            sha256 = hashlib.sha256(data).hexdigest()
            rows.append(OutputFile(path=path, size=len(data), sha256=sha256, key=key))
        self.store(f"runs/{run.id}/a/stdout", stdout)
        out = KeptStream(
            size=len(stdout),
            kept=len(stdout),
            sha256=hashlib.sha256(stdout).hexdigest(),
            key=f"runs/{run.id}/a/stdout",
        )
        nothing = KeptStream(size=0, kept=0, sha256=factories.EMPTY_SHA256)
        manifest = Manifest(stdout=out, stderr=nothing, outputs=rows)
        with self.ports.transactions.begin() as session:
            session.get_one(Run, run.id).manifest = manifest.model_dump(mode="json")
            for n, row in enumerate(rows):
                session.add(Output(run_id=run.id, n=n, **row.model_dump()))


def only(ports: WebPorts, table: type) -> object:
    with ports.transactions.read() as session:
        return session.scalars(select(table)).one()
