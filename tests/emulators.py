"""Emulated AWS as processes of this host, on 127.0.0.1: MiniStack, which enforces policies, and moto, which does not."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

from cli.servers import free_port

AWS_ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_EC2_METADATA_DISABLED": "true",
}
_START_SECONDS = 60.0


@contextmanager
def ministack(folder: Path, services: str = "", **more: str) -> Iterator[str]:
    """Its address; `services` are comma-separated, all of them where none is named; `more` are its variables."""
    port = free_port()
    told = {"AUTH": "true", "BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), **more}
    if services:
        told["SERVICES"] = services
    with _serving(
        [sys.executable, "-m", "ministack"], folder, told, port, "/_ministack/health"
    ) as at:
        yield at


@contextmanager
def moto(folder: Path) -> Iterator[str]:
    """Its address."""
    port = free_port()
    program = str(Path(sys.executable).with_name("moto_server"))
    argv = [program, "-H", "127.0.0.1", "-p", str(port)]
    with _serving(argv, folder, {}, port, "/moto-api/data.json") as at:
        yield at


@contextmanager
def _serving(
    argv: Sequence[str], folder: Path, told: Mapping[str, str], port: int, health: str
) -> Iterator[str]:
    own = {"PATH": os.environ["PATH"], "HOME": str(folder), "TMPDIR": str(folder)}
    with (folder / "emulator.log").open("wb") as log:
        process = subprocess.Popen(
            argv, env={**own, **AWS_ENVIRONMENT, **told}, cwd=folder, stdout=log, stderr=log
        )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(process, url + health, folder / "emulator.log")
        yield url
    finally:
        process.terminate()
        process.wait(30)


def _wait(process: "subprocess.Popen[bytes]", health: str, log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < end:
        try:
            httpx.get(health, timeout=2, trust_env=False).raise_for_status()
            return
        except httpx.HTTPError:
            time.sleep(0.1)
    raise RuntimeError("the emulated AWS does not answer: " + log.read_text(errors="replace"))
