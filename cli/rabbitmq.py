"""Debian's RabbitMQ as processes of an installation's own: its node, folder, cookie, ports and logins.

Debian's own service is left alone. Everything listens on 127.0.0.1, Erlang's port mapper included.
"""

import os
import pwd
import shutil
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
"""The program itself; the one on PATH insists on the folders of Debian's service."""
OPERATOR = "toolyard"
"""The login that makes queues and reads dead letters; each kind of process has one of its own name."""
_QUIET = "+sbwt none +sbwtdcpu none +sbwtdio none"
"""Idle schedulers sleep instead of spinning: this machine has other work."""


@dataclass(frozen=True)
class Ports:
    """Of the broker, of Erlang's port mapper, and of the node among its kind."""

    amqp: int
    mapper: int
    node: int


def password_variable(login: str) -> str:
    """Where `cli.broker_logins` finds the password of a login."""
    return f"TOOLYARD_RABBITMQ_{'' if login == OPERATOR else login.upper() + '_'}PASSWORD"


def installed() -> bool:
    return SERVER.exists() and shutil.which("epmd") is not None


def prepare(folder: Path, ports: Ports, logins: str, more: Mapping[str, str] | None = None) -> None:
    """Write what the server reads: `logins` as it imports them at each start, `more` of its own settings too."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for part in ("mnesia", "log"):
        (folder / part).mkdir(mode=0o700, exist_ok=True)
    lines = {
        "listeners.tcp.local": f"127.0.0.1:{ports.amqp}",
        "load_definitions": str(folder / "logins.json"),
        "log.console": "true",
        "log.console.level": "warning",
        "log.file": "false",
        **(more or {}),
    }
    _write(
        folder / "rabbitmq.conf", "".join(f"{name} = {value}\n" for name, value in lines.items())
    )
    _write(folder / "logins.json", logins)
    (folder / "enabled_plugins").write_text("[].\n")
    if os.geteuid() == 0:
        user = pwd.getpwnam("rabbitmq")
        for path in (folder, *folder.iterdir()):
            os.chown(path, user.pw_uid, user.pw_gid)


def _write(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    file.write_text(text)


def mapper(ports: Ports) -> list[str]:
    """The command of Erlang's port mapper, kept in the foreground so that it ends with us."""
    return [*_as_its_user(), "epmd", "-address", "127.0.0.1", "-port", str(ports.mapper)]


def server(folder: Path, ports: Ports) -> list[str]:
    """The command of the broker; it stops cleanly on TERM."""
    environ = {
        "HOME": str(folder),  # Erlang keeps the cookie there
        "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
        "LANG": "C.UTF-8",
        "ERL_EPMD_ADDRESS": "127.0.0.1",
        "ERL_EPMD_PORT": str(ports.mapper),
        "RABBITMQ_NODENAME": "toolyard@localhost",
        "RABBITMQ_CONF_ENV_FILE": str(folder / "none"),
        "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq.conf"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"),
        "RABBITMQ_LOG_BASE": str(folder / "log"),
        "RABBITMQ_PID_FILE": str(folder / "pid"),
        "RABBITMQ_DIST_PORT": str(ports.node),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
            f"{_QUIET} -kernel inet_dist_use_interface {{127,0,0,1}}"
        ),
        "RUNNING_UNDER_SYSTEMD": "true",  # the start script becomes the server
    }
    words = [f"{name}={value}" for name, value in environ.items()]
    return [*_as_its_user(), "env", "-i", "-C", str(folder), *words, str(SERVER)]


def answers(port: int) -> bool:
    """Whether the broker listens, which it does last of all when it starts."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=2).close()
    except OSError:
        return False
    return True


def _as_its_user() -> list[str]:
    if os.geteuid() != 0:
        return []
    # A change of user would clear the signal that ends it with whoever started it.
    keep = ["--pdeathsig", "keep"]
    return ["setpriv", "--reuid=rabbitmq", "--regid=rabbitmq", "--clear-groups", *keep]
