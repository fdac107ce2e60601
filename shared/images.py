"""The image registry's port: where built images are kept, and what a worker shows there for a quarter of an hour."""

from typing import Protocol

from shared.work import ImageAccess

ACCESS_SECONDS = 900


class ImagesUnavailable(Exception):
    """No access can be given now; the text says why, and the same call may be repeated later."""


class ImageRegistry(Protocol):
    """One repository a tool, so that nobody's access reaches another tool's images."""

    def repository(self, tool_id: str) -> str:
        """`host/prefix/tool` without tag or digest; empty: built images stay on the worker's engine."""
        ...

    def push(self, tool_id: str) -> ImageAccess:
        """For the builder of this tool: push and pull in its repository; raises `ImagesUnavailable`."""
        ...

    def pull(self, repository: str) -> ImageAccess:
        """For the runner of an image in this repository; raises `ImagesUnavailable`."""
        ...


def repository_of(image: str) -> str:
    """`host/prefix/tool` of a digest reference; empty for an image that is on one engine only."""
    name, mark, _ = image.partition("@sha256:")
    return name if mark else ""


def component(tool_id: str) -> str:
    """A tool's id as the last part of a repository's name, which may hold small letters, digits and single dashes."""
    return tool_id.lower().replace("_", "-")
