"""A worker on EC2 proves its role by a signed question to STS, which web asks in its name.

Nothing is stored on the worker's machine or in its user data, and its role may read no secret: every
role may ask STS who it is, and the signature over our own name keeps the question from being of use
to anybody else's server.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import boto3
import httpx

from shared.objects_s3 import make_client

QUESTION = "Action=GetCallerIdentity&Version=2011-06-15"
SERVER = "x-toolyard-server"
_PASSED_ON = ("authorization", "content-type", "x-amz-date", "x-amz-security-token", SERVER)
_SIGNED = re.compile(
    r"AWS4-HMAC-SHA256 Credential=[\w/+=.-]+, ?SignedHeaders=([a-z0-9;-]+), ?Signature=[0-9a-f]{64}",
    re.ASCII,
)
"""The whole header: a second list of what was signed could be the one that AWS reads."""
_ROLE = re.compile(r"<Arn>arn:[a-z-]+:sts::(\d{12}):assumed-role/([A-Za-z0-9+=,.@_-]+)/[^<]+</Arn>")
_RELEASE_SECONDS = 900


class NotProven(Exception):
    """The headers prove no role; the text says what is wrong with them."""


class Unanswered(Exception):
    """STS did not answer; the same question may be asked again."""


def role_of(headers: Mapping[str, str], server: str, *, client: httpx.Client | None = None) -> str:
    """`ACCOUNT:ROLE` of whoever signed; raises `NotProven` or `Unanswered`.

    `server` is our own name, as the worker knows it.
    """
    given = {name.lower(): value for name, value in headers.items() if name.lower() in _PASSED_ON}
    if not all(value.isascii() and value.isprintable() for value in given.values()):
        raise NotProven("a header holds characters that none may have")
    signed = _SIGNED.fullmatch(given.get("authorization", ""))
    if given.get(SERVER) != server or signed is None or SERVER not in signed[1].split(";"):
        raise NotProven(f"the signature must cover {SERVER}: {server}")
    try:
        with client or httpx.Client(trust_env=False, timeout=10) as http:
            answer = http.post(_sts(), content=QUESTION, headers=given)
    except httpx.TransportError as error:
        raise Unanswered(str(error) or type(error).__name__) from error
    if answer.status_code >= 500:
        raise Unanswered(f"HTTP {answer.status_code}")
    found = _ROLE.search(answer.text) if answer.status_code == 200 else None
    if found is None:
        raise NotProven(f"STS answered with HTTP {answer.status_code} and named no role")
    return f"{found[1]}:{found[2]}"


def release_url(address: str) -> str:
    """An address of the release at `s3://BUCKET/KEY` that is good for a quarter of an hour."""
    place = urlsplit(address)
    client = make_client()
    try:
        return str(
            client.generate_presigned_url(
                "get_object",
                Params={"Bucket": place.netloc, "Key": place.path.lstrip("/")},
                ExpiresIn=_RELEASE_SECONDS,
            )
        )
    finally:
        client.close()


def _sts() -> str:
    client: Any = boto3.Session().client("sts")
    try:
        return str(client.meta.endpoint_url).rstrip("/") + "/"
    finally:
        client.close()
