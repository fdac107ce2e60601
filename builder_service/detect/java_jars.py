"""Runnable jars: the main class that the manifest names, and the Java that it was compiled for."""

import re
import struct
import zipfile
from dataclasses import dataclass

from builder_service.detect.tree import Entry, Tree

_MANIFEST = "META-INF/MANIFEST.MF"
_MAGIC = 0xCAFEBABE
_OFFSET = 44
"""Class file version 52 is Java 8, 61 is Java 17 (Java Virtual Machine Specification, table 4.1-A)."""
_UNREADABLE = (
    OSError, KeyError, zipfile.BadZipFile, RuntimeError, NotImplementedError, ValueError, struct.error,
)  # fmt: skip


@dataclass(frozen=True)
class Jar:
    """`release` is None where the main class cannot be read."""

    main: str
    release: int | None


def runnable(tree: Tree, entry: Entry) -> Jar | None:
    """The jar, or None when it cannot be started or read."""
    try:
        with zipfile.ZipFile(tree.root / entry.path) as jar:
            main = re.search(
                r"^Main-Class:\s*(\S+)",
                _head(jar, _MANIFEST, 1 << 16).decode(errors="replace"),
                re.M,
            )
            return Jar(main[1], _release(jar, main[1])) if main else None
    except _UNREADABLE:
        return None


def _release(jar: zipfile.ZipFile, main: str) -> int | None:
    try:
        magic, _, major = struct.unpack(">IHH", _head(jar, main.replace(".", "/") + ".class", 8))
    except _UNREADABLE:
        return None
    return int(major) - _OFFSET if magic == _MAGIC and major > _OFFSET else None


def _head(jar: zipfile.ZipFile, name: str, size: int) -> bytes:
    with jar.open(name) as file:
        return file.read(size)
