"""How a base image is made on top of another one."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """A base image: Debian packages and a constant script on top of another base."""

    parent: str
    packages: tuple[str, ...] = ()
    script: str = ""
    env: tuple[tuple[str, str], ...] = ()
    version: int = 1
    """Raised by hand when every image on top must be made again; other edits of a recipe rebuild nothing."""


USER = """
groupadd -g 65532 tool && useradd -u 65532 -g 65532 -d /home/tool -m -s /bin/bash tool
install -d -o 65532 -g 65532 /app /opt/venv /work
"""
"""Every base that stands directly on Debian makes the tools' user and folders."""
