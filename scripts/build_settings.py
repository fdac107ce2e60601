"""Writes what builds need on this host: package indexes at private addresses, and its certificates.

Builds reach no private or reserved address (DESIGN 3.10). Where the host's own pip, npm or apt uses a
mirror at such an address, builds must reach that mirror as well; it is found from their configuration.
"""

import ipaddress
import os
import socket
import subprocess
import sys
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

HEADER = """\
# Found on this host by scripts/build_settings.py at every set-up; the environment overrides it.
"""


def said(*argv: str) -> str:
    """What a command prints, or nothing when it is missing or fails."""
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=20, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def pip_settings() -> dict[str, str]:
    """pip's options by name, as its configuration files and then its environment give them."""
    found = {}
    for line in said(sys.executable, "-m", "pip", "config", "list").splitlines():
        key, _, value = line.partition("=")
        section, _, name = key.partition(".")
        if section in ("global", "install", ":env:"):
            found[name] = value.strip("'\"")
    return found


def indexes(pip: dict[str, str], npm: str, apt: str) -> Iterator[str]:
    """Addresses of every package index that this host installs from."""
    if "index-url" in pip:
        yield pip["index-url"]
    else:
        from pip._internal.models.index import PyPI

        yield PyPI.simple_url
        yield f"https://{PyPI.file_storage_domain}/"
    yield from pip.get("extra-index-url", "").split()
    yield npm
    yield from apt.split()


def is_closed(host: str) -> bool:
    """Whether any address of the host is one that builds cannot reach by themselves."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return False
    return any(not ipaddress.ip_address(str(entry[4][0])).is_global for entry in found)


def allowed(addresses: Iterable[str]) -> list[str]:
    """`host:port` of those addresses that are private or reserved."""
    places = set()
    for address in addresses:
        url = urlsplit(address)
        if url.scheme in ("http", "https") and url.hostname and is_closed(url.hostname):
            places.add(f"{url.hostname}:{url.port or (443 if url.scheme == 'https' else 80)}")
    return sorted(places)


def certificates(pip: dict[str, str]) -> str:
    """The host's bundle of certificate authorities, if it was extended; else nothing."""
    given = [os.environ.get("SSL_CERT_FILE", ""), pip.get("cert", "")]
    added = Path("/usr/local/share/ca-certificates")
    if added.is_dir() and any(added.rglob("*.crt")):
        given.append("/etc/ssl/certs/ca-certificates.crt")
    return next((path for path in given if path and Path(path).is_file()), "")


def main(target: Path) -> None:
    with ThreadPoolExecutor() as pool:  # each of them takes half a second
        npm = pool.submit(said, "npm", "config", "get", "registry")
        apt = pool.submit(said, "apt-get", "indextargets", "--format", "$(SITE)")
        pip = pip_settings()
    lines = []
    if places := allowed(indexes(pip, npm.result(), apt.result())):
        lines.append(f"TOOLYARD_BUILD_ALLOW={','.join(places)}\n")
    if bundle := certificates(pip):
        lines.append(f"TOOLYARD_BUILD_CA={bundle}\n")
    target.write_text(HEADER + "".join(lines))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
