"""How a build ends without an image: a sentence for the user, an end by limit, or a cancel."""


class BuildFailed(Exception):
    """The repository, its build or its tool is at fault; the text says what and what to do."""


class TimedOut(BuildFailed):
    """The build used up its time."""


class Cancelled(Exception):
    """Somebody asked for the end; nothing is reported as wrong."""
