"""A built image goes where runners find it: into its tool's repository, or it stays on this engine."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from builder_service.build_log import BuildLog
from builder_service.workshop import Workshop
from shared.containers import ImageGone, RegistryUnavailable
from shared.control import through_outages
from shared.work import BuildAssignment, ImageAccess

_SECONDS = 600.0
"""One push or pull; the next attempt shows a new access and goes on where it ended."""
_TRIES = 3
_PAUSE_SECONDS = 5.0


@dataclass(frozen=True)
class Publication:
    """Of one build; asks web anew for each transfer, because an access lives a quarter of an hour."""

    workshop: Workshop
    assignment: BuildAssignment
    log: BuildLog
    check: Callable[[], None]
    """Raises when the build has to end."""
    cancelled: threading.Event

    def publish(self, image: str, identity: str) -> str:
        """What runs will name: the image's own id, or its digest in the registry."""
        for last in (*(False,) * (_TRIES - 1), True):
            access = self._access()
            if access is None:
                return image
            self.log.say(f"pushing the image to {access.repository}")
            begun = time.monotonic()
            try:
                reference = self.workshop.containers.push_image(
                    image, access, tag_of(identity), seconds=_SECONDS, check=self.check
                )
            except RegistryUnavailable as error:
                self.log.say(f"the push failed: {error}")
                if last:
                    raise
                self._pause()
                continue
            self.log.say(f"pushed in {time.monotonic() - begun:.1f} s")
            return reference
        raise AssertionError("unreachable")

    def find(self, identity: str, tag: str) -> str | None:
        """The image of this identity that another builder has pushed, here under our `tag`; None where there is none."""
        access = self._access()
        if access is None:
            return None
        reference = f"{access.repository}:{tag_of(identity)}"
        containers = self.workshop.containers
        try:
            containers.fetch_image(reference, access, seconds=_SECONDS, check=self.check)
        except ImageGone:
            return None
        except RegistryUnavailable as error:
            self.log.say(f"the registry was not asked for an earlier build: {error}")
            return None
        containers.tag_image(reference, tag)
        self.log.say(f"found in {access.repository}")
        return containers.image_id(tag)

    def _access(self) -> ImageAccess | None:
        self.check()
        control = self.workshop.control
        return through_outages(
            lambda: control.image_access("build", self.assignment), stop=self.cancelled
        )

    def _pause(self) -> None:
        until = time.monotonic() + _PAUSE_SECONDS
        while time.monotonic() < until:
            self.check()
            time.sleep(0.2)


def tag_of(identity: str) -> str:
    """An image's tag in its tool's repository."""
    return identity[:64]
