"""Deleted objects of a versioned bucket: found, and brought back.

A deletion there only hides the bytes behind a marker; without the marker they are back.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from itertools import islice
from typing import Any

from botocore.exceptions import ClientError

from shared.backup_database import BackupError
from shared.objects_s3 import S3Objects, code
from shared.versions import Looked

_AT_ONCE = 1000
_SAME_MS = 1000
"""S3 tells whole seconds."""


class S3Versions:
    """The versions of `objects`; its user may list them, and to bring any back delete markers."""

    def __init__(self, objects: S3Objects) -> None:
        self._objects = objects

    def look(self, wanted: Mapping[str, int]) -> Looked:
        """One pass over all versions of all objects."""
        there: set[str] = set()
        newest: dict[str, int] = {}
        markers: dict[str, list[str]] = defaultdict(list)
        for kind, one in self._all():
            key = self._objects.key_of(one["Key"])
            if key not in wanted:
                continue
            if kind == "DeleteMarkers":
                markers[key].append(one["VersionId"])
                continue
            if one["IsLatest"]:
                there.add(key)
            newest[key] = max(newest.get(key, 0), _ms(one["LastModified"]))
        # Bytes that were stored again later, and deleted too, are not those of the backup.
        hidden = {
            key: ids
            for key, ids in markers.items()
            if key not in there and abs(newest.get(key, 0) - wanted[key]) < _SAME_MS
        }
        return Looked(len(there), hidden, sorted(wanted.keys() - there - hidden.keys()))

    def bring_back(self, looked: Looked) -> None:
        """Take the markers away."""
        every = (
            {"Key": self._objects.prefix + key, "VersionId": id}
            for key, ids in looked.hidden.items()
            for id in ids
        )
        while batch := list(islice(every, _AT_ONCE)):
            with _told():
                done = self._objects.client.delete_objects(
                    Bucket=self._objects.bucket, Delete={"Objects": batch, "Quiet": True}
                )
            if failed := done.get("Errors"):
                raise BackupError(_refused(failed[0].get("Code", "an error")))

    def _all(self) -> Iterator[tuple[str, Any]]:
        pages = self._objects.client.get_paginator("list_object_versions")
        with _told():
            for page in pages.paginate(Bucket=self._objects.bucket, Prefix=self._objects.prefix):
                for kind in ("Versions", "DeleteMarkers"):
                    yield from ((kind, one) for one in page.get(kind, []))


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except ClientError as error:
        raise BackupError(_refused(code(error))) from error


def _refused(why: str) -> str:
    return (
        f"S3 answered {why}: to bring objects back one needs s3:ListBucketVersions on the bucket "
        "and s3:DeleteObjectVersion on its objects."
    )


def _ms(when: datetime) -> int:
    return int(when.timestamp() * 1000)
