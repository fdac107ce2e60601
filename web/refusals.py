"""Bad requests as exceptions: one clear sentence each, shown alike by page, API and command line."""

from collections.abc import Mapping


class Refused(Exception):
    """A request that we do not carry out; `message` says what to do, `details` is for programs."""

    status = 400
    code = "refused"

    def __init__(
        self,
        message: str,
        *,
        code: str | None = None,
        status: int | None = None,
        details: Mapping[str, object] | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.code
        self.status = status or self.status
        self.details = dict(details or {})
        self.retry_after = retry_after


class Unauthenticated(Refused):
    """Nobody is signed in, or the token is unknown, expired or revoked."""

    status, code = 401, "unauthenticated"


class Forbidden(Refused):
    """Known person, known thing, not allowed: only where its existence is no secret."""

    status, code = 403, "forbidden"


class Absent(Refused):
    """Nothing there, or nothing this person may know of: the same answer for both."""

    status, code = 404, "not_found"


class Conflict(Refused):
    status, code = 409, "conflict"


class Gone(Refused):
    """It was there and has ended: begin a new one."""

    status, code = 410, "gone"


class TooLarge(Refused):
    status, code = 413, "too_large"


class Invalid(Refused):
    """The request's form is wrong."""

    status, code = 422, "invalid"


class TooMany(Refused):
    """A limit is reached; `retry_after` seconds later it may work."""

    status, code = 429, "too_many"


class Busy(Refused):
    """No capacity at this moment."""

    status, code = 503, "busy"
