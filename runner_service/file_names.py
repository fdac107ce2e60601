r"""Names of files as text: valid UTF-8 stays as it is, other bytes become `\xNN`; both ways."""

import os
import re

_ESCAPED = re.compile(r"\\x([0-9a-f]{2})")
_SURROGATE = re.compile("[\udc80-\udcff]")


def to_text(path: str) -> str:
    r"""A path as the file system gave it, safe for JSON and databases.

    A backslash that would read as an escape becomes `\x5c`, so that `to_path` gives back the
    very same bytes.
    """
    plain = _ESCAPED.sub(lambda found: r"\x5c" + found.group(0)[1:], path)
    return _SURROGATE.sub(lambda found: f"\\x{ord(found.group(0)) - 0xDC00:02x}", plain)


def to_path(text: str) -> str:
    """The path that `to_text` was given."""
    raw = bytearray()
    end = 0
    for found in _ESCAPED.finditer(text):
        raw += os.fsencode(text[end : found.start()])
        raw.append(int(found.group(1), 16))
        end = found.end()
    raw += os.fsencode(text[end:])
    return os.fsdecode(bytes(raw))


def shown(path: str) -> str:
    """For a sentence: quoted, one line, no control or direction marks, not too long."""
    text = to_text(path)
    safe = "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)
    if len(safe) > 120:
        safe = safe[:80] + "…" + safe[-38:]
    return f"‘{safe}’"
