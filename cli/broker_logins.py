"""`python -m cli.broker_logins [FILE]`: RabbitMQ's logins, one for each kind of process, as definitions that it imports.

Passwords come by the environment: TOOLYARD_RABBITMQ_PASSWORD is that of the operator's login, which is
called toolyard, TOOLYARD_RABBITMQ_RUNNER_PASSWORD that of runner, and so on. Only hashes are written.
"""

import base64
import hashlib
import json
import os
import secrets
import sys
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path

from cli.rabbitmq import OPERATOR, password_variable
from shared.amqp_permissions import EVERYTHING, Permissions, of_kinds
from shared.bus_kombu import PREFIX


def definitions(logins: Mapping[str, tuple[str, Permissions]], vhost: str = "/") -> str:
    """Logins with their passwords and rights, as `rabbitmqctl import_definitions` takes them."""
    users = [
        {
            "name": name,
            "password_hash": _hash(password),
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "tags": "",
        }
        for name, (password, _) in logins.items()
    ]
    rights = [{"user": name, "vhost": vhost, **asdict(each)} for name, (_, each) in logins.items()]
    return json.dumps({"vhosts": [{"name": vhost}], "users": users, "permissions": rights})


def _hash(password: str) -> str:
    salt = secrets.token_bytes(4)
    return base64.b64encode(salt + hashlib.sha256(salt + password.encode()).digest()).decode()


def main() -> int:
    """To standard output, or into a file that the broker's user may read."""
    rights = {OPERATOR: EVERYTHING, **of_kinds(PREFIX)}
    given = {login: os.environ.get(password_variable(login), "") for login in rights}
    if missing := [password_variable(login) for login, password in given.items() if not password]:
        print(f"These passwords are not set: {', '.join(missing)}.", file=sys.stderr)
        return 2
    made = definitions({login: (given[login], each) for login, each in rights.items()})
    if len(sys.argv) > 1:
        Path(sys.argv[1]).write_text(made)
    else:
        print(made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
