"""A RabbitMQ, one a pytest worker, started when first asked for."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli import rabbitmq
from cli.broker_logins import definitions
from cli.rabbitmq import OPERATOR
from cli.servers import free_port
from shared.amqp_permissions import EVERYTHING, Permissions
from tests.certificates import Certificate

PASSWORD = "rabbit-hole"


class Broker:
    """RabbitMQ on 127.0.0.1, which can be ended as by an accident, and started again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.ports = rabbitmq.Ports(free_port(), free_port(), free_port())
        login = f"{OPERATOR}:{PASSWORD}"
        self.url = f"amqp://{login}@127.0.0.1:{self.ports.amqp}/"
        self._tls_port = free_port()
        self.tls_url = f"amqps://{login}@127.0.0.1:{self._tls_port}/"
        """Its certificate is of an authority that only this file has: `certificate`."""
        self.certificate = Certificate(folder.parent).file
        self.certificate.chmod(0o644)  # the server's user reads its key in there
        self._mapper: subprocess.Popen[bytes] | None = None
        self._server: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        assert self._server is not None
        return self._server.pid

    def start(self) -> None:
        if not rabbitmq.installed():
            pytest.fail(
                "RabbitMQ is missing: apt-get install rabbitmq-server (see scripts/setup.sh)"
            )
        tls = {"listeners.ssl.local": f"127.0.0.1:{self._tls_port}"}
        tls |= {f"ssl_options.{name}": str(self.certificate) for name in ("certfile", "keyfile")}
        logins = definitions({OPERATOR: (PASSWORD, EVERYTHING)})
        rabbitmq.prepare(self.folder, self.ports, logins, tls)
        if self._mapper is None:
            self._mapper = self._run(rabbitmq.mapper(self.ports))
        self._server = self._run(rabbitmq.server(self.folder, self.ports))
        for _ in range(900):
            if self._server.poll() is not None:
                break
            if rabbitmq.answers(self.ports.amqp):
                return
            time.sleep(0.1)
        pytest.fail("RabbitMQ did not start: " + (self.folder.parent / "log").read_text()[-3000:])

    def _run(self, command: list[str]) -> "subprocess.Popen[bytes]":
        with (self.folder.parent / "log").open("ab") as log:
            return subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", "--", *command],
                stdout=log,
                stderr=log,
                cwd="/",
                start_new_session=True,
            )

    def users(self, **allowed: Permissions) -> None:
        """Make logins with these permissions; their password is the broker's own."""
        file = self.folder / "users.json"
        file.write_text(definitions({name: (PASSWORD, each) for name, each in allowed.items()}))
        program = str(rabbitmq.SERVER.with_name("rabbitmqctl"))
        command = rabbitmq.server(self.folder, self.ports)
        subprocess.run(
            [*command[:-1], program, "-q", "import_definitions", str(file)],
            check=True,
            capture_output=True,
            cwd="/",
        )

    def kill(self) -> None:
        """As a power cut does, but for the disk's own cache."""
        os.kill(self.pid, signal.SIGKILL)
        assert self._server is not None
        self._server.wait()

    def stop(self) -> None:
        for process in (self._server, self._mapper):
            if process is not None and process.poll() is None:
                process.terminate()
                try:
                    process.wait(30)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        self._server = self._mapper = None


@pytest.fixture(scope="session")
def rabbitmq_broker() -> Iterator[Broker]:
    # Not below pytest's own folder: the server's user must be able to reach it.
    with_log = Path(tempfile.mkdtemp(prefix="toolyard-rabbitmq-"))
    with_log.chmod(0o755)
    broker = Broker(with_log / "broker")
    try:
        broker.start()
        yield broker
    finally:
        broker.stop()
        shutil.rmtree(with_log, ignore_errors=True)


@pytest.fixture(scope="session")
def rabbitmq_url(rabbitmq_broker: Broker) -> str:
    """The address of a RabbitMQ of our own."""
    return rabbitmq_broker.url
