"""Uploads straight to S3: presigned parts of a multipart upload, and presigned form POSTs."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from shared.objects import AlreadyExists, NotFound, SignedPut
from shared.objects_s3 import S3Objects, code, status, to_base64, to_hex
from shared.uploads import (
    OCTETS,
    Made,
    NoUpload,
    OtherParts,
    Part,
    SignedPost,
    Unfinished,
    WrongParts,
    check_whole,
)


class S3Uploads:
    """Uploads into the bucket of `objects`."""

    def __init__(self, objects: S3Objects) -> None:
        self._objects = objects
        self._client = objects.client

    def begin(self, key: str) -> str:
        """A new upload in parts; its id. S3 then wants the SHA-256 of every part."""
        made = self._client.create_multipart_upload(
            **self._objects.place(key), ContentType=OCTETS, ChecksumAlgorithm="SHA256"
        )
        return str(made["UploadId"])

    def presign_part(self, key: str, upload: str, part: Part, *, seconds: int) -> SignedPut:
        """A URL that takes exactly this part: its length and SHA-256 are signed."""
        headers = {"x-amz-checksum-sha256": to_base64(part.sha256)}
        url = self._client.generate_presigned_url(
            "upload_part",
            Params={
                **self._objects.place(key),
                "UploadId": upload,
                "PartNumber": part.number,
                "ContentLength": part.size,
                "ChecksumSHA256": headers["x-amz-checksum-sha256"],
            },
            ExpiresIn=seconds,
        )
        return SignedPut(url, headers)

    def parts(self, key: str, upload: str) -> list[Part]:
        """What is there, by number; raises `NoUpload`."""
        return [_part(found) for found in self._listed(key, upload)]

    def complete(
        self, key: str, upload: str, *, size: int, part_size: int, parts_sha256: str | None = None
    ) -> Made:
        """Make the object of its parts, once; its hash is that of the parts, which S3 has verified.

        S3's own list says which parts there are: nothing that the client tells is believed.
        """
        found = self._listed(key, upload)
        parts = [_part(one) for one in found]
        stated = check_whole(parts, size, part_size, parts_sha256)
        try:
            made = self._client.complete_multipart_upload(
                **self._objects.place(key),
                UploadId=upload,
                IfNoneMatch="*",
                MultipartUpload={
                    "Parts": [
                        {name: one[name] for name in ("PartNumber", "ETag", "ChecksumSHA256")}
                        for one in found
                    ]
                },
            )
        except ClientError as error:
            if status(error) == 412:
                raise AlreadyExists(key) from error
            if code(error) == "NoSuchUpload":
                raise NoUpload(upload) from error
            if code(error) == "InvalidPart":  # one was replaced since they were listed
                raise OtherParts from error
            raise
        if _composite(made) != stated:
            raise WrongParts("S3 put other bytes together than it had listed.")
        return Made(size, f"{stated}-{part_size}", stated)

    def made(self, key: str, part_size: int) -> Made | None:
        """What an earlier `complete` has made, as S3 knows it: nothing is read."""
        try:
            facts = self._objects.facts(key)
        except NotFound:
            return None
        parts = _composite(facts)
        return Made(facts["ContentLength"], f"{parts}-{part_size}", parts)

    def abort(self, key: str, upload: str) -> None:
        """Give it up; what has arrived is deleted, an unknown upload is fine."""
        try:
            self._client.abort_multipart_upload(**self._objects.place(key), UploadId=upload)
        except ClientError as error:
            if code(error) != "NoSuchUpload":
                raise

    def unfinished(self) -> Iterator[Unfinished]:
        """Every upload in parts that is open."""
        pages = self._client.get_paginator("list_multipart_uploads")
        for page in pages.paginate(Bucket=self._objects.bucket, Prefix=self._objects.prefix):
            for found in page.get("Uploads", []):
                started = int(found["Initiated"].timestamp() * 1000)
                yield Unfinished(self._objects.key_of(found["Key"]), found["UploadId"], started)

    def presign_post(
        self, key: str, *, size: int, sha256: str, seconds: int, media_type: str = OCTETS
    ) -> SignedPost:
        """A form that takes exactly these bytes under this type."""
        place = self._objects.place(key)
        exact = {
            "Content-Type": media_type,
            "x-amz-checksum-algorithm": "SHA256",
            "x-amz-checksum-sha256": to_base64(sha256),
        }
        signed: Any = self._client.generate_presigned_post(
            place["Bucket"],
            place["Key"],
            Fields=dict(exact),
            Conditions=[
                ["content-length-range", size, size],
                *({name: value} for name, value in exact.items()),
            ],
            ExpiresIn=seconds,
        )
        return SignedPost(signed["url"], signed["fields"])

    def _listed(self, key: str, upload: str) -> list[Any]:
        pages = self._client.get_paginator("list_parts")
        try:
            return [
                part
                for page in pages.paginate(**self._objects.place(key), UploadId=upload)
                for part in page.get("Parts", [])
            ]
        except ClientError as error:
            if code(error) == "NoSuchUpload":
                raise NoUpload(upload) from error
            raise


def _part(listed: Any) -> Part:
    return Part(listed["PartNumber"], listed["Size"], to_hex(listed["ChecksumSHA256"]))


def _composite(answer: Any) -> str:
    return to_hex(answer["ChecksumSHA256"].partition("-")[0])
