"""Which image registry an address means."""

import re
from collections.abc import Callable

from shared.images import ImageRegistry
from shared.images_local import LocalImages

_REGISTRY = re.compile(
    r"registry://(?:([A-Za-z0-9$._+-]+)@)?([a-z0-9][a-z0-9.-]*(?::[0-9]{1,5})?(?:/[a-z0-9]+(?:[._-][a-z0-9]+)*)+)"
)
_ECR = re.compile(r"ecr://([a-z0-9]+(?:[._/-][a-z0-9]+)*)")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::[0-9]{12}:role/[\w+=,.@/-]+")


def check(url: str) -> str:
    """The address as it is; ValueError where it is none."""
    if url and not _REGISTRY.fullmatch(url) and not _ECR.fullmatch(url):
        raise ValueError(
            "it must be empty, registry://[USER@]HOST[:PORT]/PREFIX or ecr://PREFIX, in small letters"
        )
    return url


def check_role(url: str, role: str) -> None:
    """ValueError where ECR is chosen without the role that its tokens are made from."""
    if _ECR.fullmatch(url) and not _ROLE.fullmatch(role):
        raise ValueError(
            "TOOLYARD_IMAGES_ROLE must be the ARN of the role that web assumes for pushing to ECR"
        )


def open_images(
    url: str,
    *,
    role: str,
    key: Callable[[Callable[[], str]], str],
    password: Callable[[], str],
) -> ImageRegistry:
    """The registry; `key(make)` gives the secret that signs its tokens, `password()` that of its user.

    SDK and cryptography are loaded only where they are chosen.
    """
    if not check(url):
        return LocalImages()
    if found := _ECR.fullmatch(url):
        check_role(url, role)
        from shared.images_ecr import EcrImages

        return EcrImages(found[1], role)
    found = _REGISTRY.fullmatch(url)
    assert found is not None  # checked above
    user, place = found.groups()
    if user:
        from shared.images_login import LoginRegistry

        return LoginRegistry(place, user, password())
    from shared import registry_tokens
    from shared.images_registry import TokenRegistry

    return TokenRegistry(place, key(registry_tokens.new_key))
