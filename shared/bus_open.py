"""Which bus an address means.

Of kombu's transports only AMQP is one of ours: the contract suite, and the kills, cost messages on
the others (Redis, SQLAlchemy, file system), so that their addresses are refused.
"""

from importlib import import_module
from ipaddress import ip_address
from pathlib import Path
from types import ModuleType
from typing import cast
from urllib.parse import parse_qs, urlsplit

from shared import doorbell
from shared.bus import Bus
from shared.bus_sqlite import SqliteBus

_ADAPTERS = {
    "sns-sqs": "shared.bus_sns_sqs",
    "amqp": "shared.bus_kombu",
    "amqps": "shared.bus_kombu",
}
"""Modules with `open_at(place)` and `provision(place)`, loaded when their scheme is chosen.

Each brings an SDK that would cost every process of the embedded platform several megabytes.
"""


def open_bus(url: str, data: Path) -> Bus:
    """The bus at `sqlite:///path`, `sns-sqs://prefix` or `amqp[s]://…`; `data` is the installation's folder."""
    scheme, where = _parts(url)
    if scheme == "sqlite":
        return SqliteBus(Path(where), doorbell.folder_of(data))
    return cast(Bus, _adapter(scheme).open_at(where))


def provision(url: str) -> None:
    """Make what the bus needs before its first use; safe to repeat (the SQLite file makes itself)."""
    scheme, where = _parts(url)
    if scheme != "sqlite":
        _adapter(scheme).provision(where)


def feedback_topic(url: str) -> str:
    """The ARN of the topic for bounces and complaints; empty where SES cannot publish to the bus."""
    if not url.startswith("sns-sqs:"):
        return ""
    scheme, where = _parts(url)
    return str(_adapter(scheme).feedback_topic(where))


def _adapter(scheme: str) -> ModuleType:
    return import_module(_ADAPTERS[scheme])


def shown(url: str) -> str:
    """The address as people may read it: without a password."""
    login, at, _ = urlsplit(url).netloc.rpartition("@")
    return url.replace(login + at, "…@", 1) if at else url


def _stays_here(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _parts(url: str) -> tuple[str, str]:
    split = urlsplit(url)
    if split.scheme == "sqlite" and not split.netloc and len(split.path) > 1:
        return "sqlite", split.path[1:]
    if split.scheme == "sns-sqs" and split.netloc and split.path in ("", "/"):
        return split.scheme, split.netloc
    if split.scheme in ("amqp", "amqps") and split.hostname:
        private = _stays_here(split.hostname) or parse_qs(split.query).get("plain") == ["1"]
        if split.scheme == "amqp" and not private:
            raise ValueError(
                f"TOOLYARD_BUS_URL is {shown(url)!r}: password and messages would cross the network "
                "unencrypted. Write amqps://, or add ?plain=1 where that network is private."
            )
        return split.scheme, url
    raise ValueError(
        f"TOOLYARD_BUS_URL is {shown(url)!r}; it must be sqlite:///PATH, sns-sqs://PREFIX "
        "or amqps://USER:PASSWORD@HOST:PORT/VHOST (amqp:// on this machine)."
    )
