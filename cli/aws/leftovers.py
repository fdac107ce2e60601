"""What outlives a stage's stack on purpose: objects, images, snapshots and the key of sealed credentials."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from cli.aws.account import Account, is_missing


@dataclass(frozen=True)
class Leftover:
    """One of them: how it is called, and how it goes."""

    told: str
    delete: Callable[[], None]


def of(account: Account, prefix: str) -> list[Leftover]:
    """Everything named for this stage that a stack does not delete."""
    return [
        *_bucket(account, prefix),
        *_images(account, prefix),
        *_snapshots(account, prefix),
        *_key(account, prefix),
    ]


def _bucket(account: Account, prefix: str) -> Iterator[Leftover]:
    name = f"{prefix}-{account.number}-{account.region}"
    try:
        account.s3.head_bucket(Bucket=name)
    except ClientError as error:
        if is_missing(error):
            return
        raise

    def delete() -> None:
        for upload in _pages(account.s3, "list_multipart_uploads", "Uploads", Bucket=name):
            account.s3.abort_multipart_upload(
                Bucket=name, Key=upload["Key"], UploadId=upload["UploadId"]
            )
        # Old versions and deletions too, else the bucket is not empty.
        for page in account.s3.get_paginator("list_object_versions").paginate(Bucket=name):
            every = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            batch = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in every]
            if batch:
                account.s3.delete_objects(Bucket=name, Delete={"Objects": batch})
        account.s3.delete_bucket(Bucket=name)

    yield Leftover(f"the bucket {name} with all objects in it", delete)


def _images(account: Account, prefix: str) -> Iterator[Leftover]:
    ecr = account.client("ecr")
    for found in _pages(ecr, "describe_repositories", "repositories"):
        name = str(found["repositoryName"])
        if name.startswith(f"{prefix}/"):
            yield Leftover(
                f"the images in {name}",
                partial(ecr.delete_repository, repositoryName=name, force=True),
            )


def _snapshots(account: Account, prefix: str) -> Iterator[Leftover]:
    rds = account.client("rds")
    found = _pages(rds, "describe_db_snapshots", "DBSnapshots", SnapshotType="manual")
    for snapshot in found:
        name = str(snapshot["DBSnapshotIdentifier"])
        if snapshot.get("DBInstanceIdentifier") == f"{prefix}-database":
            yield Leftover(
                f"the database snapshot {name}",
                partial(rds.delete_db_snapshot, DBSnapshotIdentifier=name),
            )


def _key(account: Account, prefix: str) -> Iterator[Leftover]:
    manager = account.client("secretsmanager")
    name = f"{prefix}/sealing-key"
    try:
        found = manager.describe_secret(SecretId=name)
    except ClientError:
        return
    if found.get("DeletedDate") is None:
        yield Leftover(
            f"the secret {name}",
            lambda: manager.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True),
        )


def _pages(client: Any, operation: str, group: str, **arguments: Any) -> Iterator[dict[str, Any]]:
    for page in client.get_paginator(operation).paginate(**arguments):
        yield from page.get(group) or []
