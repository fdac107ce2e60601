"""The units' own lines behind Debian's nginx: a tool is added, run and followed through https."""

import hashlib
import http.client
import json
import os
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from cli.up import generated_settings
from tests.deploy.nginx import Nginx
from tests.deploy.unit_files import OWN_UID, ROOT, Server
from tests.git_server import GitServer, repository_from_files
from tests.otlp_receiver import OtlpReceiver

pytestmark = pytest.mark.docker
_MB = 1 << 20
_SLOW = '#!/bin/sh\n# Usage: slow FILE\necho first\nsleep 2\nwc -c <"$1"\n'


class Site:
    """The whole server, as its operator and its users meet it."""

    def __init__(self, database_url: str, git: GitServer) -> None:
        self.server = Server("localhost")
        self.nginx = Nginx(self.server)
        self.url = f"https://localhost:{self.nginx.https}"
        self.ca = self.server.path("/etc/toolyard/tls/fullchain.pem")
        self.server.extra = {"SSL_CERT_FILE": str(self.ca)}
        self.traces = OtlpReceiver()
        self.traces.__enter__()
        self.server.set("common.env", TOOLYARD_URL=self.url, TOOLYARD_TRACES_URL=self.traces.url)
        limits = {"free": {"input_bytes": 400 * _MB}}
        self.server.set(
            "web.env", TOOLYARD_DATABASE_URL=database_url, TOOLYARD_BUILD_ALLOW=git.address
        )
        self.server.set("web.env", TOOLYARD_LIMITS=json.dumps(limits))
        found = generated_settings(
            Path(os.environ.get("TOOLYARD_DATA") or ROOT / "data") / "build.env"
        )
        found |= {k: v for k, v in os.environ.items() if k.startswith("TOOLYARD_BUILD_")}
        allowed = [*filter(None, found.get("TOOLYARD_BUILD_ALLOW", "").split(",")), git.address]
        self.server.set("worker.env", **{**found, "TOOLYARD_BUILD_ALLOW": ",".join(allowed)})
        self.token = ""

    def admin(self, *arguments: str) -> bytes:
        """`deploy/toolyard admin …`: as the services' user, with web's settings."""
        unit = {
            "User": ["toolyard"],
            "Group": ["toolyard"],
            "UMask": ["0077"],
            "EnvironmentFile": ["/etc/toolyard/common.env", "/etc/toolyard/web.env"],
        }
        line = f"{ROOT}/.venv/bin/toolyard admin {' '.join(arguments)}"
        done = subprocess.run(
            self.server.command(unit, line),
            env=self.server.environment(unit),
            cwd=ROOT,
            check=False,
            capture_output=True,
        )
        assert done.returncode == 0, done.stderr.decode()
        return done.stdout

    def client(self) -> httpx.Client:
        return httpx.Client(
            base_url=self.url,
            verify=ssl.create_default_context(cafile=self.ca),
            headers={"Authorization": f"Bearer {self.token}"} if self.token else {},
            timeout=60,
            trust_env=False,
        )

    def cli(self, *arguments: str) -> "subprocess.CompletedProcess[bytes]":
        told = {"TOOLYARD_URL": self.url, "TOOLYARD_TOKEN": self.token}
        return subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            cwd=ROOT,
            env={"PATH": os.environ["PATH"], "SSL_CERT_FILE": str(self.ca), **told},
            capture_output=True,
            timeout=240,
            check=False,
        )

    def close(self) -> None:
        self.nginx.stop()
        self.traces.__exit__(None, None, None)
        installation = self.server.path("/var/lib/toolyard-worker/installation")
        label = (
            f"label=toolyard.installation={installation.read_text().strip()}"
            if installation.exists()
            else ""
        )
        self.server.close()
        if label:
            for kind, removal in (
                ("ps --all", "rm --force --volumes"),
                ("network ls", "network rm"),
            ):
                listed = ["docker", *kind.split(), "--quiet", "--filter", label]
                left = subprocess.run(
                    listed, capture_output=True, text=True, check=False
                ).stdout.split()
                if left:
                    subprocess.run(
                        ["docker", *removal.split(), *left], capture_output=True, check=False
                    )


@pytest.fixture(scope="module")
def database(request: pytest.FixtureRequest) -> str:
    """An empty database that the services' user may reach."""
    server = request.getfixturevalue("postgres_server")
    server.execute("CREATE DATABASE plain_server TEMPLATE template0 STRATEGY FILE_COPY")
    url: str = server.url("plain_server")
    Path(parse_qs(urlsplit(url).query)["host"][0]).chmod(0o711)
    return url


@pytest.fixture(scope="module")
def site(database: str, git_server: GitServer) -> Iterator[Site]:
    """Everything of `toolyard.target` but the doctor, whose place the runner's own check takes."""
    site = Site(database, git_server)
    try:
        for name in ("toolyard-web", "toolyard-utility"):
            site.server.start(name)
        site.nginx.start()

        heard = [""]

        def answers() -> bool:
            try:
                with site.client() as client:
                    answer = client.get("/readyz")
            except httpx.HTTPError as error:
                heard[0] = repr(error)
                return False
            heard[0] = answer.text
            return answer.status_code == 200

        site.server.wait(answers, 60, lambda: f"web behind nginx: {heard[0]}")
        site.token = json.loads(site.admin("create-user", "me@example.org", "--json"))["token"]
        for name in ("toolyard-janitor", "toolyard-builder", "toolyard-runner"):
            site.server.start(name)
        yield site
    finally:
        site.close()


def test_web_runs_as_its_own_user_on_a_socket_for_nginx_only(site: Site) -> None:
    status = Path(f"/proc/{site.server.pid('toolyard-web')}/status").read_text()
    assert f"Uid:\t{OWN_UID}\t{OWN_UID}" in status
    assert "NoNewPrivs:\t1" in status
    socket_file = site.server.path("/run/toolyard/web.sock")
    assert socket_file.stat().st_mode & 0o777 == 0o660
    with socket.socket(socket.AF_UNIX) as direct:
        direct.connect(str(socket_file))  # root may
        direct.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
        assert b"200 OK" in direct.recv(64)
    # What connecting to it needs; a Python of this user's own may be out of a stranger's reach.
    may_write = ["test", "-w", str(socket_file)]
    stranger = ["setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"]
    assert subprocess.run([*stranger, *may_write], check=False, cwd="/").returncode == 1
    assert subprocess.run(may_write, check=False, cwd="/").returncode == 0


def test_pages_come_by_https_only_with_the_headers_of_web(site: Site) -> None:
    plain = httpx.get(f"http://localhost:{site.nginx.http}/tools?x=1", trust_env=False)
    assert (plain.status_code, plain.headers["location"]) == (308, "https://localhost/tools?x=1")
    with site.client() as client:
        page = client.get("/tools")
    assert page.status_code == 200
    assert page.headers["Strict-Transport-Security"].startswith("max-age=31536000")
    assert "nginx/" not in page.headers["Server"]
    with pytest.raises(ssl.SSLError):
        context = ssl.create_default_context(cafile=site.ca)
        with (
            socket.create_connection(("127.0.0.1", site.nginx.https)) as raw,
            context.wrap_socket(
                raw, server_hostname="other.example.org", do_handshake_on_connect=False
            ) as wrapped,
        ):
            wrapped.do_handshake()


def test_hashed_files_are_served_from_nginx_for_good(site: Site) -> None:
    with site.client() as client:
        page = client.get("/tools").text
        address = page.split('<link rel="stylesheet" href="')[1].split('"')[0]
        first, second = client.get(address), client.get(address)
    assert second.headers["X-Cache"] == "HIT"
    assert second.content == first.content
    assert second.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_callers_are_known_by_their_own_address(site: Site) -> None:
    with site.client() as client:
        client.get("/healthz-of-somebody", headers={"X-Forwarded-For": "203.0.113.9"})
        # Asked through nginx from this machine: its figures are shown to local programs only.
        assert client.get("/metrics").status_code == 200
    line = next(x for x in site.server.log("toolyard-web").splitlines() if "healthz-of" in x)
    assert json.loads(line)["address"] == "127.0.0.1"


def parts(size: int) -> Iterator[bytes]:
    for n in range(size // _MB):
        yield n.to_bytes(4) * (_MB // 4)


def test_a_large_upload_goes_straight_through(site: Site) -> None:
    size, digest = 200 * _MB, hashlib.sha256()
    context = ssl.create_default_context(cafile=site.ca)
    connection = http.client.HTTPSConnection(
        "localhost", site.nginx.https, context=context, timeout=120
    )
    connection.putrequest("POST", "/api/v1/files?name=large.bin")
    connection.putheader("Authorization", f"Bearer {site.token}")
    connection.putheader("Content-Length", str(size))
    connection.putheader("Content-Type", "application/octet-stream")
    connection.endheaders()
    for n, part in enumerate(parts(size)):
        if n == 100:  # half of it has been sent: web has nearly all of that, nginx's disk nothing
            site.server.wait(lambda: arrived(site) > 90 * _MB, 20, "the first half of the upload")
            assert site.nginx.kept_bodies() == []
        digest.update(part)
        connection.send(part)
    answer = connection.getresponse()
    stored = json.loads(answer.read())
    connection.close()
    assert (answer.status, stored["sha256"]) == (201, digest.hexdigest())


def arrived(site: Site) -> int:
    """What web has of an upload that is still under way."""
    folder = Path(site.server.here("/var/lib/toolyard/tmp"))
    return sum(path.stat().st_size for path in folder.glob("toolyard-upload-*"))


def test_a_tool_is_added_run_and_followed(
    site: Site, git_server: GitServer, tmp_path: Path
) -> None:
    repository_from_files(git_server.root, "slow", {"slow.sh": _SLOW}, executable=["slow.sh"])
    added = site.cli("add", git_server.link("slow"), "--wait", "--json")
    assert added.returncode == 0, (
        added.stderr.decode() + site.server.log("toolyard-builder")[-3000:]
    )
    (tmp_path / "data.txt").write_text("12345")

    with site.client() as client:
        uploaded = client.post("/api/v1/files?name=data.txt", content=b"12345").json()
        body = {
            "tool": json.loads(added.stdout)["tool"],
            "argv": ["data.txt", "--token=s3cr3t-argument"],
            "inputs": [{"file_id": uploaded["id"], "name": "data.txt"}],
        }
        asked = client.post("/api/v1/runs", json=body)
        assert asked.status_code == 201, asked.text
        run = asked.json()["id"]
        state_at_first_word, ended = "", {}
        with client.stream("GET", f"/api/v1/runs/{run}/events", timeout=120) as stream:
            assert stream.headers["content-type"].startswith("text/event-stream")
            event = ""
            for line in stream.iter_lines():
                event = line.removeprefix("event: ") if line.startswith("event: ") else event
                if event == "log" and not state_at_first_word:
                    with site.client() as asking:
                        state_at_first_word = asking.get(f"/api/v1/runs/{run}").json()["state"]
                if event == "end" and line.startswith("data: "):
                    ended = json.loads(line.removeprefix("data: "))
                    break
    assert state_at_first_word == "running"  # what it said before its pause was there during it
    assert (ended["state"], ended["exit_code"]) == ("succeeded", 0), ended
    got = site.cli("outputs", run, "--dir", str(tmp_path / "out"))
    assert got.returncode == 0, got.stderr.decode()
    assert (tmp_path / "out/stdout").read_text().split() == ["first", "5"]
    one_trace(site, run)


def one_trace(site: Site, run: str) -> None:
    """From the click to the mail, over four processes, each span the child of what caused it."""
    finished = "POST /api/v1/worker/runs/<id>/finish"
    phases = ("staging", "starting", "running", "finalizing", "finish")
    # Each process sends on its own, some seconds apart.
    names = ["notifier RunFinished", "archiver RunFinished", "publish RunFinished", finished]
    names += ["POST /api/v1/worker/claims", "POST /api/v1/runs", "run", *phases]

    def of_run() -> dict[str, Span]:
        ours = {
            s.trace_id
            for s in site.traces.spans
            for a in s.attributes
            if a.value.string_value == run
        }
        return {s.name: s for s in site.traces.spans if s.trace_id in ours}

    site.server.wait(lambda: set(names) <= set(of_run()), 20, lambda: f"spans: {sorted(of_run())}")
    spans = of_run()
    assert len({span.trace_id for span in spans.values()}) == 1
    by_id = {span.span_id: span for span in spans.values()}

    def chain(name: str) -> list[str]:
        found, span = [], spans.get(name)
        while span is not None:
            found.append(f"{site.traces.service_of[span.span_id]}: {span.name}")
            span = by_id.get(span.parent_span_id)
        return found

    click = ["web: POST /api/v1/runs"]
    asked = ["runner: runner RunRequested", "utility: publish RunRequested", *click]
    assert chain("POST /api/v1/worker/claims") == ["web: POST /api/v1/worker/claims", *asked]
    for phase in phases:
        assert chain(phase) == [f"runner: {phase}", "runner: run", *asked]
    told = [f"web: {finished}", "runner: finish", "runner: run", *asked]
    assert chain(finished) == told
    for reader in ("notifier", "archiver"):
        name = f"{reader} RunFinished"
        assert chain(name) == [f"utility: {name}", "utility: publish RunFinished", *told]
    for secret in (b"s3cr3t-argument", b"data.txt", site.token.encode(), b"me@example.org"):
        assert secret not in site.traces.bytes


def test_a_restart_of_web_refuses_nobody(site: Site) -> None:
    """The socket stays with systemd: who calls meanwhile waits in it. Last: it ends the site's web."""
    assert site.server.stop("toolyard-web") == 0
    with socket.socket(socket.AF_UNIX) as waiting:
        waiting.connect(str(site.server.path("/run/toolyard/web.sock")))
