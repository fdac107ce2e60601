"""What a measurement may use: a scratch folder, and one platform that is started at first need."""

import contextlib
from functools import cached_property
from pathlib import Path

from tests.platform import Platform


class Context:
    """Shared by all measurements of one `make bench`; `stack` ends what they started."""

    def __init__(self, scratch: Path, stack: contextlib.ExitStack) -> None:
        self.scratch = scratch
        self.stack = stack

    @cached_property
    def platform(self) -> Platform:
        """A running embedded platform with default settings and two runner slots."""
        return self.stack.enter_context(Platform(self.scratch / "platform"))
