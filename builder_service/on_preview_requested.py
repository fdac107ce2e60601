"""A requested look at a repository is claimed and begins in a free slot of its own kind."""

from collections.abc import Callable

from shared.claiming import begin_claimed
from shared.control import Control
from shared.events import PreviewRequested
from shared.slots import Slots
from shared.work import PreviewAssignment


def handle(
    event: PreviewRequested,
    *,
    control: Control,
    slots: Slots,
    begin: Callable[[PreviewAssignment], None],
) -> None:
    begin_claimed(lambda: control.claim("preview", event.preview_id), slots, begin)
