"""Who really calls: forwarded headers are believed from trusted proxies only."""

import ipaddress
from collections.abc import Callable, Iterable
from typing import Any

from web.settings import Proxies

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def client_of(peer: str, forwarded_for: str, proxies: Proxies) -> str:
    """The nearest address that is not one of our proxies; whatever it claims beyond is ignored."""
    address = peer
    for claimed in reversed([part.strip() for part in forwarded_for.split(",") if part.strip()]):
        if not _inside(address, proxies):
            break
        if not _is_address(claimed):
            break
        address = claimed
    return address


def household(caller: str) -> str:
    """What limits count an address under: one home or machine has 2**64 addresses of IPv6.

    Anything else, such as an account's id, stays what it is.
    """
    try:
        address = ipaddress.ip_address(caller)
    except ValueError:
        return caller
    if isinstance(address, ipaddress.IPv4Address):
        return caller
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((int(address) >> 64 << 64, 64)))


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _inside(address: str, proxies: Proxies) -> bool:
    if not _is_address(address):
        return False
    parsed = ipaddress.ip_address(address)
    return any(parsed in network for network in proxies)


class ForwardedHeaders:
    """WSGI middleware: sets the client's address and scheme from headers of trusted proxies."""

    def __init__(self, app: WsgiApp, proxies: Proxies, *, unix: bool = False) -> None:
        """`unix`: callers through a Unix socket, who have no address, are proxies too."""
        self._app = app
        self._proxies = proxies
        self._unix = unix

    def __call__(
        self, environ: dict[str, Any], start_response: Callable[..., Any]
    ) -> Iterable[bytes]:
        peer = environ.get("REMOTE_ADDR", "")
        forwarded = environ.pop("HTTP_X_FORWARDED_FOR", "")
        scheme = environ.pop("HTTP_X_FORWARDED_PROTO", "")
        through_socket = self._unix and not peer
        if through_socket or _inside(peer, self._proxies):
            nearest = forwarded.rpartition(",")[2].strip()
            if through_socket and _is_address(nearest):
                peer = nearest  # the proxy itself has seen this one
            environ["REMOTE_ADDR"] = client_of(peer, forwarded, self._proxies)
            if scheme in ("http", "https"):
                environ["wsgi.url_scheme"] = scheme
        return self._app(environ, start_response)
