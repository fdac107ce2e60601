"""Which backups may go: pure."""

import re
from collections.abc import Collection
from datetime import UTC, datetime

_NAME = re.compile(r"toolyard-(\d{8}T\d{6})Z")
_FORM = "%Y%m%dT%H%M%S"


def name_at(ms: int) -> str:
    """What a backup of that time is called."""
    return f"toolyard-{datetime.fromtimestamp(ms / 1000, UTC).strftime(_FORM)}Z"


def time_of(name: str) -> int | None:
    """When a backup was begun, milliseconds since 1970 UTC; None where the name is not ours."""
    found = _NAME.fullmatch(name)
    if found is None:
        return None
    try:
        return int(datetime.strptime(found[1], _FORM).replace(tzinfo=UTC).timestamp() * 1000)
    except ValueError:
        return None


def superfluous(names: Collection[str], *, daily: int, weekly: int) -> list[str]:
    """All but the newest of each of the last days and weeks that have one; what is not ours stays."""
    ours = sorted(((at, name) for name in names if (at := time_of(name)) is not None), reverse=True)
    kept: set[str] = set()
    for period, most in (("%Y-%m-%d", max(1, daily)), ("%G-%V", weekly)):
        newest: dict[str, str] = {}
        for at, name in ours:
            newest.setdefault(datetime.fromtimestamp(at / 1000, UTC).strftime(period), name)
        kept.update(list(newest.values())[:most])
    return sorted(name for _, name in ours if name not in kept)
