"""Servers of `toolyard up --profile team|aws`, of this installation's own: PostgreSQL, and RabbitMQ or an emulated AWS.

Only the standard library is imported here, as in `cli.up`.
"""

import http.client
import importlib.util
import os
import pwd
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cli import rabbitmq
from cli.supervisor import Child

PREFIX = "toolyard"
_POSTGRES = "postgres"
"""The name of the secret that is the database's password."""
_LOGINS = {
    rabbitmq.OPERATOR: "rabbitmq",
    **{kind: f"rabbitmq-{kind}" for kind in ("utility", "builder", "runner")},
}
"""RabbitMQ's logins, the operator's first, and the secrets that are their passwords."""
SERVICES = ("sns", "sqs", "s3", "ses", "iam", "sts", "ecr", "secretsmanager", "ssm")
"""What is emulated; each takes memory only when it is used."""


class ServerMissing(Exception):
    """A program of the profile is not installed; the text says how to get it."""


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True)
class Servers:
    """Processes to start before the platform, and what its own are told."""

    settings: dict[str, str]
    """For the operator's commands, and for all whom `told` tells nothing else."""
    children: list[Child]
    answer: Callable[[], bool]
    told: dict[str, dict[str, str]] = field(default_factory=dict)
    """What one kind of process alone is told, in place of the operator's."""


Profile = Callable[[Mapping[str, str]], Servers]
"""Makes the servers of an installation, whose environment it is given."""


def aws(environ: Mapping[str, str]) -> Servers:
    """Rows and objects are kept in the data folder, messages on a clean stop."""
    port = free_port()
    kept = Path(environ["TOOLYARD_DATA"]) / "aws"
    if importlib.util.find_spec("ministack") is None:
        raise ServerMissing("The emulated AWS is missing: run `make setup-dev` first.")
    emulator = {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "SERVICES": ",".join(SERVICES),
        "PERSIST_STATE": "1",
        "STATE_DIR": str(kept / "state"),
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(kept / "objects"),
    }
    env = [f"{name}={value}" for name, value in emulator.items()]
    settings, database, answers = _database(environ)
    settings |= {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "TOOLYARD_BUS_URL": f"sns-sqs://{PREFIX}",
        "TOOLYARD_OBJECTS_URL": f"s3://{PREFIX}-objects",
        "TOOLYARD_PEOPLE_ROLE": f"arn:aws:iam::000000000000:role/{PREFIX}-people",
        "TOOLYARD_MAIL_URL": "ses://",
    }
    emulated = Child("aws", ["env", *env, sys.executable, "-m", "ministack"], grace=10)
    return Servers(settings, [database, emulated], lambda: answers() and _healthy(port))


def team(environ: Mapping[str, str]) -> Servers:
    """Rows and messages are kept in the data folder."""
    if not rabbitmq.installed():
        raise ServerMissing(
            "RabbitMQ is missing: apt-get install --no-install-recommends rabbitmq-server "
            "(its own service is not needed: systemctl disable --now rabbitmq-server)."
        )
    settings, database, answers = _database(environ)
    data = Path(environ["TOOLYARD_DATA"])
    folder = data / "rabbitmq"
    ports = rabbitmq.Ports(free_port(), free_port(), free_port())
    passwords = {name: _password(data / "secrets" / file) for name, file in _LOGINS.items()}
    rabbitmq.prepare(folder, ports, _broker_logins(passwords))
    buses = {
        name: {"TOOLYARD_BUS_URL": f"amqp://{name}:{password}@127.0.0.1:{ports.amqp}/"}
        for name, password in passwords.items()
    }
    settings |= buses.pop(rabbitmq.OPERATOR)
    children = [
        database,
        Child("epmd", rabbitmq.mapper(ports), grace=5),
        Child("rabbitmq", rabbitmq.server(folder, ports), grace=30),
    ]
    nowhere = {"TOOLYARD_BUS_URL": ""}  # web and janitor have no work there
    return Servers(
        settings,
        children,
        lambda: answers() and rabbitmq.answers(ports.amqp),
        {**buses, "web": nowhere, "janitor": nowhere},
    )


def _broker_logins(passwords: Mapping[str, str]) -> str:
    """Made by a process that ends: what it needs to know of the queues costs memory."""
    told = {rabbitmq.password_variable(login): password for login, password in passwords.items()}
    argv = [sys.executable, "-m", "cli.broker_logins"]
    done = subprocess.run(
        argv, env={**os.environ, **told}, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


PROFILES: dict[str, Profile] = {"team": team, "aws": aws}


def _database(environ: Mapping[str, str]) -> tuple[dict[str, str], Child, Callable[[], bool]]:
    """A PostgreSQL in the data folder, and the settings that both profiles share."""
    data = Path(environ["TOOLYARD_DATA"])
    port = free_port()
    server = _server()
    password = _password(data / "secrets" / _POSTGRES)
    settings = {
        "TOOLYARD_DATABASE_PASSWORD": _POSTGRES,
        "TOOLYARD_DATABASE_URL": f"postgresql+psycopg://postgres@127.0.0.1:{port}/postgres",
        "TOOLYARD_SIGN_UP": environ.get("TOOLYARD_SIGN_UP") or "true",
    }

    def answers() -> bool:
        probe = [str(server.with_name("pg_isready")), "-q", "-h", "127.0.0.1", "-p", str(port)]
        return subprocess.run(probe, check=False).returncode == 0

    return settings, Child("postgres", _postgres(server, data, port, password), grace=30), answers


def _password(file: Path) -> str:
    """Made at first use, readable only by us."""
    if not file.exists():
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as target:
            target.write(secrets.token_urlsafe(24))
    return file.read_text()


def _server() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    server = str(found[-1]) if found else shutil.which("postgres")
    if not server:
        raise ServerMissing(
            "PostgreSQL is missing: apt-get install --no-install-recommends postgresql"
        )
    return Path(server)


def _postgres(server: Path, data: Path, port: int, password: str) -> list[str]:
    """The server's command; its cluster is made at first use."""
    cluster = data / "postgres"
    become: list[str] = []
    if os.geteuid() == 0:  # the server refuses to run as root
        become = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
        become += ["--pdeathsig", "keep"]  # a change of user would clear it
        cluster.mkdir(mode=0o700, parents=True, exist_ok=True)
        user = pwd.getpwnam("postgres")
        os.chown(cluster, user.pw_uid, user.pw_gid)
    if not (cluster / "PG_VERSION").exists():
        given = data / "postgres.password"
        given.touch(mode=0o600)
        given.write_text(password)
        if become:
            os.chown(given, user.pw_uid, user.pw_gid)
        options = ["-U", "postgres", "-A", "scram-sha-256", f"--pwfile={given}", "-E", "UTF8"]
        initdb = [str(server.with_name("initdb")), "-D", str(cluster), *options]
        made = subprocess.run(
            [*become, *initdb], capture_output=True, text=True, check=False, cwd="/"
        )
        given.unlink()
        if made.returncode:
            raise ServerMissing(
                f"PostgreSQL could not make its cluster in {cluster}: {made.stderr.strip()} "
                "(its user needs to reach that folder; choose another TOOLYARD_DATA)."
            )
    listen = {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": ""}
    words = [word for name, value in listen.items() for word in ("-c", f"{name}={value}")]
    return [*become, str(server), "-D", str(cluster), *words]


def _healthy(port: int) -> bool:
    """Whether the emulator answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/_ministack/health")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
