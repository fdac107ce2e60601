"""The packet filter's text: what sandboxes of one kind may reach; pure."""

import hashlib
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from typing import Literal

from shared.addresses import METADATA

BLOCKED = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.88.99.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/4",
    "240.0.0.0/4",
)
BLOCKED_PORTS = (25, 465, 587, 3333, 6667)
"""Mail, miners' pools, IRC: what abused free machines are used for."""

Zone = Literal["run", "build"]
_LETTER = {"run": "r", "build": "b"}
DYNAMIC_SETS = ("pinned_hosts", "pinned_ports")
"""Sets that hold what single sandboxes may reach; everything else stays as it was loaded."""


@dataclass(frozen=True)
class Allowed:
    """What is checked before the deny list: resolvers (port 53) and an operator's `address:port`s."""

    resolvers: frozenset[IPv4Address] = field(default_factory=frozenset)
    endpoints: frozenset[tuple[IPv4Address, int]] = field(default_factory=frozenset)


def table_name(installation: str, zone: Zone) -> str:
    """A table of our own for each installation and kind: nobody else's reload touches it."""
    return f"toolyard_{installation}_{zone}"


def prefix(installation: str, zone: Zone) -> str:
    """What the bridges of such sandboxes are called: `tyr…` for runs, `tyb…` for builds."""
    return f"ty{_LETTER[zone]}{installation}"


def bridge(installation: str, zone: Zone, name: str, *, named_hosts: bool) -> str:
    """The bridge of the sandbox called `name`, 15 characters.

    Its name says whether only named hosts are open, so that lost set elements close, not open, it.
    """
    letter = "h" if named_hosts else "i"
    return prefix(installation, zone) + letter + hashlib.sha256(name.encode()).hexdigest()[:7]


def _set(name: str, kind: str, elements: list[str], *, interval: bool = False) -> list[str]:
    flags = " flags interval;" if interval else ""
    lines = [f"add set inet TABLE {name} {{ type {kind};{flags} }}", f"flush set inet TABLE {name}"]
    if elements:
        lines.append(f"add element inet TABLE {name} {{ {', '.join(elements)} }}")
    return lines


_NO = "counter goto refused"


def refused_rules() -> list[str]:
    """A program learns at once that it may not; ICMP alone is rationed by the kernel to one a second."""
    return [
        "meta l4proto tcp reject with tcp reset",
        "reject with icmpx type admin-prohibited",
    ]


def forward_rules(begin: str) -> list[str]:
    """What passes through the host, in order; our sandboxes' interfaces begin with `begin`."""
    bridges = f"{begin}*"
    ours = f'iifname "{bridges}"'
    return [
        f'iifname != "{bridges}" oifname "{bridges}" ct state established,related accept',
        f'oifname "{bridges}" counter drop',
        f"{ours} meta nfproto ipv6 counter drop",
        f"{ours} ip daddr @metadata {_NO}",
        f"{ours} ip daddr . tcp dport @allowed accept",
        f"{ours} tcp dport @blocked_ports {_NO}",
        f'iifname "{begin}h*" jump named_hosts',
        f"{ours} ip daddr @resolvers udp dport 53 accept",
        f"{ours} ip daddr @resolvers tcp dport 53 accept",
        f"{ours} ip daddr @blocked {_NO}",
        f"{ours} ip protocol != {{ tcp, udp, icmp }} {_NO}",
        f"{ours} udp dport != {{ 53, 443 }} {_NO}",
    ]


def named_hosts_rules() -> list[str]:
    """The way of a sandbox that may reach only some hosts; those still meet the rules after it."""
    return [
        "iifname . ip daddr @pinned_hosts return",
        "iifname . ip daddr . tcp dport @pinned_ports return",
        _NO,
    ]


def input_rules(begin: str) -> list[str]:
    """What reaches the host itself: answers, its resolver, what an operator allows; nothing else."""
    ours = f'iifname "{begin}*"'
    internet = f'iifname "{begin}i*"'
    return [
        f"{ours} meta nfproto ipv6 counter drop",
        f"{ours} ct state established,related accept",
        f"{internet} ip daddr @resolvers udp dport 53 accept",
        f"{internet} ip daddr @resolvers tcp dport 53 accept",
        f"{ours} ip daddr . tcp dport @allowed accept",
        f"{ours} {_NO}",
    ]


def script(installation: str, zone: Zone, allowed: Allowed) -> str:
    """One transaction that makes or replaces the rules and keeps what single sandboxes were given."""
    begin = prefix(installation, zone)
    metadata = sorted(str(address) for address in METADATA if address.version == 4)
    endpoints = sorted(f"{address} . {port}" for address, port in allowed.endpoints)
    resolvers = sorted(str(address) for address in allowed.resolvers)
    lines = ["add table inet TABLE"]
    lines += _set("metadata", "ipv4_addr", metadata)
    lines += _set("resolvers", "ipv4_addr", resolvers)
    lines += _set("allowed", "ipv4_addr . inet_service", endpoints)
    lines += _set("blocked", "ipv4_addr", list(BLOCKED), interval=True)
    lines += _set("blocked_ports", "inet_service", [str(port) for port in BLOCKED_PORTS])
    lines += [
        "add set inet TABLE pinned_hosts { type ifname . ipv4_addr; }",
        "add set inet TABLE pinned_ports { type ifname . ipv4_addr . inet_service; }",
    ]
    for chain, rules in (("refused", refused_rules()), ("named_hosts", named_hosts_rules())):
        lines += [f"add chain inet TABLE {chain}", f"flush chain inet TABLE {chain}"]
        lines += [f"add rule inet TABLE {chain} {rule}" for rule in rules]
    spoofed = f'iifname "{begin}*" fib saddr . iif oif missing counter drop'
    for chain, hook, priority, rules in (
        ("spoofed", "prerouting", "raw", [spoofed]),
        ("forward", "forward", "filter - 5", forward_rules(begin)),
        ("input", "input", "filter - 5", input_rules(begin)),
    ):
        lines.append(
            f"add chain inet TABLE {chain}"
            f" {{ type filter hook {hook} priority {priority}; policy accept; }}"
        )
        lines.append(f"flush chain inet TABLE {chain}")
        lines += [f"add rule inet TABLE {chain} {rule}" for rule in rules]
    return "\n".join(lines).replace("TABLE", table_name(installation, zone)) + "\n"
