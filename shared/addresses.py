"""Which IP addresses strangers' links and hostile code must never make us reach."""

import ipaddress
from ipaddress import IPv4Address, IPv6Address

Address = IPv4Address | IPv6Address

METADATA: frozenset[Address] = frozenset(
    ipaddress.ip_address(text)
    for text in (
        "169.254.169.254",
        "169.254.170.2",
        "169.254.170.23",
        "169.254.169.123",
        "169.254.169.253",
        "100.100.100.200",
        "192.0.0.192",
        "fd00:ec2::254",
        "fd00:ec2::23",
        "fd20:ce::254",
    )
)
"""Clouds' metadata, credential and time services: no setting opens these."""

_RESERVED = tuple(
    (ipaddress.ip_network(network), name)
    for network, name in (
        ("0.0.0.0/8", "reserved"),
        ("10.0.0.0/8", "private"),
        ("100.64.0.0/10", "private (carrier-grade NAT)"),
        ("127.0.0.0/8", "this machine's own"),
        ("169.254.0.0/16", "link-local"),
        ("172.16.0.0/12", "private"),
        ("192.0.0.0/24", "reserved"),
        ("192.0.2.0/24", "reserved"),
        ("192.88.99.0/24", "reserved (6to4 relay)"),
        ("192.168.0.0/16", "private"),
        ("198.18.0.0/15", "reserved"),
        ("198.51.100.0/24", "reserved"),
        ("203.0.113.0/24", "reserved"),
        ("224.0.0.0/4", "multicast"),
        ("240.0.0.0/4", "reserved"),
        ("::/128", "reserved"),
        ("::1/128", "this machine's own"),
        ("::/96", "reserved (IPv4-compatible)"),
        ("::ffff:0:0/96", "reserved (IPv4-mapped)"),
        ("64:ff9b::/96", "reserved (NAT64)"),
        ("64:ff9b:1::/48", "reserved (NAT64)"),
        ("100::/64", "reserved"),
        ("2001::/32", "reserved (Teredo)"),
        ("2001::/23", "reserved"),
        ("2001:db8::/32", "reserved"),
        ("2002::/16", "reserved (6to4)"),
        ("3fff::/20", "reserved"),
        ("5f00::/16", "reserved"),
        ("fc00::/7", "private"),
        ("fe80::/10", "link-local"),
        ("fec0::/10", "private"),
        ("ff00::/8", "multicast"),
    )
)


def is_metadata(address: Address) -> bool:
    """Whether this is a metadata service, also when written as an IPv6 form of it."""
    return address in METADATA or _inner(address) in METADATA


def forbidden(address: Address) -> str | None:
    """What kind of address this is (`private`, `link-local`, …) when it must not be reached, else None."""
    if is_metadata(address):
        return "a cloud's metadata service"
    for network, name in _RESERVED:
        if address.version == network.version and address in network:
            return name
    return None


def _inner(address: Address) -> Address | None:
    """The IPv4 address that an IPv6 transition address carries."""
    if isinstance(address, IPv4Address):
        return None
    if address.ipv4_mapped is not None:
        return address.ipv4_mapped
    if address.sixtofour is not None:
        return address.sixtofour
    if address.teredo is not None:
        return address.teredo[1]
    if address in ipaddress.ip_network("64:ff9b::/96") or address in ipaddress.ip_network("::/96"):
        return IPv4Address(int(address) & 0xFFFFFFFF)
    return None
