"""`toolyard admin`: what an operator does on the platform's host, on the database itself."""

import subprocess
import sys
from pathlib import Path

import click

PASSWORD = click.option(
    "--password-stdin", is_flag=True, help="Read the password for the pages from standard input."
)


@click.group()
def admin() -> None:
    """Accounts, backup and restore of this installation (TOOLYARD_DATA, TOOLYARD_DATABASE_URL)."""


def _web_admin(*arguments: str) -> None:
    """Accounts are web's: its own program changes them, in a process of its own."""
    done = subprocess.run([sys.executable, "-m", "web.admin", *arguments], check=False)
    if done.returncode:
        sys.exit(done.returncode)


@admin.command("create-user")
@click.argument("email")
@click.option("--admin", "is_admin", is_flag=True, help="May administer the platform.")
@click.option("--json", "as_json", is_flag=True, help='Print {"id", "email", "token"}.')
@PASSWORD
def create_user(email: str, is_admin: bool, as_json: bool, password_stdin: bool) -> None:
    """Make an account and print its API token, which is shown this once."""
    options = ["--admin"] if is_admin else []
    options += ["--json"] if as_json else []
    options += ["--password-stdin"] if password_stdin else []
    _web_admin("create-user", *options, "--", email)


@admin.command("set-plan")
@click.argument("email")
@click.argument("plan")
def set_plan(email: str, plan: str) -> None:
    """Choose an account's plan."""
    _web_admin("set-plan", "--", email, plan)


@admin.command("reset-password")
@click.argument("email")
def reset_password(email: str) -> None:
    """Set a password, read from standard input; sessions and tokens of the account end."""
    _web_admin("reset-password", "--", email)


FILE = click.argument("file", type=click.Path(path_type=Path, dir_okay=False))
