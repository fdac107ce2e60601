"""A build that has to end does not wait for the registry."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import SecretStr

from builder_service.publish_image import Publication
from shared.work import BuildAssignment, ImageAccess


class Cancelled(Exception):
    pass


class Workshop:
    """Control and engine in one; each transfer tells progress once, after the build was cancelled."""

    def __init__(self) -> None:
        self.control = self.containers = self
        self.cancelled = False

    def image_access(self, kind: str, assignment: BuildAssignment) -> ImageAccess:
        return ImageAccess(repository="registry.example/a/tool", secret=SecretStr("x"))

    def push_image(self, *_: object, check: Callable[[], None], **__: object) -> str:
        return self._transfer(check)

    def fetch_image(self, *_: object, check: Callable[[], None], **__: object) -> str:
        return self._transfer(check)

    def _transfer(self, check: Callable[[], None]) -> str:
        self.cancelled = True
        check()
        raise AssertionError("it was not looked")

    def say(self, text: str) -> None:
        pass


def test_a_cancelled_build_neither_pushes_nor_pulls_on() -> None:
    workshop: Any = Workshop()
    assignment = BuildAssignment(
        id="bld_1", fence=1, attempt="a", token="t", lease_seconds=45, heartbeat_seconds=10,
        account="acc_1", link="https://github.com/a/b",
    )  # fmt: skip

    def check() -> None:
        if workshop.cancelled:
            raise Cancelled

    publication = Publication(workshop, assignment, workshop, check, threading.Event())
    for transfer in (
        lambda: publication.publish("sha256:1", "0" * 64),
        lambda: publication.find("0" * 64, "tag"),
    ):
        workshop.cancelled = False
        with pytest.raises(Cancelled):
            transfer()
