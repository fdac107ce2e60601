"""The AWS account of whoever calls, and its errors as sentences."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from cli.failures import Failure

_CREDENTIALS = (
    "No AWS credentials were found. Sign in first: `aws sso login` and AWS_PROFILE, "
    "or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
)
_REGION = "No AWS region is set: give --region, or set AWS_DEFAULT_REGION."
_EXPIRED = ("ExpiredToken", "ExpiredTokenException", "InvalidClientTokenId")


@dataclass(frozen=True)
class Account:
    """One account in one region; clients are made when first asked for."""

    session: Any
    number: str
    region: str
    partition: str

    def client(self, service: str) -> Any:
        return self.session.client(service)

    @cached_property
    def cloudformation(self) -> Any:
        return self.client("cloudformation")

    @cached_property
    def s3(self) -> Any:
        return self.client("s3")

    @cached_property
    def autoscaling(self) -> Any:
        return self.client("autoscaling")

    @property
    def release_bucket(self) -> str:
        """Where releases and templates lie; both stages share it, so that a promoted release is the same."""
        return f"toolyard-releases-{self.number}-{self.region}"


def sign_in(region: str | None) -> Account:
    """The caller's account; a `Failure` says what is missing."""
    import boto3

    with explained():
        session = boto3.Session(region_name=region)
        if not session.region_name:
            raise Failure(_REGION)
        caller = session.client("sts").get_caller_identity()
    return Account(
        session, str(caller["Account"]), session.region_name, str(caller["Arn"]).split(":")[1]
    )


@contextmanager
def explained() -> Iterator[None]:
    """AWS's refusals as sentences that say what to do."""
    from botocore import exceptions

    try:
        yield
    except (exceptions.NoCredentialsError, exceptions.PartialCredentialsError) as error:
        raise Failure(_CREDENTIALS) from error
    except exceptions.ProfileNotFound as error:
        raise Failure(f"{error} Name another one in AWS_PROFILE.") from error
    except exceptions.NoRegionError as error:
        raise Failure(_REGION) from error
    except exceptions.EndpointConnectionError as error:
        raise Failure(f"AWS does not answer: {error}") from error
    except exceptions.ClientError as error:
        code = code_of(error)
        text = error.response["Error"].get("Message", "")
        if code in _EXPIRED:
            raise Failure(
                f"The AWS credentials are not valid any more ({text}). Sign in again."
            ) from error
        if code.startswith("AccessDenied"):
            raise Failure(f"These credentials may not do that: {text}") from error
        raise Failure(f"AWS refused {error.operation_name}: {text} ({code})") from error
    except exceptions.BotoCoreError as error:
        raise Failure(f"AWS could not be asked: {error}") from error


def code_of(error: Any) -> str:
    """The code of a `ClientError`."""
    return str(error.response["Error"]["Code"])


def is_missing(error: Any) -> bool:
    """Whether AWS said that the named thing does not exist."""
    return code_of(error) in ("404", "NoSuchBucket", "NoSuchKey", "NotFound") or (
        code_of(error) == "ValidationError" and "does not exist" in str(error)
    )
