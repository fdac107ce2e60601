"""What is true of S3 only; what must be refused is asked of MiniStack, which checks signatures."""

import hashlib
import io
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import httpx
import pytest
from botocore.exceptions import ClientError

from shared import bucket_s3, objects_s3
from shared.control import Control, Refused
from shared.objects import AlreadyExists, ObjectInfo
from shared.objects_s3 import Damaged, S3Objects, part_bytes
from tests.contracts.stores import ORIGIN, put, s3_store
from tests.emulators import AWS_ENVIRONMENT

DATA = bytes(range(256)) * 300
SHA256 = hashlib.sha256(DATA).hexdigest()


@pytest.fixture
def objects(ministack: str) -> S3Objects:
    found = s3_store(ministack).objects
    assert isinstance(found, S3Objects)
    return found


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "data"
    path.write_bytes(DATA)
    return path


def test_a_signed_put_takes_exactly_its_bytes_once(objects: S3Objects) -> None:
    signed = objects.presign_put("a/b", size=len(DATA), sha256=SHA256, seconds=60)
    headers = dict(signed.headers)
    other = DATA[:-1] + b"x"
    assert put(signed.url, other, headers).status_code == 400
    assert put(signed.url, DATA + b"x", headers).status_code == 403
    wrong = {**headers, "x-amz-checksum-sha256": "A" * 43 + "="}
    assert put(signed.url, other, wrong).status_code == 403
    for name in headers:
        less = {n: v for n, v in headers.items() if n != name}
        assert put(signed.url, DATA, less).status_code == 403
    assert put(signed.url.replace("/a/b?", "/a/c?"), DATA, headers).status_code == 403
    assert objects.stat("a/b") is None
    assert put(signed.url, DATA, headers).status_code == 200
    assert objects.stat("a/b") is not None
    assert put(signed.url, DATA, headers).status_code == 412


def test_a_worker_puts_once_in_effect_and_is_told_of_other_bytes(
    objects: S3Objects, file: Path, tmp_path: Path
) -> None:
    signed = objects.presign_put("runs/r/a/o/1", size=len(DATA), sha256=SHA256, seconds=60)
    control = Control("http://127.0.0.1:1", "token", "host:boot")
    try:
        control.put(signed.url, file, signed.headers)
        control.put(signed.url, file, signed.headers)  # its first answer was lost
        (tmp_path / "other").write_bytes(DATA[:-1] + b"x")
        fresh = objects.presign_put("runs/r/a/o/2", size=len(DATA), sha256=SHA256, seconds=60)
        with pytest.raises(Refused):
            control.put(fresh.url, tmp_path / "other", fresh.headers)
        got = objects.presign_get("runs/r/a/o/1", seconds=60)
        assert control.get(got, tmp_path / "back") == SHA256
    finally:
        control.close()


def test_a_download_is_an_attachment_of_no_type_and_takes_ranges(
    objects: S3Objects,
) -> None:
    signed = objects.presign_put("a", size=len(DATA), sha256=SHA256, seconds=60)
    page = {**signed.headers, "Content-Type": "text/html"}
    assert put(signed.url, DATA, page).status_code == 200
    url = objects.presign_get("a", seconds=60, filename='ü "b".html')
    answer = httpx.get(url, headers={"Range": "bytes=5-9"})
    assert (answer.status_code, answer.content) == (206, DATA[5:10])
    assert answer.headers["Content-Type"] == "application/octet-stream"
    assert answer.headers["Content-Disposition"].startswith('attachment; filename="_ _b_.html"')
    assert httpx.get(url.split("?")[0]).status_code == 403


def test_a_reader_seeks_anywhere_and_reads_on(objects: S3Objects, file: Path) -> None:
    objects.put("a", file)
    with objects.open("a") as reader:
        assert reader.read(3) == DATA[:3]
        assert reader.read(70_000) == DATA[3:70_003]
        assert reader.seek(-5, io.SEEK_END) == len(DATA) - 5
        assert reader.read() == DATA[-5:]
        assert reader.read() == b""
        reader.seek(10)
        assert reader.read(2) == DATA[10:12]


def test_a_put_that_was_raced_tells_same_bytes_from_others(
    objects: S3Objects, file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, calls = objects.client.put_object, []

    def conflict(**given: object) -> object:
        calls.append(given["IfNoneMatch"])
        if len(calls) == 1:  # S3: two conditional writes at once
            from botocore.exceptions import ClientError

            answer = {"Error": {"Code": "ConditionalRequestConflict"}}
            raise ClientError({**answer, "ResponseMetadata": {"HTTPStatusCode": 409}}, "PutObject")  # type: ignore[typeddict-item]
        return real(**given)

    monkeypatch.setattr(objects.client, "put_object", conflict)
    objects.put("a", file)
    assert calls == ["*", "*"]
    (tmp_path / "other").write_bytes(b"x")
    with pytest.raises(AlreadyExists):
        objects.put("a", tmp_path / "other")


@pytest.fixture
def in_parts(objects: S3Objects, monkeypatch: pytest.MonkeyPatch) -> S3Objects:
    """A store that takes 6 MiB in one PUT; the smallest part has 5, as on S3."""
    monkeypatch.setattr(objects_s3, "_MOST_BYTES", 6 << 20)
    monkeypatch.setattr(objects_s3, "_PART_BYTES", 5 << 20)
    return objects


@pytest.fixture
def large(tmp_path: Path) -> Path:
    path = tmp_path / "database.pgdump"
    path.write_bytes(DATA * ((12 << 20) // len(DATA)))
    return path


def unfinished(objects: S3Objects) -> list[Any]:
    place = {"Bucket": objects.bucket, "Prefix": objects.prefix}
    return list(objects.client.list_multipart_uploads(**place).get("Uploads", []))


def test_a_large_file_goes_in_parts_once_and_comes_back(
    in_parts: S3Objects, large: Path, tmp_path: Path
) -> None:
    sha256 = hashlib.sha256(large.read_bytes()).hexdigest()

    info = in_parts.put("large", large)

    facts = in_parts.facts("large")
    assert info == ObjectInfo(large.stat().st_size, sha256)
    assert facts["ETag"].endswith('-3"')
    assert in_parts.stat("large") == info
    in_parts.get("large", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == large.read_bytes()
    assert in_parts.put("large", large) == info
    with large.open("r+b") as file:
        file.write(b"?")
    with pytest.raises(AlreadyExists):
        in_parts.put("large", large)
    assert in_parts.stat("large") == info
    assert unfinished(in_parts) == []


def test_what_fits_is_one_put(in_parts: S3Objects, file: Path) -> None:
    assert in_parts.put("small", file).sha256 == SHA256
    assert "-" not in in_parts.facts("small")["ETag"]


def test_parts_that_change_on_their_way_make_no_object(
    in_parts: S3Objects, large: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = in_parts.client.upload_part

    def damaged(**given: Any) -> Any:
        return real(**{**given, "Body": b"?" + given["Body"][1:]})

    def rewritten(**given: Any) -> Any:
        with large.open("r+b") as source:
            source.seek(-1, io.SEEK_END)
            source.write(b"?")
        return real(**given)

    monkeypatch.setattr(in_parts.client, "upload_part", damaged)
    with pytest.raises(ClientError, match="BadDigest"):
        in_parts.put("large", large)
    monkeypatch.setattr(in_parts.client, "upload_part", rewritten)
    with pytest.raises(Damaged, match="changed while"):
        in_parts.put("large", large)

    assert in_parts.stat("large") is None
    assert unfinished(in_parts) == []


def test_of_two_that_send_parts_the_first_to_end_wins(
    in_parts: S3Objects, large: Path, file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = in_parts.client.create_multipart_upload

    def overtaken(**given: Any) -> Any:
        in_parts.put("k", file)
        return real(**given)

    monkeypatch.setattr(in_parts.client, "create_multipart_upload", overtaken)
    with pytest.raises(AlreadyExists):
        in_parts.put("k", large)
    assert in_parts.stat("k") == ObjectInfo(len(DATA), SHA256)
    assert unfinished(in_parts) == []


def test_other_bytes_than_were_sent_in_parts_are_not_taken(
    in_parts: S3Objects, large: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_parts.put("large", large)
    real = in_parts.client.get_object

    def changed(**given: Any) -> Any:
        return {**real(**given), "Body": io.BytesIO(b"other")}

    monkeypatch.setattr(in_parts.client, "get_object", changed)
    with pytest.raises(Damaged, match="not what was stored"):
        in_parts.get("large", tmp_path / "back")


def test_parts_are_never_too_many() -> None:
    assert part_bytes((5 << 30) + 1) == 64 << 20
    for size in (5 << 30, (640 << 30) + 1, 5 << 40):
        assert -(-size // part_bytes(size)) <= 10_000


def test_the_bucket_is_as_it_must_be(objects: S3Objects) -> None:
    s3 = boto3.Session().client("s3")
    wanted = bucket_s3.expected([ORIGIN])
    bucket = {"Bucket": objects.bucket}
    assert s3.get_bucket_cors(**bucket)["CORSRules"] == wanted["CORSConfiguration"]["CORSRules"]
    assert "ETag" in s3.get_bucket_cors(**bucket)["CORSRules"][0]["ExposeHeaders"]
    access = s3.get_public_access_block(**bucket)["PublicAccessBlockConfiguration"]
    assert set(access.values()) == {True}
    rule, people, deleted = s3.get_bucket_lifecycle_configuration(**bucket)["Rules"]
    assert rule["AbortIncompleteMultipartUpload"] == {"DaysAfterInitiation": 8}
    assert (people["Filter"], people["Expiration"]) == ({"Prefix": "people/"}, {"Days": 30})
    assert deleted["NoncurrentVersionExpiration"] == {"NoncurrentDays": 40}
    assert deleted["Expiration"] == {"ExpiredObjectDeleteMarker": True}
    assert s3.get_bucket_versioning(**bucket)["Status"] == "Enabled"
    bucket_s3.provision(objects.bucket, [ORIGIN])  # again is fine
    [_, below, _] = bucket_s3.lifecycle("below")["Rules"]
    assert below["Filter"] == {"Prefix": "below/people/"}
    with pytest.raises(ValueError, match="never"):
        bucket_s3.provision(objects.bucket, ["*"])


def test_only_our_pages_pass_its_cors(objects: S3Objects) -> None:
    url = objects.presign_get("a", seconds=60)
    asked = {
        "Access-Control-Request-Method": "PUT",
        "Access-Control-Request-Headers": "x-amz-checksum-sha256",
    }
    ours = httpx.options(url, headers={"Origin": ORIGIN, **asked})
    assert (ours.status_code, ours.headers["Access-Control-Allow-Origin"]) == (200, ORIGIN)
    foreign = httpx.options(url, headers={"Origin": "http://evil.example", **asked})
    assert foreign.status_code == 403
    assert "Access-Control-Allow-Origin" not in foreign.headers


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1", "eu-south-1"])
def test_signed_addresses_name_the_buckets_own_region(
    region: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The global host redirects for a new bucket; no emulator does."""
    for name, value in (*AWS_ENVIRONMENT.items(), ("AWS_DEFAULT_REGION", region)):
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    objects = S3Objects("results")
    try:
        got = objects.presign_get("a/b", seconds=60)
        put = objects.presign_put("a/b", size=1, sha256=SHA256, seconds=60).url
    finally:
        objects.client.close()
    wanted = (
        "results.s3.amazonaws.com"
        if region == "us-east-1"
        else f"results.s3.{region}.amazonaws.com"
    )
    assert [urlsplit(url).hostname for url in (got, put)] == [wanted, wanted]
