"""Reading a stranger's files: bounded, never through links, never executed."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath

MAX_FILE = 1 << 20
MAX_FILES = 20_000
MAX_DEPTH = 12

SKIPPED_FOLDERS = frozenset(
    [
        "node_modules",
        "bower_components",
        "vendor",
        "third_party",
        "venv",
        "env",
        "__pycache__",
        "site-packages",
    ]
)
_HIDDEN_OF_BUILDS = frozenset([".cargo", ".mvn", ".yarn"])
"""Hidden folders that a language's own builder reads; the others are of editors and services."""


@dataclass(frozen=True)
class Entry:
    """A regular file: its path below the root, its size, whether it may be executed."""

    path: str
    size: int
    executable: bool

    @property
    def name(self) -> str:
        return PurePosixPath(self.path).name

    @property
    def stem(self) -> str:
        return PurePosixPath(self.path).stem

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.path).suffix.lower()

    @property
    def depth(self) -> int:
        return self.path.count("/")

    @property
    def folders(self) -> tuple[str, ...]:
        return PurePosixPath(self.path).parts[:-1]


class Tree:
    """A folder of files that somebody else wrote."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def files(self) -> list[Entry]:
        """Regular files, sorted, without the folders that never hold the tool itself."""
        return sorted(self._walk(self.root, ""), key=lambda entry: (entry.depth, entry.path))

    @cached_property
    def paths(self) -> dict[str, Entry]:
        return {entry.path: entry for entry in self.files}

    def has(self, path: str) -> bool:
        """Whether a regular file of this path was found."""
        return normal(path) in self.paths

    def text(self, path: str, most: int = MAX_FILE) -> str:
        """The file's text, its first MiB unless told otherwise; empty when there is no such file."""
        entry = self.paths.get(normal(path))
        if entry is None:
            return ""
        descriptor = os.open(self.root / entry.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            return file.read(most).decode("utf-8-sig", errors="replace")

    def shebang(self, path: str) -> list[str]:
        """The interpreter's words, `env` and folders removed: `["python3"]`, `["bash", "-e"]`."""
        entry = self.paths.get(normal(path))
        if entry is None or entry.size < 4:
            return []
        with (self.root / entry.path).open("rb") as file:
            head = file.read(200)
        if not head.startswith(b"#!"):
            return []
        words = head[2:].split(b"\n", 1)[0].decode(errors="replace").split()
        if words and PurePosixPath(words[0]).name == "env":
            words = [word for word in words[1:] if not word.startswith("-") and "=" not in word]
        return [PurePosixPath(words[0]).name, *words[1:]] if words else []

    def _walk(
        self, folder: Path, prefix: str, depth: int = 0, seen: list[int] | None = None
    ) -> Iterator[Entry]:
        seen = seen if seen is not None else [0]
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        for entry in entries:
            seen[0] += 1
            if seen[0] > MAX_FILES:
                return
            path = prefix + entry.name
            if entry.is_symlink():
                continue
            if entry.is_dir():
                hidden = entry.name.startswith(".") and entry.name not in _HIDDEN_OF_BUILDS
                if depth < MAX_DEPTH and not hidden and entry.name not in SKIPPED_FOLDERS:
                    yield from self._walk(Path(entry.path), path + "/", depth + 1, seen)
            elif entry.is_file():
                stat = entry.stat()
                yield Entry(path, stat.st_size, bool(stat.st_mode & 0o111))


def normal(path: str) -> str:
    """`./a//b` as `a/b`; a path that climbs out is no file of ours."""
    parts = [part for part in path.split("/") if part not in ("", ".")]
    return "" if ".." in parts or path.startswith("/") else "/".join(parts)
