"""A requested job is claimed and begins in a free slot; the message ends as soon as the claim stands."""

from collections.abc import Callable
from typing import TypeVar

from shared.control import Refused, Unavailable
from shared.errors import Reject, Retry
from shared.slots import NoFreeSlot, Slots

Job = TypeVar("Job")


def begin_claimed(
    claim: Callable[[], Job | None], slots: Slots, begin: Callable[[Job], None]
) -> None:
    """`begin` starts the work in the slot that was taken for it and returns at once."""
    try:
        slots.take()
    except NoFreeSlot as error:
        raise Retry("every slot is taken", delay=1.0) from error
    try:
        job = claim()
        if job is not None:
            begin(job)
            return
    except Unavailable as error:
        slots.give_back()
        raise Retry(
            f"web does not answer: {error}", delay=max(error.retry_after or 0.0, 5.0)
        ) from error
    except Refused as error:
        slots.give_back()
        if error.status in (401, 403):  # this worker's fault, not the message's
            raise Retry(f"web refuses this worker: {error}", delay=30.0) from error
        raise Reject(f"web refuses the claim: {error}") from error
    except BaseException:
        slots.give_back()
        raise
    slots.give_back()  # taken by another worker, cancelled, ended, or not yet due
