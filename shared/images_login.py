"""Images in a registry that others run: we log in to its own token server, and workers get its token for one repository."""

import ipaddress
import re
from urllib.parse import urlsplit

import httpx
from pydantic import SecretStr

from shared.images import ImagesUnavailable, component
from shared.work import ImageAccess

_PARAMETER = re.compile(r'([a-z]+)="([^"]*)"')
_SECONDS = 15.0


class LoginRegistry:
    """`ImageRegistry` at `host[:port]/prefix`, by the token exchange that the engine itself would do.

    How long a token lasts is the registry's to say, mostly minutes; the password stays here.
    """

    def __init__(self, place: str, user: str, password: str) -> None:
        self._place = place
        self._login = (user, password)
        self._host = place.partition("/")[0]

    def repository(self, tool_id: str) -> str:
        return f"{self._place}/{component(tool_id)}"

    def push(self, tool_id: str) -> ImageAccess:
        return self._access(self.repository(tool_id), "pull,push")

    def pull(self, repository: str) -> ImageAccess:
        if not repository.startswith(self._place + "/"):
            raise ImagesUnavailable(f"{repository} is not in this installation's registry.")
        return self._access(repository, "pull")

    def _access(self, repository: str, actions: str) -> ImageAccess:
        scope = f"repository:{repository.partition('/')[2]}:{actions}"
        try:
            with httpx.Client(timeout=_SECONDS, follow_redirects=False) as client:
                realm, service = self._challenge(client)
                answer = client.get(
                    realm, params={"service": service, "scope": scope}, auth=self._login
                )
                answer.raise_for_status()
                found = answer.json()
        except (httpx.HTTPError, ValueError) as error:
            raise ImagesUnavailable(f"{self._host} gave no token for {scope}: {error}") from error
        token = found.get("token") or found.get("access_token")
        if not isinstance(token, str):
            raise ImagesUnavailable(f"{self._host} answered without a token for {scope}.")
        return ImageAccess(repository=repository, secret=SecretStr(token))

    def _challenge(self, client: httpx.Client) -> tuple[str, str]:
        """Where tokens are asked for, and for which service."""
        scheme = "http" if _is_here(self._host) else "https"
        answer = client.get(f"{scheme}://{self._host}/v2/")
        kind, _, rest = answer.headers.get("WWW-Authenticate", "").partition(" ")
        told = dict(_PARAMETER.findall(rest))
        realm = urlsplit(told.get("realm", ""))
        if kind.lower() != "bearer" or not realm.hostname:
            raise ImagesUnavailable(
                f"{self._host} knows no tokens for one repository: workers would need its password."
            )
        if realm.scheme != "https" and not _is_here(realm.netloc):
            raise ImagesUnavailable(f"{self._host} wants the password without TLS: {realm.netloc}.")
        return told["realm"], told.get("service", "")


def _is_here(host: str) -> bool:
    """Whether a `host[:port]` is this machine, where the engine needs no TLS."""
    name = host.rpartition(":")[0] or host
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost"
