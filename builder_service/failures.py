"""How a build ends without an image: a sentence for the user, an end by limit, or a cancel."""


class BuildFailed(Exception):
    """The repository, its build or its tool is at fault; the text says what and what to do.

    `said` is what the failed program printed last: a second plan may read there what is missing.
    """

    def __init__(self, sentence: str, said: str = "") -> None:
        super().__init__(sentence)
        self.said = said


class TimedOut(BuildFailed):
    """The build used up its time."""


class Cancelled(Exception):
    """Somebody asked for the end; nothing is reported as wrong."""
