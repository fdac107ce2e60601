"""nginx's logs open nobody's files: a signed address is a key for whoever reads it."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.deploy.nginx import Nginx
from tests.deploy.unit_files import Server

KEY = "key-of-somebody"
ADDRESS = f"/objects/files/f1?signature={KEY}"


@pytest.fixture
def nginx() -> Iterator[Nginx]:
    """With no web behind it: each request is an error, too."""
    server = Server("localhost")
    nginx = Nginx(server)
    try:
        nginx.start()
        yield nginx
    finally:
        nginx.stop()
        server.close()


def test_no_signature_gets_into_a_log(nginx: Nginx) -> None:
    told = {"Referer": f"https://localhost{ADDRESS}"}
    with httpx.Client(verify=False, trust_env=False, headers=told) as client:
        plain = client.get(f"http://localhost:{nginx.http}{ADDRESS}")
        there = client.get(f"https://localhost:{nginx.https}{ADDRESS}")
        client.put(f"https://localhost:{nginx.https}{ADDRESS}", content=b"x")
    assert (plain.status_code, there.status_code) == (308, 502)
    nginx.stop()  # what it has written is on disk
    logs = {path.name: path.read_text() for path in Path(nginx.folder).glob("*.log")}
    lines = logs["access.log"].splitlines()
    assert [line.split('"')[1] for line in lines] == [
        "GET /objects/files/f1 HTTP/1.1",
        "GET /objects/files/f1 HTTP/1.1",
        "PUT /objects/files/f1 HTTP/1.1",
    ]
    assert KEY not in "".join(logs.values())
