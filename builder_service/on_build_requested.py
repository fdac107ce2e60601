"""A requested build is claimed and begins in a free slot; the message ends as soon as the claim stands."""

from collections.abc import Callable

from builder_service.slots import NoFreeSlot, Slots
from shared.control import Control, Refused, Unavailable
from shared.errors import Reject, Retry
from shared.events import BuildRequested
from shared.work import BuildAssignment

Begin = Callable[[BuildAssignment], None]
"""Begins the build in a slot that was taken for it, and returns at once."""


def handle(event: BuildRequested, *, control: Control, slots: Slots, begin: Begin) -> None:
    try:
        slots.take()
    except NoFreeSlot as error:
        raise Retry("every slot is taken", delay=1.0) from error
    try:
        assignment = control.claim("build", event.build_id)
        if isinstance(assignment, BuildAssignment):
            begin(assignment)
            return
    except Unavailable as error:
        slots.give_back()
        raise Retry(f"web does not answer: {error}", delay=error.retry_after or 2.0) from error
    except Refused as error:
        slots.give_back()
        raise Reject(f"web refuses the claim: {error}") from error
    except BaseException:
        slots.give_back()
        raise
    slots.give_back()  # taken by another worker, cancelled, ended, or not yet due
