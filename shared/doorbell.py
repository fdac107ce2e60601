"""Wake-ups between processes of one machine: a hint to look again, never a fact."""

import contextlib
import os
import secrets
import select
import socket
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

_SUFFIX = ".wake"


class Doorbell:
    """One listener: from its creation on, every ring of its name wakes `wait`."""

    def __init__(self, folder: Path, name: str) -> None:
        _check(name)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._path = folder / f"{name}.{os.getpid()}.{secrets.token_hex(4)}{_SUFFIX}"
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            self._socket.setblocking(False)
            with _short(folder) as short:
                self._socket.bind(f"{short}/{self._path.name}")
        except BaseException:
            self._socket.close()
            raise

    def wait(self, seconds: float) -> bool:
        """True as soon as somebody rang, False after `seconds` of silence."""
        ready, _, _ = select.select([self._socket], [], [], max(0.0, seconds))
        while ready:  # many rings are one
            try:
                self._socket.recv(16)
            except BlockingIOError:
                break
        return bool(ready)

    def close(self) -> None:
        self._path.unlink(missing_ok=True)
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def ring(folder: Path, name: str) -> None:
    """Wake all who wait for `name`; nobody listening is fine."""
    _check(name)
    if not folder.is_dir():
        return
    with _short(folder) as short, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.setblocking(False)
        for path in folder.glob(f"{name}.*{_SUFFIX}"):
            try:
                sender.sendto(b"!", f"{short}/{path.name}")
            except ConnectionRefusedError:  # its process died without unlinking
                path.unlink(missing_ok=True)
            except (BlockingIOError, FileNotFoundError):
                pass  # full: it is awake already; missing: it has just left


def folder_of(data: Path) -> Path:
    """Where the sockets of an installation live."""
    return data / "wake"


def _check(name: str) -> None:
    if not name.replace("-", "").isalnum():
        raise ValueError(f"A doorbell's name has letters, digits and '-' only, not {name!r}.")


@contextlib.contextmanager
def _short(folder: Path) -> Iterator[str]:
    """The folder under a short path: a socket's address holds 107 bytes only."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}"
    finally:
        os.close(descriptor)
