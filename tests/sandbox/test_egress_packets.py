"""Packets that no sandbox can even make now: the filter stops them too, should one ever learn to."""

import contextlib
import secrets
import socket
import struct
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from shared import egress_rules
from shared.canaries import _inside

_INSTALLATION = "t3st"
_OURS = f'"{egress_rules.prefix(_INSTALLATION, "run")}*"'
_BRIDGE = egress_rules.bridge(_INSTALLATION, "run", "sandbox", named_hosts=False)
_BOX, _FAR, _STRANGER = "11.0.0.2", "12.0.0.2", "13.0.0.13"
_BOX_6, _FAR_6 = "2001:470:1::2", "2001:470::2"
_ODD_PROTOCOL = 253
_MAC_FAR = "02:00:00:00:00:02"
_MAC = "02:00:00:00:00:01"  # known: the host answers no sandbox that asks for it by IPv6

_HOST = f"""
link add {_BRIDGE} address {_MAC} type bridge
addr add 11.0.0.1/24 dev {_BRIDGE}
addr add 2001:470:1::1/64 dev {_BRIDGE} nodad
link set {_BRIDGE} up
link add tap type veth peer name eth0 netns BOX
link set tap master {_BRIDGE} up
link add out address {_MAC} type veth peer name eth0 address {_MAC_FAR} netns FAR
addr add 12.0.0.1/24 dev out
addr add 2001:470::1/64 dev out nodad
link set out up
neigh add {_FAR_6} lladdr {_MAC_FAR} dev out
"""
_SIDE = f"""
addr add {{four}}/24 dev eth0
addr add {{six}}/64 dev eth0 nodad
link set eth0 up
route add default via {{gateway}}
neigh add {{gateway_6}} lladdr {_MAC} dev eth0
route add default via {{gateway_6}}
"""
_FORWARDING = (
    "net.ipv4.ip_forward=1",
    "net.ipv6.conf.all.forwarding=1",
    "net.ipv4.conf.all.rp_filter=0",  # the kernel's own check must not hide that ours is missing
    f"net.ipv4.conf.{_BRIDGE}.rp_filter=0",
)


def _run(*argv: str, text: str = "") -> None:
    subprocess.run(argv, input=text, text=True, check=True, capture_output=True)


@dataclass(frozen=True)
class Host:
    """A host in a network namespace, a sandbox behind its bridge and a world outside in two others."""

    name: str
    opened: list[socket.socket] = field(default_factory=list)

    def make(self) -> None:
        box, far = f"{self.name}-box", f"{self.name}-far"
        for name in (self.name, box, far):
            _run("ip", "netns", "add", name)
        host = _HOST.replace("BOX", box).replace("FAR", far)
        _run("ip", "-n", self.name, "-batch", "-", text=host)
        for name, four, six in ((box, _BOX, _BOX_6), (far, _FAR, _FAR_6)):
            side = _SIDE.format(
                four=four, six=six, gateway=four[:-1] + "1", gateway_6=six[:-1] + "1"
            )
            _run("ip", "-n", name, "-batch", "-", text=side)
        _run("ip", "netns", "exec", self.name, "sysctl", "-q", *_FORWARDING)

    def remove(self) -> None:
        for one in self.opened:
            one.close()
        for name in (self.name, f"{self.name}-box", f"{self.name}-far"):
            with contextlib.suppress(subprocess.CalledProcessError):
                _run("ip", "netns", "del", name)

    def filter(self, without: str) -> None:
        """Load the rules, except for the one line that contains `without`."""
        lines = egress_rules.script(_INSTALLATION, "run", egress_rules.Allowed()).splitlines()
        kept = [line for line in lines if not without or without not in line]
        assert len(lines) - len(kept) == bool(without)
        table = f"inet {egress_rules.table_name(_INSTALLATION, 'run')}"
        text = "\n".join([f"add table {table}", f"delete table {table}", *kept])
        _run("ip", "netns", "exec", self.name, "nft", "-f", "-", text=text)

    def socket(self, where: str, family: int, kind: int, protocol: int = 0) -> socket.socket:
        """One that belongs to the namespace `where`: box or far."""
        namespace = Path("/run/netns", f"{self.name}-{where}")
        _inside(namespace, lambda: self.opened.append(socket.socket(family, kind, protocol)))
        self.opened[-1].settimeout(10)
        return self.opened[-1]


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    found = Host("ty" + secrets.token_hex(3))
    try:
        found.make()
        yield found
    finally:
        found.remove()


Way = tuple[socket.socket, Callable[[bytes], int]]
"""Who listens, and what sends it bytes."""


def _udp(host: Host, sender: str, reader: str, family: int, address: str) -> Way:
    listening = host.socket(reader, family, socket.SOCK_DGRAM)
    listening.bind((address, 443))
    sending = host.socket(sender, family, socket.SOCK_DGRAM)
    return listening, lambda data: sending.sendto(data, (address, 443))


def ipv6(host: Host) -> Way:
    return _udp(host, "box", "far", socket.AF_INET6, _FAR_6)


def from_outside(host: Host) -> Way:
    return _udp(host, "far", "box", socket.AF_INET, _BOX)


def spoofed(host: Host) -> Way:
    listening = host.socket("far", socket.AF_INET, socket.SOCK_DGRAM)
    listening.bind((_FAR, 443))
    sending = host.socket("box", socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)

    def send(data: bytes) -> int:
        udp = struct.pack("!HHHH", 5000, 443, 8 + len(data), 0) + data
        addresses = socket.inet_aton(_STRANGER) + socket.inet_aton(_FAR)
        ip = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(udp), 0, 0, 64, socket.IPPROTO_UDP, 0)
        return sending.sendto(ip + addresses + udp, (_FAR, 0))

    return listening, send


def odd_protocol(host: Host) -> Way:
    listening = host.socket("far", socket.AF_INET, socket.SOCK_RAW, _ODD_PROTOCOL)
    sending = host.socket("box", socket.AF_INET, socket.SOCK_RAW, _ODD_PROTOCOL)
    return listening, lambda data: sending.sendto(data, (_FAR, 0))


@pytest.mark.docker
@pytest.mark.parametrize(
    ("way", "rule"),
    [
        (ipv6, f"forward iifname {_OURS} meta nfproto ipv6 counter drop"),
        (spoofed, f"iifname {_OURS} fib saddr . iif oif missing counter drop"),
        (odd_protocol, f"iifname {_OURS} ip protocol != {{ tcp, udp, icmp }}"),
        (from_outside, f"forward oifname {_OURS} counter drop"),
    ],
    ids=["ipv6", "spoofed", "odd-protocol", "from-outside"],
)
def test_each_of_these_rules_alone_stops_what_it_is_for(
    host: Host, way: Callable[[Host], Way], rule: str
) -> None:
    listening, send = way(host)
    for data in (b"before", b"after"):
        host.filter(without=rule)
        send(data)

        assert listening.recv(1500).endswith(data)  # and nothing that was sent with the rule
        host.filter(without="")
        send(b"stopped")
