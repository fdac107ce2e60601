"""What web is told by the environment, beyond what every process knows."""

import ipaddress
from typing import Self
from urllib.parse import urlsplit

from pydantic import field_validator, model_validator

from shared import images_open
from shared.settings import Settings
from web import limits as plan_limits

_UNIX = "unix"
Proxies = tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]


class WebSettings(Settings):
    """Settings of web; each is a `TOOLYARD_…` variable."""

    sign_up: bool | None = None
    """Whether strangers may make accounts. Unset: yes where the bus and database are embedded."""
    trusted_proxies: str = ""
    """Addresses or networks, comma-separated, whose `X-Forwarded-…` headers are believed.

    `unix` means callers through a Unix socket: whoever its permissions let in.
    """
    build_allow: str = ""
    """`host:port`, comma-separated: Git hosts that may be linked although private or without TLS."""
    threads: int = 64
    max_streams: int = 40
    """Live streams at once; kept well below `threads` so that pages and workers are answered."""
    session_days: int = 30
    token_days: int = 365
    bind: str = "127.0.0.1"
    listen: str = ""
    """`unix:/path` to answer there instead; sockets that systemd hands over go before both."""
    adds_per_hour: int = 60
    previews_per_hour: int = 240
    runs_per_minute: int = 120
    storage_credentials_per_hour: int = 20
    pushes_per_minute: int = 120
    """Webhook calls of one address; a Git host calls for many tools from few."""
    webs: str = "1"
    """How many web processes this machine may have; with a range each notes what it is asked."""
    worker_roles: str = ""
    """`ACCOUNT:ROLE,…` of AWS whose machines may have the worker token. Empty: none."""
    release: str = ""
    """`s3://BUCKET/KEY` of the release that this web is, for such machines."""
    enrolments_per_minute: int = 120
    """Of one address: behind a NAT gateway all workers have the same one."""
    sign_ups_per_hour: int = 20
    """Of one address."""
    limits: str = ""
    """What plans allow, where it differs from `web.limits`: JSON, or the path of a file of it."""

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, value: str) -> str:
        for part in _addresses(value):
            ipaddress.ip_network(part, strict=False)
        return value

    @field_validator("listen")
    @classmethod
    def _socket(cls, value: str) -> str:
        if value and not value.startswith("unix:/"):
            raise ValueError("must be unix:/path/of/a/socket, or empty for TOOLYARD_PORT")
        return value

    images_url: str = ""
    """`registry://[USER@]HOST[:PORT]/PREFIX` or `ecr://PREFIX`. Empty: images stay on this host's engine."""
    images_role: str = ""
    """With `ecr://`: ARN of the role that web assumes, narrowed, for each push and pull."""

    @field_validator("images_url")
    @classmethod
    def _known_registry(cls, value: str) -> str:
        return images_open.check(value)

    @model_validator(mode="after")
    def _role_for_ecr(self) -> Self:
        images_open.check_role(self.images_url, self.images_role)
        return self

    @field_validator("limits")
    @classmethod
    def _plans(cls, value: str) -> str:
        plan_limits.read(value)
        return value

    @model_validator(mode="after")
    def _streams_leave_threads(self) -> Self:
        if not 0 < self.max_streams < self.threads:
            raise ValueError("max_streams must be above 0 and below threads")
        return self

    @property
    def open_sign_up(self) -> bool:
        """Whether strangers may make accounts."""
        if self.sign_up is not None:
            return self.sign_up
        return self.database_url.startswith("sqlite") and self.bus_url.startswith("sqlite")

    @property
    def proxies(self) -> Proxies:
        """The networks whose forwarded headers are believed."""
        return tuple(
            ipaddress.ip_network(part, strict=False) for part in _addresses(self.trusted_proxies)
        )

    @property
    def trusts_unix(self) -> bool:
        """Whether callers through a Unix socket are proxies of ours."""
        return _UNIX in _words(self.trusted_proxies)

    @property
    def allowed_hosts(self) -> tuple[str, ...]:
        """The operator's own Git hosts, as `host:port`."""
        return tuple(filter(None, (part.strip() for part in self.build_allow.split(","))))

    @property
    def https(self) -> bool:
        """Whether people reach web by https: decides cookie names and HSTS."""
        return urlsplit(self.url).scheme == "https"


def _words(listed: str) -> list[str]:
    return [part for part in (p.strip() for p in listed.split(",")) if part]


def _addresses(listed: str) -> list[str]:
    return [part for part in _words(listed) if part != _UNIX]
