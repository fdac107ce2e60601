"""How a download tells its file name."""

import re
from urllib.parse import quote


def disposition(filename: str | None) -> str:
    """`Content-Disposition` of a download (RFC 6266); browsers of today read the second form."""
    if not filename:
        return "attachment"
    name = re.sub(r"[\x00-\x1f\x7f-\x9f]", "_", filename.rpartition("/")[2]) or "file"
    plain = re.sub(r'[^ -~]|["\\%]', "_", name)
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='', errors='replace')}"
