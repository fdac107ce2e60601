"""The real engine for tests: containers of an installation of their own, on the Debian base."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from shared import debian_base
from shared.containers import Containers, Exit, Sandbox
from shared.containers_docker import DockerContainers, connect
from shared.egress import Egress
from shared.work import Limits

LIMITS = Limits(
    memory_bytes=128 << 20,
    pids=64,
    wall_seconds=60,
    log_bytes=1 << 20,
    disk_bytes=16 << 20,
    output_files=500,
)


@contextmanager
def opened(data: Path, *, allow: str = "") -> Iterator[DockerContainers]:
    """The containers of a new installation; whatever is left of it is removed at the end."""
    containers = connect(data, allow=allow)
    try:
        yield containers
    finally:
        for left in containers.list({}):
            containers.remove(left.name)
        for rules in containers.rules.values():
            if isinstance(rules, Egress):
                rules.drop()
        containers.close()


def base_image(data: Path) -> str:
    """The one Debian base; made on first use on this machine (about 30 s)."""
    containers = connect(data)
    try:
        return debian_base.ensure(containers, data)
    finally:
        containers.close()


@dataclass
class Ended:
    """What a program left behind."""

    exit: Exit | None
    stdout: bytes
    stderr: bytes


def collect(containers: Containers, name: str) -> tuple[bytes, bytes]:
    """Both streams until their end."""
    found = {"stdout": bytearray(), "stderr": bytearray()}
    for stream, data in containers.output(name):
        found[stream] += data
    return bytes(found["stdout"]), bytes(found["stderr"])


@dataclass
class Runner:
    """Runs one sandbox after another to its end."""

    containers: Containers
    image: str
    names: list[str] = field(default_factory=list)

    def sandbox(self, *argv: str, **changes: object) -> Sandbox:
        name = f"test-{secrets.token_hex(8)}"
        self.names.append(name)
        fields: dict[str, object] = {"kind": "run", "limits": LIMITS, "workdir": "/tmp"}
        return Sandbox(name, self.image, list(argv), **(fields | changes))  # type: ignore[arg-type]

    def created(self, *argv: str, **changes: object) -> str:
        sandbox = self.sandbox(*argv, **changes)
        self.containers.create(sandbox)
        return sandbox.name

    def started(self, *argv: str, **changes: object) -> str:
        name = self.created(*argv, **changes)
        self.containers.start(name)
        return name

    def run(self, *argv: str, **changes: object) -> Ended:
        name = self.created(*argv, **changes)
        stream = self.containers.output(name)
        self.containers.start(name)
        found = {"stdout": bytearray(), "stderr": bytearray()}
        for which, data in stream:
            found[which] += data
        return Ended(self.containers.wait(name, 20), bytes(found["stdout"]), bytes(found["stderr"]))

    def remove_all(self) -> None:
        for name in self.names:
            self.containers.remove(name)
