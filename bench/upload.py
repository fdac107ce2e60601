"""[upload] A large file from a browser straight to S3, against boto3's own transfer to the same store.

The browser's way is all of it: the page hashes each part, asks web for signed URLs, sends the parts
to the store and has them put together, until the file's row says so. Store, web and browser share
this machine's cores, as boto3 and the store do.

Core-seconds for a gigabyte, on two cores: the store takes 6 to 7.5 for either side, 2 to 4 of them alone
after the last part, when it joins all parts in fresh memory. Beside it boto3 takes 1.9 and Chromium 7.5:
its page's process 5 (five copies of each byte into fresh memory, 1.2 million page faults, and the hash),
its network process 1.6, the process that reads the file 1.2. That one worker reads, hashes and sends
leaves the store a larger share of the cores than a main thread beside it did. Not less: slices of the
file as bodies (8.7: it goes through the browser's process twice), the file as a stream into kept buffers,
fetch, parts of 32 MiB, two lanes.
"""

import os
import secrets
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from sqlalchemy import select

from bench import _chromium
from bench._chromium import Page
from bench.context import Context
from bench.figures import Figure
from shared import bucket_s3
from shared.plan import Command
from shared.schema.accounts import Account
from tests import emulators, factories
from tests.e2e.conftest import PASSWORD, LiveWeb
from tests.emulators import AWS_ENVIRONMENT

_SIZE = 1_000_000_000
_WARM_UP = 100_000_000
_ROUNDS = 9
_BAR = 0.7
_LIMITS = '{"free": {"input_bytes": 2000000000}}'
_BUCKET = "bench-upload"
_LONGEST_SECONDS = 600
_DONE = "document.querySelector('[data-chips] [data-state=done]')"


def measure(context: Context) -> Iterator[Figure]:
    """One figure: megabytes a second, ours and boto3's, of the pair of transfers with the median ratio.

    Pairs, since what follows the last part takes the store 2 to 4 s from one minute to the next.
    """
    folder = context.scratch / "upload"
    folder.mkdir()
    big, small = _written(folder / "big.bin", _SIZE), _written(folder / "small.bin", _WARM_UP)
    with (
        emulators.ministack(folder, "s3,iam,sts") as url,
        _in_environment(environment := {**AWS_ENVIRONMENT, "AWS_ENDPOINT_URL": url}),
    ):
        web = LiveWeb(
            folder,
            {
                **environment,
                "TOOLYARD_OBJECTS_URL": f"s3://{_BUCKET}",
                "TOOLYARD_LIMITS": _LIMITS,
            },
        )
        bucket_s3.provision(_BUCKET, [web.url])
        client = boto3.Session().client("s3")
        web.start()
        try:
            with _page(web, folder / "chromium") as page:
                _by_browser(page, small), _by_boto3(client, small)
                _empty(client)
                ours, bare = [], []
                for _ in range(_ROUNDS):
                    bare.append(_by_boto3(client, big))
                    _empty(client)
                    ours.append(_by_browser(page, big))
                    _empty(client)
        finally:
            web.close()
    _, chosen = statistics.median_low(
        (theirs / mine, n) for n, (mine, theirs) in enumerate(zip(ours, bare, strict=True))
    )
    yield Figure(
        "upload",
        ours=_SIZE / 1e6 / ours[chosen],
        bare=_SIZE / 1e6 / bare[chosen],
        unit="MB/s",
        op=">=",
        value=_BAR,
        note=f"{_SIZE / 1e9:.0f} GB by headless chromium in signed parts, against boto3.upload_file, "
        f"to the same emulated S3; the pair of the median ratio of {_ROUNDS}: "
        f"{_told(ours)} s against {_told(bare)} s",
    )


def _told(seconds: list[float]) -> str:
    return ", ".join(f"{one:.1f}" for one in seconds)


def _by_browser(page: Page, file: Path) -> float:
    """Seconds from the choice of the file to its row."""
    started = time.monotonic()
    page.choose("[name=files]", file)
    page.until(_DONE, _LONGEST_SECONDS)
    lasted = time.monotonic() - started
    page.run(f"{_DONE}.querySelector('button:last-of-type').click()")
    return lasted


def _by_boto3(client: Any, file: Path) -> float:
    started = time.monotonic()
    client.upload_file(str(file), _BUCKET, "bare")
    return time.monotonic() - started


def _empty(client: Any) -> None:
    """The emulator keeps objects in memory."""
    for found in client.list_objects_v2(Bucket=_BUCKET).get("Contents", []):
        client.delete_object(Bucket=_BUCKET, Key=found["Key"])


@contextmanager
def _page(web: LiveWeb, profile: Path) -> Iterator[Page]:
    """The page of a tool, opened by its owner."""
    email = f"{secrets.token_hex(5)}@example.org"
    with _chromium.opened(profile) as page:
        page.go(f"{web.url}/sign-up")
        page.fill("[name=email]", email)
        page.fill("[name=password]", PASSWORD)
        page.run("document.querySelector('main button.primary').click()")
        page.until("location.pathname === '/tools'")
        with web.transactions.begin() as session:
            account = session.scalars(select(Account).where(Account.email == email)).one()
            commands = (Command(name="wc", run=["wc"], evidence="bench"),)
            tool = factories.ready_tool(session, account, "wc", commands=commands)[0]
            address = f"/tools/{tool.id}"
        page.go(web.url + address)
        yield page


@contextmanager
def _in_environment(environment: dict[str, str]) -> Iterator[None]:
    """For boto3 in this process."""
    before = {name: os.environ.get(name) for name in environment}
    os.environ.update(environment)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _written(path: Path, size: int) -> Path:
    """Bytes that do not repeat within a part."""
    block = os.urandom(1 << 24)
    with path.open("wb") as file:
        for at in range(0, size, len(block)):
            file.write(at.to_bytes(8) + block[8 : min(len(block), size - at)])
    return path
