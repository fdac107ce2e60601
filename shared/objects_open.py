"""Which object store an address means: empty for the folder in the data, or `s3://BUCKET[/PREFIX]`."""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast
from urllib.parse import urlsplit

from shared.objects import Objects, bucket_of
from shared.objects_disk import DiskObjects
from shared.settings import Settings
from shared.storage_credentials import StorageCredentials
from shared.uploads import Uploads
from shared.uploads_disk import DiskUploads
from shared.versions import Versions


@dataclass(frozen=True)
class Store:
    """Both ports of one object store."""

    objects: Objects
    uploads: Uploads
    origin: str
    """Where browsers send and fetch bytes, like `https://host:port`; empty: web itself."""


def open_store(settings: Settings, signing_key: str) -> Store:
    """The store that `TOOLYARD_OBJECTS_URL` names; the S3 SDK is loaded only where it is S3."""
    if not settings.objects_url:
        disk = DiskObjects(settings.data / "objects", signing_key, settings.url)
        return Store(disk, DiskUploads(disk), "")
    bucket, prefix = bucket_of(settings.objects_url)
    objects = _module("shared.objects_s3").S3Objects(bucket, prefix)
    uploads = _module("shared.uploads_s3").S3Uploads(objects)
    address = urlsplit(objects.presign_get("origin", seconds=1))
    return Store(
        cast(Objects, objects), cast(Uploads, uploads), f"{address.scheme}://{address.netloc}"
    )


def open_credentials(settings: Settings) -> StorageCredentials | None:
    """People's own credentials, where the store is S3 and a role for them is named."""
    if not settings.objects_url or not settings.people_role:
        return None
    bucket, prefix = bucket_of(settings.objects_url)
    made = _module("shared.storage_credentials_sts").StsCredentials(
        settings.people_role, bucket, prefix, settings.people_profile
    )
    return cast(StorageCredentials, made)


def open_objects(settings: Settings, signing_key: str) -> Objects:
    """Only the objects."""
    return open_store(settings, signing_key).objects


def open_versions(settings: Settings) -> Versions | None:
    """What S3 has of deleted objects; None where they lie in the folder."""
    if not settings.objects_url:
        return None
    bucket, prefix = bucket_of(settings.objects_url)
    objects = _module("shared.objects_s3").S3Objects(bucket, prefix)
    return cast(Versions, _module("shared.versions_s3").S3Versions(objects))


def provision(url: str, origins: Sequence[str]) -> None:
    """Make what the store needs before its first use; safe to repeat (the folder makes itself)."""
    if url:
        bucket, prefix = bucket_of(url)
        _module("shared.bucket_s3").provision(bucket, origins, prefix)


def provision_people(settings: Settings) -> None:
    """Make the role of people's own credentials where no stack made it; safe to repeat."""
    if settings.objects_url and settings.people_role:
        bucket, prefix = bucket_of(settings.objects_url)
        sts = _module("shared.storage_credentials_sts")
        sts.provision(settings.people_role, bucket, prefix)


def _module(name: str) -> Any:
    return import_module(name)
