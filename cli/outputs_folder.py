"""A run's files in a folder of the user's: nothing is written outside it, no link is followed."""

import contextlib
import os
from collections.abc import Iterable
from pathlib import Path, PurePosixPath

from cli.failures import Failure


def inside(path: str) -> PurePosixPath:
    """The path as it stands below the folder; refuses one that would leave it."""
    parts = PurePosixPath(path).parts
    if not parts or PurePosixPath(path).is_absolute() or ".." in parts or "\0" in path:
        raise Failure(f"the output {path!r} has no place below a folder; it was not written", 125)
    return PurePosixPath(*parts)


def write(folder: Path, path: str, data: Iterable[bytes]) -> None:
    """Write one file below `folder`, through real folders only."""
    *parents, name = inside(path).parts
    folder.mkdir(parents=True, exist_ok=True)
    here = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in parents:
            with contextlib.suppress(FileExistsError):
                os.mkdir(part, dir_fd=here)
            here, above = _step(here, part, path), here
            os.close(above)
        # A link that stands in the file's place is replaced, not written through.
        temporary = f".{name[:200]}.part"
        target = os.open(
            temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o644, dir_fd=here
        )
        with os.fdopen(target, "wb") as file:
            for piece in data:
                file.write(piece)
        os.replace(temporary, name, src_dir_fd=here, dst_dir_fd=here)
    finally:
        os.close(here)


def _step(here: int, part: str, path: str) -> int:
    try:
        return os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=here)
    except OSError as error:
        raise Failure(f"{part!r} in the way of the output {path!r} is no folder", 125) from error
