"""A person's credentials against a store that enforces policies: only their prefix, only until revoked."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from shared import storage_credentials_sts
from shared.ids import new_id
from shared.objects_s3 import S3Objects
from shared.storage_credentials import Issued, NotIssued
from shared.storage_credentials_sts import StsCredentials, by_name, until
from tests.contracts.stores import s3_store


@pytest.fixture
def bucket(ministack: str) -> str:
    objects = s3_store(ministack).objects
    assert isinstance(objects, S3Objects)
    return objects.bucket


@pytest.fixture
def role(bucket: str) -> str:
    name = new_id("people").replace("_", "-")
    account = boto3.Session().client("sts").get_caller_identity()["Account"]
    arn = f"arn:aws:iam::{account}:role/{name}"
    storage_credentials_sts.provision(arn, bucket, "below")
    return arn


@pytest.fixture
def issuer(role: str, bucket: str) -> Iterator[StsCredentials]:
    yield StsCredentials(role, bucket, "below")


def as_person(issued: Issued) -> Any:
    session = boto3.Session(issued.access_key_id, issued.secret_access_key, issued.session_token)
    return session.client("s3")


def refused(call: Any, **given: object) -> bool:
    try:
        call(**given)
    except ClientError as error:
        return error.response["Error"]["Code"] in ("AccessDenied", "403")
    return False


def test_a_person_reads_writes_and_lists_their_prefix_and_nothing_else(
    issuer: StsCredentials, bucket: str
) -> None:
    mine, theirs = issuer.issue("acc_one", "cred_1"), issuer.issue("acc_two", "cred_2")
    assert mine.prefix == "below/people/acc_one/"
    left = mine.expires_at / 1000 - time.time()
    assert 11.9 * 3600 < left <= 12 * 3600 + 5
    me, them = as_person(mine), as_person(theirs)
    me.put_object(Bucket=bucket, Key=mine.prefix + "a", Body=b"mine")
    them.put_object(Bucket=bucket, Key=theirs.prefix + "a", Body=b"theirs")
    assert me.get_object(Bucket=bucket, Key=mine.prefix + "a")["Body"].read() == b"mine"
    listed = me.list_objects_v2(Bucket=bucket, Prefix=mine.prefix)["Contents"]
    assert [one["Key"] for one in listed] == [mine.prefix + "a"]

    assert refused(me.get_object, Bucket=bucket, Key=theirs.prefix + "a")
    assert refused(me.put_object, Bucket=bucket, Key=theirs.prefix + "b", Body=b"x")
    assert refused(me.put_object, Bucket=bucket, Key="below/files/x", Body=b"x")
    assert refused(me.delete_object, Bucket=bucket, Key=theirs.prefix + "a")
    assert refused(me.list_objects_v2, Bucket=bucket)
    assert refused(me.list_objects_v2, Bucket=bucket, Prefix=theirs.prefix)
    assert refused(me.get_bucket_cors, Bucket=bucket)
    me.delete_object(Bucket=bucket, Key=mine.prefix + "a")


def test_one_credential_is_revoked_and_no_other(issuer: StsCredentials, bucket: str) -> None:
    first, second = issuer.issue("acc_one", "cred_first"), issuer.issue("acc_one", "cred_second")
    issuer.revoke(["cred_first"])
    key = first.prefix + "a"
    assert refused(as_person(first).put_object, Bucket=bucket, Key=key, Body=b"x")
    as_person(second).put_object(Bucket=bucket, Key=key, Body=b"x")
    issuer.revoke([])  # expired ones leave the list
    as_person(first).put_object(Bucket=bucket, Key=key, Body=b"x")


def test_all_that_were_issued_before_a_moment_are_ended_and_later_ones_by_name(
    issuer: StsCredentials, bucket: str
) -> None:
    old = issuer.issue("acc_one", "cred_old")
    key = old.prefix + "a"
    moment = datetime.fromtimestamp(int(time.time()) + 1, UTC)
    issuer.revoke([], moment)
    assert refused(as_person(old).put_object, Bucket=bucket, Key=key, Body=b"x")

    time.sleep(max(0.0, moment.timestamp() - time.time()))
    later, latest = issuer.issue("acc_one", "cred_later"), issuer.issue("acc_one", "cred_latest")
    issuer.revoke(["cred_later"], moment)
    assert refused(as_person(old).put_object, Bucket=bucket, Key=key, Body=b"x")
    assert refused(as_person(later).put_object, Bucket=bucket, Key=key, Body=b"x")
    as_person(latest).put_object(Bucket=bucket, Key=key, Body=b"x")


def test_a_policy_has_room_for_as_many_names_as_are_said(issuer: StsCredentials, role: str) -> None:
    names = [new_id("cred") for _ in range(issuer.most)]
    document = json.dumps(
        {"Version": "2012-10-17", "Statement": [by_name(names), until(datetime.now(UTC))]},
        separators=(",", ":"),
    )
    assert len(document) < 10_240 - 1_000  # AWS's limit of all inline policies of a role together


def test_a_role_that_is_itself_assumed_gets_the_hour_that_aws_allows(
    issuer: StsCredentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    real, asked = issuer._sts.assume_role, []

    def chained(**given: Any) -> Any:
        asked.append(given["DurationSeconds"])
        if given["DurationSeconds"] > 3600:
            said = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
            raise ClientError({"Error": {"Code": "ValidationError", "Message": said}}, "AssumeRole")
        return real(**given)

    monkeypatch.setattr(issuer._sts, "assume_role", chained)
    issued = issuer.issue("acc_one", "cred_1")
    assert asked == [43_200, 3_600]
    assert issued.expires_at / 1000 - time.time() <= 3_605
    assert "They last an hour" in issued.note and "TOOLYARD_PEOPLE_PROFILE" in issued.note


def test_a_refusal_of_aws_is_a_sentence(bucket: str, ministack: str) -> None:
    nobody = StsCredentials("arn:aws:iam::000000000000:role/not-there", bucket)
    with pytest.raises(NotIssued, match="AWS"):
        nobody.issue("acc_one", "cred_1")
    with pytest.raises(NotIssued, match="did not revoke"):
        nobody.revoke(["cred_1"])
