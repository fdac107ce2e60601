"""A requested run is claimed and begins in a free slot."""

from collections.abc import Callable

from shared.claiming import begin_claimed
from shared.control import Control
from shared.events import RunRequested
from shared.slots import Slots
from shared.work import RunAssignment


def handle(
    event: RunRequested,
    *,
    control: Control,
    slots: Slots,
    begin: Callable[[RunAssignment], None],
) -> None:
    begin_claimed(lambda: control.claim("run", event.run_id), slots, begin)
