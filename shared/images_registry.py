"""Images in any registry that checks our tokens (`auth: token` of the CNCF's registry and its relatives)."""

import time
from collections.abc import Callable, Sequence

from pydantic import SecretStr

from shared.images import ACCESS_SECONDS, ImagesUnavailable, component
from shared.registry_tokens import TokenSigner
from shared.work import ImageAccess


class TokenRegistry:
    """`ImageRegistry` at `host[:port]/prefix`; the engine hands our tokens straight to the registry."""

    def __init__(self, place: str, key: str, *, now: Callable[[], float] = time.time) -> None:
        self._place = place
        self._signer = TokenSigner(key)
        self._now = now

    def repository(self, tool_id: str) -> str:
        return f"{self._place}/{component(tool_id)}"

    def push(self, tool_id: str) -> ImageAccess:
        return self._access(self.repository(tool_id), ("pull", "push"))

    def pull(self, repository: str) -> ImageAccess:
        if not repository.startswith(self._place + "/"):
            raise ImagesUnavailable(f"{repository} is not in this installation's registry.")
        return self._access(repository, ("pull",))

    def _access(self, repository: str, actions: Sequence[str]) -> ImageAccess:
        name = repository.partition("/")[2]
        token = self._signer.token(name, actions, now=self._now(), seconds=ACCESS_SECONDS)
        return ImageAccess(repository=repository, secret=SecretStr(token))
