"""`toolyard login`: keep where and as whom."""

import os
import sys

import click

from cli.api import Api
from cli.failures import Failure
from cli.output import message
from cli.resources import V1
from cli.settings import Account, account, config_file, keep


@click.command()
@click.option("--url", help="Where Toolyard answers; without it TOOLYARD_URL or the one kept.")
@click.option("--email", help="Sign in by e-mail address and password.")
@click.option("--token-stdin", is_flag=True, help="Read an API token from standard input.")
def login(url: str | None, email: str | None, token_stdin: bool) -> None:
    """Sign in with an API token or a password, and keep the token readable only by you."""
    place = (url or account(os.environ, config_file()).url).rstrip("/")
    if token_stdin:
        token = sys.stdin.readline().strip()
    else:
        email = email or click.prompt("E-mail", err=True)
        password = click.prompt("Password", hide_input=True, err=True)
        with Api(Account(place, ""), patience=5) as platform:
            body = {"email": email, "password": password, "name": f"shell of {os.uname().nodename}"}
            token = platform.create(f"{V1}/tokens/sign-in", body)["token"]
    if not token:
        raise Failure("no token was given")
    signed_in = Account(place, token)
    with Api(signed_in, patience=5) as platform:
        who = platform.get(f"{V1}/me")
    keep(config_file(), signed_in)
    message(f"Signed in to {place} as {who['email']}.")
