"""The object stores under test, each with a place of its own."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from flask import Flask
from werkzeug.serving import make_server

from cli.servers import free_port
from shared import bucket_s3
from shared.ids import new_id
from shared.objects_disk import DiskObjects
from shared.objects_open import Store
from shared.objects_s3 import S3Objects, make_client
from shared.uploads_disk import DiskUploads
from shared.uploads_s3 import S3Uploads
from web import objects_route, problems

ORIGIN = "http://pages.example"


def disk_store(folder: Path, url: str = "http://127.0.0.1:1") -> Store:
    objects = DiskObjects(folder / "objects", "key", url)
    return Store(objects, DiskUploads(objects), "")


@contextmanager
def served(folder: Path) -> Iterator[Store]:
    """The folder store with web's route, so that its URLs answer."""
    port = free_port()
    store = disk_store(folder, f"http://127.0.0.1:{port}")
    app = Flask("objects")
    problems.install(app)
    assert isinstance(store.uploads, DiskUploads)
    app.register_blueprint(objects_route.make_blueprint(store.uploads))
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield store
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


_buckets: dict[str, tuple[str, Any]] = {}


def s3_store(endpoint: str, *, provisioned: bool = True) -> Store:
    """A prefix of its own in a bucket of the emulator at `endpoint`, which is boto3's environment too."""
    if endpoint not in _buckets:  # each client costs a good part of a second
        bucket, client = new_id("b").replace("_", "-"), make_client()
        if provisioned:
            bucket_s3.provision(bucket, [ORIGIN])
        else:
            client.create_bucket(Bucket=bucket)
        _buckets[endpoint] = bucket, client
    bucket, client = _buckets[endpoint]
    objects = S3Objects(bucket, f"below/{new_id('p')}", client)
    return Store(objects, S3Uploads(objects), "")


def put(url: str, data: bytes, headers: dict[str, str] | None = None) -> httpx.Response:
    return httpx.put(url, content=data, headers=headers, timeout=30)


def post(url: str, fields: dict[str, str], data: bytes) -> httpx.Response:
    return httpx.post(url, data=fields, files={"file": ("x", data)}, timeout=30)
