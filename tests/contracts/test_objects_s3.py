"""What is true of S3 only; what must be refused is asked of MiniStack, which checks signatures."""

import hashlib
import io
from pathlib import Path
from urllib.parse import urlsplit

import boto3
import httpx
import pytest

from shared import bucket_s3
from shared.backup import BackupError
from shared.backup_store import BackupStore
from shared.control import Control, Refused
from shared.objects import AlreadyExists, TooLargeToPut
from shared.objects_s3 import S3Objects
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


def test_more_than_s3_takes_in_one_piece_is_refused_before_it_is_read(
    objects: S3Objects, tmp_path: Path
) -> None:
    huge = tmp_path / "database.dump"
    with huge.open("wb") as file:
        file.truncate((5 << 30) + 1)  # sparse
    with pytest.raises(TooLargeToPut, match=r"database.dump has 5.0 GiB, and S3 takes 5 GiB"):
        objects.put("huge", huge)
    assert objects.stat("huge") is None
    with pytest.raises(BackupError, match=r"Keep the backups in a folder instead"):
        BackupStore(objects).save(
            "n", {"files": {"database.dump": "0" * 64}}, {"database.dump": huge}
        )


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
