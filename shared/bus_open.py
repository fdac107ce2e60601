"""Which bus an address means."""

from pathlib import Path
from urllib.parse import urlsplit

from shared import bus_sns_sqs, doorbell
from shared.bus import Bus
from shared.bus_sns_sqs import SnsSqsBus
from shared.bus_sqlite import SqliteBus


def open_bus(url: str, data: Path) -> Bus:
    """The bus at `sqlite:///path` or `sns-sqs://prefix`; `data` is the installation's folder."""
    scheme, where = _parts(url)
    if scheme == "sqlite":
        return SqliteBus(Path(where), doorbell.folder_of(data))
    return SnsSqsBus(where)


def provision(url: str) -> None:
    """Make what the bus needs before its first use; safe to repeat (the SQLite file makes itself)."""
    scheme, where = _parts(url)
    if scheme == "sns-sqs":
        bus_sns_sqs.provision(where)


def _parts(url: str) -> tuple[str, str]:
    split = urlsplit(url)
    if split.scheme == "sqlite" and not split.netloc and len(split.path) > 1:
        return "sqlite", split.path[1:]
    if split.scheme == "sns-sqs" and split.netloc and split.path in ("", "/"):
        return "sns-sqs", split.netloc
    raise ValueError(f"TOOLYARD_BUS_URL is {url!r}; it must be sqlite:///PATH or sns-sqs://PREFIX.")
