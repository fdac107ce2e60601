"""The bucket of an installation as it must be: private, CORS for our pages only, deletions undone for a while.

`aws_userdata/stack.yaml` makes the same bucket; `expected` is what both are compared with.
"""

from collections.abc import Sequence
from typing import Any

from botocore.exceptions import ClientError

from shared.objects_s3 import code, make_client
from shared.storage_credentials import KEPT_DAYS

UNFINISHED_DAYS = 8
"""More than utility's own (7): what our pages still offer to resume is there."""
OLD_VERSION_DAYS = 40
"""More than the five weeks that rotation keeps a backup: what that one lists can be brought back."""
_LONGEST_ANSWER_SECONDS = 3600


def cors(origins: Sequence[str]) -> dict[str, Any]:
    """Our pages may send and read; a page reads `ETag` of what it has sent. Never any origin."""
    if not origins or any("*" in origin for origin in origins):
        raise ValueError("CORS names the origins of this installation's pages, never *.")
    rule = {
        "AllowedOrigins": list(origins),
        "AllowedMethods": ["GET", "HEAD", "PUT", "POST"],
        "AllowedHeaders": ["content-type", "x-amz-checksum-sha256", "if-none-match"],
        "ExposeHeaders": ["ETag"],
        "MaxAgeSeconds": _LONGEST_ANSWER_SECONDS,
    }
    return {"CORSRules": [rule]}


def lifecycle(prefix: str = "", days: int = UNFINISHED_DAYS) -> dict[str, Any]:
    """Unfinished uploads go by themselves, deleted bytes later, and what people stored themselves."""
    unfinished = {
        "ID": "unfinished-uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": days},
    }
    people = {
        "ID": "people",
        "Status": "Enabled",
        "Filter": {"Prefix": f"{prefix}/people/" if prefix else "people/"},
        "Expiration": {"Days": KEPT_DAYS},
    }
    deleted = {
        "ID": "deleted",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "NoncurrentVersionExpiration": {"NoncurrentDays": OLD_VERSION_DAYS},
        "Expiration": {"ExpiredObjectDeleteMarker": True},
    }
    return {"Rules": [unfinished, people, deleted]}


PRIVATE = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}

VERSIONED = {"Status": "Enabled"}

ENCRYPTED = {"Rules": [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}]}


def expected(origins: Sequence[str], prefix: str = "") -> dict[str, Any]:
    """Everything that a bucket of ours has, as boto3 words it."""
    return {
        "CORSConfiguration": cors(origins),
        "PublicAccessBlockConfiguration": PRIVATE,
        "ServerSideEncryptionConfiguration": ENCRYPTED,
        "VersioningConfiguration": VERSIONED,
        "LifecycleConfiguration": lifecycle(prefix),
    }


def provision(bucket: str, origins: Sequence[str], prefix: str = "") -> None:
    """Make the bucket, or bring it up to date; safe to repeat."""
    wanted = expected(origins, prefix)
    client = make_client()
    try:
        _make(client, bucket)
        client.put_public_access_block(
            Bucket=bucket,
            PublicAccessBlockConfiguration=wanted["PublicAccessBlockConfiguration"],
        )
        client.put_bucket_encryption(
            Bucket=bucket,
            ServerSideEncryptionConfiguration=wanted["ServerSideEncryptionConfiguration"],
        )
        client.put_bucket_versioning(
            Bucket=bucket, VersioningConfiguration=wanted["VersioningConfiguration"]
        )
        client.put_bucket_cors(Bucket=bucket, CORSConfiguration=wanted["CORSConfiguration"])
        client.put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration=wanted["LifecycleConfiguration"]
        )
    finally:
        client.close()


def _make(client: Any, bucket: str) -> None:
    region = client.meta.region_name
    # S3's oldest region refuses its own name here.
    elsewhere = {"CreateBucketConfiguration": {"LocationConstraint": region}}
    try:
        client.create_bucket(Bucket=bucket, **({} if region == "us-east-1" else elsewhere))
    except ClientError as error:
        if code(error) != "BucketAlreadyOwnedByYou":
            raise
