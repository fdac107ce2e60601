"""`toolyard admin`: what an operator does on the platform's host, on the database itself."""

import os
import subprocess
import sys
from pathlib import Path

import click

from cli.failures import Failure
from cli.output import message
from cli.up import environment
from shared.settings import Settings

PASSWORD = click.option(
    "--password-stdin", is_flag=True, help="Read the password for the pages from standard input."
)


@click.group()
def admin() -> None:
    """Accounts, backup and restore of this installation (TOOLYARD_DATA, TOOLYARD_DATABASE_URL)."""


def _web_admin(*arguments: str) -> None:
    """Accounts are web's: its own program changes them, in a process of its own."""
    argv = [sys.executable, "-m", "web.admin", *arguments]
    done = subprocess.run(argv, env=environment(os.environ), check=False)
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


@admin.command("backup")
@click.argument("folder", type=click.Path(path_type=Path))
def backup(folder: Path) -> None:
    """Write database, queues, secrets and results into a new FOLDER; the platform may run on."""
    from shared.backup import BackupError
    from shared.backup import backup as write

    try:
        write(Settings.read(environment(os.environ)), folder.absolute())
    except BackupError as error:
        raise Failure(str(error)) from error
    message(f"The backup is complete: {folder}")


@admin.command("restore")
@click.argument("folder", type=click.Path(path_type=Path, exists=True, file_okay=False))
def restore(folder: Path) -> None:
    """Bring the backup in FOLDER into an empty, stopped installation (TOOLYARD_DATA)."""
    from cli.up import Refused, lock
    from shared.backup import BackupError
    from shared.backup import restore as read

    settings = Settings.read(environment(os.environ))
    try:
        held = lock(settings.data)
    except Refused as error:
        raise Failure(str(error)) from error
    try:
        read(settings, folder.absolute())
    except BackupError as error:
        raise Failure(str(error)) from error
    finally:
        os.close(held)
    message(f"Restored into {settings.data}; `toolyard up` starts it.")


@admin.command("grants")
@click.option("--prefix", default="toolyard", show_default=True, help="Of the roles' names.")
def grants(prefix: str) -> None:
    """On PostgreSQL: roles PREFIX_web, PREFIX_archiver, PREFIX_notifier that write only their own tables."""
    from shared import grants as roles
    from shared.db import Transactions

    transactions = Transactions(Settings.read(os.environ).database_url_with_login)
    try:
        roles.apply(transactions, prefix)
    except roles.NoGrants as error:
        raise Failure(str(error)) from error
    finally:
        transactions.close()
    for service in roles.SERVICES:
        message(f"{roles.role(prefix, service)} writes {', '.join(roles.tables_of(service))}")
