"""`toolyard credentials`: your own access to your part of the object store."""

import shlex
import time

import click

from cli.output import message, print_json
from cli.resources import V1
from cli.session import api

_PATH = f"{V1}/storage-credentials"
_NAMES = {
    "AWS_ACCESS_KEY_ID": "access_key_id",
    "AWS_SECRET_ACCESS_KEY": "secret_access_key",
    "AWS_SESSION_TOKEN": "session_token",
    "AWS_DEFAULT_REGION": "region",
    "AWS_ENDPOINT_URL": "endpoint",
}


@click.group()
def credentials() -> None:
    """Credentials for your part of the object store, for half a day at most.

    eval "$(toolyard credentials make)" gives them to `aws s3` and other programs of this shell.
    """


@credentials.command()
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object instead of a shell's lines."
)
def make(as_json: bool) -> None:
    """Make new ones and print them: they are shown this once."""
    with api() as platform:
        made = platform.create(_PATH, {})
    hours = (made["expires_at"] / 1000 - time.time()) / 3600
    message(f"For s3://{made['bucket']}/{made['prefix']}, {hours:.1f} hours; id {made['id']}.")
    if made.get("note"):
        message(made["note"])
    if as_json:
        print_json(made)
        return
    for name, field in _NAMES.items():
        if made[field]:
            click.echo(f"export {name}={shlex.quote(made[field])}")


@credentials.command("list")
def listed() -> None:
    """Those that hold now, as JSON."""
    with api() as platform:
        print_json(list(platform.items(_PATH)))


@credentials.command()
@click.argument("credential")
def revoke(credential: str) -> None:
    """End CREDENTIAL (its id) now."""
    with api() as platform:
        platform.remove(f"{_PATH}/{credential}")
    message(f"{credential} is revoked; AWS needs a few seconds to refuse it everywhere.")
