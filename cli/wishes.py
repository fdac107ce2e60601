"""What people type after a command, checked and turned into what the API takes; pure."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from cli.failures import Failure


def tool_and_version(text: str) -> tuple[str, int | None]:
    """`NAME` or `NAME@VERSION`."""
    name, at, version = text.rpartition("@")
    if not at:
        return text, None
    number = version.removeprefix("v")
    if not name or not number.isdecimal():
        raise Failure(f"{text!r} is no tool: write NAME or NAME@3 for its version 3", 125)
    return name, int(number)


def network(text: str) -> dict[str, Any]:
    """`off`, `internet`, or names of hosts separated by commas."""
    if text in ("off", "internet"):
        return {"mode": text}
    hosts = [host.strip() for host in text.split(",") if host.strip()]
    if not hosts:
        raise Failure("--network takes off, internet, or host names separated by commas", 125)
    return {"mode": "hosts", "hosts": hosts}


def text_of(file: TextIO) -> str:
    """The whole of a small text file."""
    try:
        return file.read()
    except UnicodeDecodeError as error:
        raise Failure(f"{file.name} is no text in UTF-8", 2) from error


def environment(pairs: Sequence[str]) -> dict[str, str]:
    """`K=V`, several times."""
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name:
            raise Failure(f"--env takes NAME=VALUE, not {pair!r}", 125)
        found[name] = value
    return found


def inputs(paths: Sequence[Path]) -> dict[str, Path]:
    """Files by the base name that the tool will see; one name stands once."""
    found: dict[str, Path] = {}
    for path in paths:
        if path.name in found:
            raise Failure(
                f"two inputs are called {path.name!r}: {found[path.name]} and {path}. "
                "They share one folder there; rename one of them.",
                125,
            )
        if not path.is_file():
            raise Failure(f"there is no file {path} to give to the tool", 125)
        found[path.name] = path
    return found
