"""No registry: images stay on this host's engine, where builder and runner share them."""

from shared.images import ImagesUnavailable
from shared.work import ImageAccess


class LocalImages:
    """`ImageRegistry` of an installation on one machine."""

    def repository(self, tool_id: str) -> str:
        return ""

    def push(self, tool_id: str) -> ImageAccess:
        raise ImagesUnavailable("This installation has no registry.")

    def pull(self, repository: str) -> ImageAccess:
        raise ImagesUnavailable("This installation has no registry.")
