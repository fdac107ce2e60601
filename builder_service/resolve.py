"""A Git host's address, looked up once and checked, so that Git connects to what was checked."""

import ipaddress
import socket
from collections.abc import Callable, Collection

from builder_service.failures import BuildFailed
from shared import addresses
from shared.git_link import GitLink

Lookup = Callable[[str, int], list[str]]


def system_lookup(host: str, port: int) -> list[str]:
    """Every address that the system's resolver knows; raises `OSError`."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(entry[4][0]) for entry in found))


def pin(link: GitLink, allowed: Collection[str], lookup: Lookup = system_lookup) -> str:
    """One checked address of the link's host; `BuildFailed` when any of its addresses must not be reached."""
    try:
        texts = lookup(link.host, link.port)
    except OSError as error:
        raise BuildFailed(
            f"The host {link.host} cannot be found. Check the link for typing errors, or try again later."
        ) from error
    if not texts:
        raise BuildFailed(f"The host {link.host} has no address.")
    found = [ipaddress.ip_address(text.split("%", 1)[0]) for text in texts]
    for address in found:
        if addresses.is_metadata(address):
            raise BuildFailed(
                f"The host {link.host} leads to a cloud's metadata service, which is never reached."
            )
        kind = addresses.forbidden(address)
        if kind is not None and link.authority not in allowed:
            raise BuildFailed(
                f"The host {link.host} has an address that is {kind}. Only public Git hosts can be used; "
                "an operator can allow an internal one."
            )
    # IPv4 first: sandboxes and many build hosts have no way to IPv6.
    return str(sorted(found, key=lambda address: address.version)[0])
