"""A requested build is claimed and begins in a free slot."""

from collections.abc import Callable

from shared.claiming import begin_claimed
from shared.control import Control
from shared.events import BuildRequested
from shared.slots import Slots
from shared.work import BuildAssignment


def handle(
    event: BuildRequested,
    *,
    control: Control,
    slots: Slots,
    begin: Callable[[BuildAssignment], None],
) -> None:
    begin_claimed(lambda: control.claim("build", event.build_id), slots, begin)
