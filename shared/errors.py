"""The two ways a handler may fail; any other exception counts as `Retry`."""


class Retry(Exception):
    """The work could not be done now: the message comes back after `delay` seconds."""

    def __init__(self, reason: str, delay: float = 5.0) -> None:
        super().__init__(reason)
        self.delay = delay


class Reject(Exception):
    """The work can never be done: the message goes to the dead letters at once."""
