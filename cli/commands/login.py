"""`toolyard login`: keep where and as whom."""

import os

import click

from cli.api import Api
from cli.output import message
from cli.settings import Account, account, config_file, keep


@click.command()
@click.option("--url", help="Where Toolyard answers; without it TOOLYARD_URL or the one kept.")
@click.option("--token", help="An API token; without it you are asked (it stays out of ps).")
def login(url: str | None, token: str | None) -> None:
    """Check a token and keep it, readable only by you, for later commands."""
    place = (url or account(os.environ, config_file()).url).rstrip("/")
    if token is None:
        message(f"Make a token on {place}/account and paste it here.")
        token = click.prompt("Token", hide_input=True, err=True)
    signed_in = Account(place, str(token).strip())
    with Api(signed_in, patience=5) as api:
        who = api.get("/api/v1/account")
    keep(config_file(), signed_in)
    message(f"Signed in to {place} as {who['email']}.")
