"""Text from outside, made fit for every database and page."""

import re
from typing import overload

_UNFIT = re.compile("[\x00\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


@overload
def kept(text: str, limit: int) -> str: ...
@overload
def kept(text: None, limit: int) -> None: ...
def kept(text: str | None, limit: int) -> str | None:
    """At most `limit` characters; what PostgreSQL cannot store becomes a replacement character."""
    return None if text is None else _UNFIT.sub("\ufffd", text[:limit])


def one_line(text: str, limit: int) -> str:
    """Trimmed, without line breaks and control characters."""
    return _CONTROL.sub(" ", text).strip()[:limit].strip()
