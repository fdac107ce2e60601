"""Objects in an S3 bucket; signed URLs go to S3 itself.

What S3 verifies for us: every write carries the SHA-256 of its bytes and `If-None-Match: *`; a signed
PUT has both, and its exact length, among its signed headers.
"""

import base64
import hashlib
import io
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO, Literal
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.attachment import disposition
from shared.objects import (
    AlreadyExists,
    NotFound,
    ObjectInfo,
    SignedPut,
    StoredObject,
    check_key,
)
from shared.uploads import OCTETS, hashes

_PART = 1 << 18
_MISSING = {"NoSuchKey", "404", "NotFound"}
_CONFLICT_TRIES = 5
_MOST_BYTES = 5 << 30
"""What S3 takes in one PUT; larger files go in parts."""
_PART_BYTES = 64 << 20
_MOST_PARTS = 10_000
_WHOLE = "sha256"
"""Metadata of an object that we stored in parts: S3 itself keeps the hashes of parts only."""


class Damaged(OSError):
    """The store gave other bytes than were put, or a file changed while it was stored."""


def part_bytes(size: int) -> int:
    """How large each part of such a file is: S3 takes ten thousand."""
    return max(_PART_BYTES, -(-size // _MOST_PARTS))


class S3Objects:
    """Objects of one bucket, all below `prefix`; AWS's own variables say where S3 is."""

    def __init__(self, bucket: str, prefix: str = "", client: Any = None) -> None:
        self.bucket = bucket
        self._prefix = f"{prefix}/" if prefix else ""
        self.client = client or make_client()

    def place(self, key: str) -> dict[str, str]:
        """Where S3 keeps a key of ours."""
        return {"Bucket": self.bucket, "Key": self._prefix + check_key(key)}

    def key_of(self, name: str) -> str:
        """Our key of what S3 lists."""
        return name.removeprefix(self._prefix)

    @property
    def prefix(self) -> str:
        """What all names in the bucket begin with."""
        return self._prefix

    # Bytes

    def put(self, key: str, path: Path) -> ObjectInfo:
        """Store a file; the same bytes again are fine, other bytes raise `AlreadyExists`."""
        with path.open("rb") as source:
            sha256 = hashlib.file_digest(source, "sha256").hexdigest()
            info = ObjectInfo(size=source.tell(), sha256=sha256)
            in_parts = info.size > _MOST_BYTES
            send = self._send_in_parts if in_parts else self._send
            if in_parts and self._is_there(key, info):
                return info
            for tried in range(_CONFLICT_TRIES):
                source.seek(0)
                try:
                    send(key, source, info)
                    return info
                except ClientError as error:
                    if status(error) == 412:
                        if not self._is_there(key, info):
                            raise AlreadyExists(key) from error
                        return info
                    # Somebody else writes or deletes this key right now.
                    if status(error) != 409 or tried == _CONFLICT_TRIES - 1:
                        raise
                time.sleep(0.1 * 2**tried)
        raise AssertionError("every try returns or raises")

    def _is_there(self, key: str, info: ObjectInfo) -> bool:
        found = self.stat(key)
        if found is not None and found != info:
            raise AlreadyExists(key)
        return found is not None

    def _send(self, key: str, source: BinaryIO, info: ObjectInfo) -> None:
        self.client.put_object(
            **self.place(key),
            Body=source,
            ContentLength=info.size,
            ContentType=OCTETS,
            ChecksumSHA256=to_base64(info.sha256),
            IfNoneMatch="*",
        )

    def _send_in_parts(self, key: str, source: BinaryIO, info: ObjectInfo) -> None:
        """S3 verifies each part; that they are the file whose hash it keeps is seen here."""
        place = self.place(key)
        begun = self.client.create_multipart_upload(
            **place, ContentType=OCTETS, ChecksumAlgorithm="SHA256", Metadata={_WHOLE: info.sha256}
        )
        upload = {**place, "UploadId": begun["UploadId"]}
        try:
            whole = hashlib.sha256()
            parts: list[dict[str, Any]] = []
            for data in iter(lambda: source.read(part_bytes(info.size)), b""):
                whole.update(data)
                part = {
                    "PartNumber": len(parts) + 1,
                    "ChecksumSHA256": to_base64(hashlib.sha256(data).hexdigest()),
                }
                sent = self.client.upload_part(**upload, **part, Body=data)
                parts.append({**part, "ETag": sent["ETag"]})
            if whole.hexdigest() != info.sha256:
                raise Damaged(f"The file for {key} changed while it was stored.")
            self.client.complete_multipart_upload(
                **upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
            )
        except BaseException:
            with suppress(ClientError, BotoCoreError):  # else the bucket's own rule ends it
                self.client.abort_multipart_upload(**upload)
            raise

    def get(self, key: str, path: Path) -> None:
        """Write the object to a file; raises `NotFound`, and `Damaged` where S3's checksum differs."""
        answer = self._asked("get_object", key, ChecksumMode="ENABLED")
        with answer["Body"] as source, path.open("w+b") as target:
            shutil.copyfileobj(source, target, _PART)
            target.seek(0)
            sha256 = hashlib.file_digest(target, "sha256").hexdigest()
        if _sha256(answer) not in (None, sha256):
            raise Damaged(f"The object {key} is not what was stored.")

    def put_bytes(self, key: str, data: bytes) -> ObjectInfo:
        """As `put`, for what is small enough to be in memory."""
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            return self.put(key, Path(file.name))

    def open(self, key: str) -> BinaryIO:
        """A seekable reader; raises `NotFound`."""
        facts = self._asked("head_object", key)
        raw = _Reader(self.client, self.place(key), facts["ContentLength"], facts["ETag"])
        return io.BufferedReader(raw, _PART)

    def stat(self, key: str) -> ObjectInfo | None:
        """Size and SHA-256, as S3 verified it; of what a person sent in parts it is read anew."""
        try:
            facts = self.facts(key)
        except NotFound:
            return None
        if (known := _sha256(facts)) is not None:
            return ObjectInfo(facts["ContentLength"], known)
        with self.open(key) as file:
            return ObjectInfo(facts["ContentLength"], hashes(file, _PART)[0])

    def facts(self, key: str) -> Any:
        """What S3 itself says of an object and its checksum; raises `NotFound`."""
        return self._asked("head_object", key, ChecksumMode="ENABLED")

    def delete(self, key: str) -> None:
        """Gone when it returns; a missing key is fine."""
        self.client.delete_object(**self.place(key))

    def walk(self) -> Iterator[StoredObject]:
        """Every object, those of one folder together; what comes and goes meanwhile may be missed."""
        pages = self.client.get_paginator("list_objects_v2")
        for page in pages.paginate(Bucket=self.bucket, Prefix=self._prefix):
            for found in page.get("Contents", []):
                stored = int(found["LastModified"].timestamp() * 1000)
                yield StoredObject(self.key_of(found["Key"]), stored)

    # URLs

    def presign_put(self, key: str, *, size: int, sha256: str, seconds: int) -> SignedPut:
        """A URL that takes one PUT of exactly these bytes, where nothing is yet."""
        headers = {"x-amz-checksum-sha256": to_base64(sha256), "If-None-Match": "*"}
        url = self.client.generate_presigned_url(
            "put_object",
            Params={
                **self.place(key),
                "ContentLength": size,
                "ChecksumSHA256": headers["x-amz-checksum-sha256"],
                "IfNoneMatch": "*",
            },
            ExpiresIn=seconds,
        )
        return SignedPut(url, headers)

    def presign_get(self, key: str, *, seconds: int, filename: str | None = None) -> str:
        """A URL that gives the bytes, as a download named `filename` if given; never as a page."""
        params = {
            **self.place(key),
            "ResponseContentType": "application/octet-stream",
            "ResponseContentDisposition": disposition(filename),
            "ResponseCacheControl": "private, no-store",
        }
        url: str = self.client.generate_presigned_url(
            "get_object", Params=params, ExpiresIn=seconds
        )
        return url

    def _asked(self, operation: str, key: str, **more: str) -> Any:
        try:
            return getattr(self.client, operation)(**self.place(key), **more)
        except ClientError as error:
            if code(error) in _MISSING:
                raise NotFound(key) from error
            raise


class _Reader(io.RawIOBase):
    """Reads on from where it stands in one request; a seek begins another."""

    def __init__(self, client: Any, place: dict[str, str], size: int, etag: str) -> None:
        super().__init__()
        self._client = client
        self._place = place
        self._size = size
        self._etag = etag
        self._at = 0
        self._body: Any = None

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        if start + offset != self._at:
            self._drop()
        self._at = max(0, start + offset)
        return self._at

    def readinto(self, buffer: Any) -> int:
        if self._at >= self._size:
            return 0
        if self._body is None:
            try:
                self._body = self._client.get_object(
                    **self._place, Range=f"bytes={self._at}-", IfMatch=self._etag
                )["Body"]
            except ClientError as error:
                if code(error) in _MISSING:
                    raise NotFound(self._place["Key"]) from error
                raise
        data = self._body.read(min(len(buffer), self._size - self._at))
        if not data:
            raise Damaged("The object ended before its end.")
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        self._drop()
        super().close()

    def _drop(self) -> None:
        if self._body is not None:
            self._body.close()
            self._body = None


def make_client() -> Any:
    """S3 as this installation uses it: current signatures, and only the checksums that we name.

    On AWS, signed addresses name the bucket's own region: the global host answers for a new bucket with a
    redirect, which no browser follows for a preflight and none of our workers at all.
    """
    session = boto3.Session()
    client = session.client("s3", config=_config("auto"))
    host = urlsplit(client.meta.endpoint_url).hostname or ""
    if not host.endswith((".amazonaws.com", ".amazonaws.com.cn")):
        return client
    client.close()
    return session.client("s3", config=_config("virtual"))


def _config(addressing: Literal["auto", "virtual"]) -> Config:
    return Config(
        signature_version="s3v4",
        connect_timeout=5,
        read_timeout=60,
        retries={"mode": "standard", "max_attempts": 5},
        max_pool_connections=64,
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={"addressing_style": addressing},
    )


def status(error: ClientError) -> int:
    """The HTTP status of a refusal."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def code(error: ClientError) -> str:
    """S3's own name of a refusal."""
    return str(error.response.get("Error", {}).get("Code", ""))


def to_base64(sha256: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256)).decode()


def to_hex(checksum: str) -> str:
    return base64.b64decode(checksum).hex()


def _sha256(facts: Any) -> str | None:
    """The hash of all the bytes; None where S3 knows only those of the parts that they came in."""
    checksum = facts.get("ChecksumSHA256", "-")
    if "-" not in checksum:
        return to_hex(checksum)
    known: str | None = facts.get("Metadata", {}).get(_WHOLE)
    return known
