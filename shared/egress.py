"""The packet filter in effect: loaded before any network exists, proven at each sandbox that gets one."""

import re
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable
from ipaddress import AddressValueError, IPv4Address
from pathlib import Path

from shared import egress_rules
from shared.addresses import forbidden, is_metadata
from shared.containers import NetworkRefused, Sandbox
from shared.egress_rules import Allowed, Zone

_RESOLV_CONF = (Path("/etc/resolv.conf"), Path("/run/systemd/resolve/resolv.conf"))
"""The second is what the engine reads where the first names only a resolver on loopback."""
_FRESH = 60.0
"""Seconds that an operator's host names are trusted to keep their addresses."""
_HOST = re.compile(r"([A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?)(?::([0-9]{1,5}))?\Z")

_SEARCH = "/usr/sbin:/sbin:/usr/bin:/bin"

Resolve = Callable[[str], list[IPv4Address]]


def resolve(host: str) -> list[IPv4Address]:
    """The IPv4 addresses of a host name, none if there is no such name."""
    try:
        found = socket.getaddrinfo(host, None, socket.AF_INET, socket.SOCK_STREAM)
    except OSError:
        return []
    return list(dict.fromkeys(IPv4Address(entry[4][0]) for entry in found))


def parse_host(text: str) -> tuple[str, int | None]:
    """`host` or `host:port`, taken apart."""
    match = _HOST.match(text)
    port = int(match[3]) if match and match[3] else None
    if not match or (port is not None and not 0 < port < 65_536):
        raise ValueError(f"{text!r} is not a host or host:port. Write for example example.org:443.")
    return match[1].lower(), port


def parse_allow(text: str) -> tuple[tuple[str, int], ...]:
    """An operator's `host:port,…`; a metadata service is refused."""
    found = []
    for item in filter(None, (part.strip() for part in text.split(","))):
        host, port = parse_host(item)
        if port is None:
            raise ValueError(f"{item!r} needs a port: {host}:443.")
        address = _literal(host)
        if address and is_metadata(address):
            raise ValueError(f"{item!r} is a cloud's metadata service: it can never be allowed.")
        found.append((host, port))
    return tuple(found)


def _literal(host: str) -> IPv4Address | None:
    try:
        return IPv4Address(host)
    except AddressValueError:
        return None


def resolvers(files: tuple[Path, ...] = _RESOLV_CONF) -> frozenset[IPv4Address]:
    """The resolvers that the engine's own resolver asks from inside a sandbox's network."""
    for path in files:
        if not path.exists():
            continue
        words = [line.split() for line in path.read_text().splitlines()]
        named = [_literal(word[1]) for word in words if word[:1] == ["nameserver"] and word[1:]]
        usable = frozenset(address for address in named if address and not address.is_loopback)
        if usable:
            return usable
    return frozenset()


class Egress:
    """The rules around one installation's sandboxes of one kind."""

    def __init__(
        self,
        installation: str,
        zone: Zone,
        *,
        allow: tuple[tuple[str, int], ...] = (),
        resolve: Resolve = resolve,
        resolvers: Callable[[], frozenset[IPv4Address]] = resolvers,
        script: Callable[[str, Zone, Allowed], str] = egress_rules.script,
        search: str = _SEARCH,
    ) -> None:
        self.installation = installation
        self.zone: Zone = zone
        self.table = egress_rules.table_name(installation, zone)
        self._allow = allow
        self._resolve = resolve
        self._resolvers = resolvers
        self._script = script
        self._search = search
        self._lock = threading.Lock()
        self._loaded: tuple[str, str] | None = None
        """The script that stands, and how nft lists it."""
        self._looked_up = (-_FRESH, Allowed(), dict[str, str]())
        self._unpinned: set[str] = set()

    def bridge(self, sandbox: Sandbox) -> str:
        return self._bridge(sandbox.name, named_hosts=sandbox.network.mode == "hosts")

    def _bridge(self, name: str, *, named_hosts: bool) -> str:
        return egress_rules.bridge(self.installation, self.zone, name, named_hosts=named_hosts)

    def ensure(self) -> dict[str, str]:
        """Load the rules where they are missing or changed; raises `NetworkRefused` where that fails.

        Returns the private hosts that an operator allows, with the addresses that are open.
        """
        with self._lock:
            allowed, hosts = self._allowed()
            wanted = self._script(self.installation, self.zone, allowed)
            if self._loaded is None or self._loaded[0] != wanted or self._stands() is False:
                self._nft("-f", "-", text=wanted)
                self._loaded = wanted, self._listing()
            return hosts

    def allowed(self) -> Allowed:
        """What is open although private."""
        with self._lock:
            return self._allowed()[0]

    def _stands(self) -> bool:
        assert self._loaded is not None
        try:
            return self._listing() == self._loaded[1]
        except NetworkRefused:
            return False

    def _listing(self) -> str:
        """The table without counters and without what single sandboxes were given."""
        text = self._nft("-s", "list", "table", "inet", self.table)
        names = "|".join(egress_rules.DYNAMIC_SETS)
        return re.sub(rf"(set (?:{names}) {{[^{{}}]*)elements = {{[^}}]*}}\s*", r"\1", text)

    def _allowed(self) -> tuple[Allowed, dict[str, str]]:
        at, allowed, hosts = self._looked_up
        if time.monotonic() - at > _FRESH:
            endpoints = set()
            hosts = {}
            for host, port in self._allow:
                literal = _literal(host)
                for address in [literal] if literal else self._resolve(host):
                    if is_metadata(address):
                        continue
                    endpoints.add((address, port))
                    if not literal and forbidden(address):
                        hosts.setdefault(host, str(address))
            allowed = Allowed(self._resolvers(), frozenset(endpoints))
            self._looked_up = time.monotonic(), allowed, hosts
        return allowed, hosts

    def admit(self, sandbox: Sandbox) -> dict[str, str]:
        hosts = self.ensure()
        if sandbox.network.mode != "hosts":
            with self._lock:
                self._unpinned.add(sandbox.name)
            return hosts
        bridge = self.bridge(sandbox)
        names: dict[str, str] = {}
        elements = []
        for text in sandbox.network.hosts:
            host, port = self._parsed(text)
            address = IPv4Address(names[host]) if host in names else self._public(host)
            if not _literal(host):
                names[host] = str(address)
            target = f"{bridge} . {address}"
            elements.append(
                f"add element inet {self.table} pinned_ports {{ {target} . {port} }}"
                if port
                else f"add element inet {self.table} pinned_hosts {{ {target} }}"
            )
        self._nft("-f", "-", text="\n".join(elements) + "\n")
        return hosts | names

    @staticmethod
    def _parsed(text: str) -> tuple[str, int | None]:
        try:
            return parse_host(text)
        except ValueError as error:
            raise NetworkRefused(str(error)) from error

    def _public(self, host: str) -> IPv4Address:
        """The address that this sandbox will know the host by; private answers do not count."""
        literal = _literal(host)
        found = [literal] if literal else self._resolve(host)
        public = [address for address in found if not forbidden(address)]
        if not found:
            raise NetworkRefused(f"The host {host} is unknown: check the tool's list of hosts.")
        if not public:
            reason = forbidden(found[0])
            raise NetworkRefused(
                f"The host {host} has the address {found[0]} ({reason}), which no tool may reach."
            )
        return public[0]

    def forget(self, name: str) -> None:
        with self._lock:
            if name in self._unpinned:
                self._unpinned.discard(name)
                return
        bridge = self._bridge(name, named_hosts=True)
        try:
            text = self._nft("-s", "list", "table", "inet", self.table)
        except NetworkRefused:
            return  # no table, nothing open
        lines = []
        for set_ in egress_rules.DYNAMIC_SETS:
            block = re.search(rf"set {set_} {{[^{{}}]*elements = {{([^}}]*)}}", text)
            for element in block[1].split(",") if block else ():
                if element.strip().startswith(f'"{bridge}"'):
                    lines.append(f"delete element inet {self.table} {set_} {{ {element.strip()} }}")
        if lines:
            self._nft("-f", "-", text="\n".join(lines) + "\n")

    def drop(self) -> None:
        """Take the table away; for an installation that is removed, and for tests."""
        with self._lock:
            self._loaded = None
            self._nft(
                "-f", "-", text=f"add table inet {self.table}\ndelete table inet {self.table}\n"
            )

    def _nft(self, *argv: str, text: str = "") -> str:
        nft = shutil.which("nft", path=self._search)
        if not nft:
            raise NetworkRefused(
                "nft is missing, so nothing would keep a sandbox from private addresses:"
                " install the package nftables, or use tools without a network."
            )
        done = subprocess.run([nft, *argv], input=text, capture_output=True, text=True, check=False)
        if done.returncode:
            first = (done.stderr.strip() or "no message").splitlines()[0]
            raise NetworkRefused(f"The packet filter could not be set up (nft: {first}).")
        return done.stdout
