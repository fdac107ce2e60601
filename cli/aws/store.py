"""The bucket of releases and templates: what lies there is named by its digest and never changed."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from cli.aws.account import Account, is_missing
from cli.aws.release import Release, key_of
from cli.failures import Failure


class Store:
    """Releases and templates of an account; made at first use."""

    def __init__(self, account: Account) -> None:
        self._account = account
        self._s3: Any = account.s3
        self.bucket = account.release_bucket

    def ensure(self) -> None:
        """Make the bucket, closed to the public; safe to repeat."""
        try:
            self._s3.head_bucket(Bucket=self.bucket)
        except ClientError as error:
            if not is_missing(error):
                raise
            region = self._account.region
            where = (
                {}
                if region == "us-east-1"
                else {"CreateBucketConfiguration": {"LocationConstraint": region}}
            )
            self._s3.create_bucket(Bucket=self.bucket, **where)
        self._s3.put_public_access_block(
            Bucket=self.bucket,
            PublicAccessBlockConfiguration={
                "BlockPublicAcls": True,
                "BlockPublicPolicy": True,
                "IgnorePublicAcls": True,
                "RestrictPublicBuckets": True,
            },
        )

    def add(self, release: Release) -> bool:
        """Upload the release; False when it was there."""
        if self._has(release.key):
            return False
        self._s3.put_object(
            Bucket=self.bucket,
            Key=release.key,
            Body=release.archive,
            Metadata={"commit": release.commit, "changed": str(release.changed).lower()},
        )
        return True

    def release(self, digest: str) -> tuple[bytes, dict[str, str]]:
        """The bytes of a release and what was noted about it."""
        try:
            found = self._s3.get_object(Bucket=self.bucket, Key=key_of(digest))
        except ClientError as error:
            if is_missing(error):
                raise Failure(
                    f"The release {digest[:12]} is not in {self.bucket} any more."
                ) from None
            raise
        return found["Body"].read(), dict(found.get("Metadata", {}))

    def notes(self, digest: str) -> dict[str, str]:
        """The commit that a release was made from, as far as it is known."""
        try:
            found = self._s3.head_object(Bucket=self.bucket, Key=key_of(digest))
        except ClientError:
            return {}
        return dict(found.get("Metadata", {}))

    def folder_of(self, sources: Mapping[str, str]) -> str:
        """Where templates made from these sources lie."""
        text = json.dumps(dict(sorted(sources.items())))
        return f"templates/{hashlib.sha256(text.encode()).hexdigest()[:32]}"

    def address(self, key: str) -> str:
        """As CloudFormation reads it."""
        suffix = "amazonaws.com.cn" if self._account.partition == "aws-cn" else "amazonaws.com"
        return f"https://s3.{self._account.region}.{suffix}/{self.bucket}/{key}"

    def put_templates(self, folder: str, texts: Mapping[str, str]) -> None:
        for name, text in texts.items():
            self._s3.put_object(Bucket=self.bucket, Key=f"{folder}/{name}", Body=text.encode())

    def _has(self, key: str) -> bool:
        try:
            self._s3.head_object(Bucket=self.bucket, Key=key)
        except ClientError as error:
            if is_missing(error):
                return False
            raise
        return True
