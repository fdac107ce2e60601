"""`toolyard admin`: what an operator does on the platform's host, on the database itself."""

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import click

from cli import installation
from cli.failures import Failure
from cli.output import message
from shared.settings import Settings

PASSWORD = click.option(
    "--password-stdin", is_flag=True, help="Read the password for the pages from standard input."
)


@click.group()
def admin() -> None:
    """Accounts, backup and restore of this installation (TOOLYARD_DATA, TOOLYARD_DATABASE_URL)."""


def _web_admin(*arguments: str) -> None:
    """Accounts are web's: its own program changes them, in a process of its own."""
    installation.carry_out("web.admin", *arguments)


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


@admin.command("allow-mail")
@click.argument("email")
def allow_mail(email: str) -> None:
    """Send mail again to an address that was given up after a bounce or complaint."""
    installation.carry_out("notifier.admin", "allow-mail", "--", email)


@admin.command("registry-certificate")
def registry_certificate() -> None:
    """Print the certificate that an image registry must trust (its `rootcertbundle`)."""
    _web_admin("registry-certificate")


@admin.command("set-plan")
@click.argument("email")
@click.argument("plan")
def set_plan(email: str, plan: str) -> None:
    """Choose an account's plan."""
    _web_admin("set-plan", "--", email, plan)


@admin.command("reset-password")
@click.argument("email")
def reset_password(email: str) -> None:
    """Set a password, read from standard input; sessions, tokens and storage credentials of the account end."""
    _web_admin("reset-password", "--", email)


@admin.command("backup")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--to", "place", help="Rather into this place of backups: a folder or s3://BUCKET/….")
@click.option("--keep-daily", default=7, show_default=True, help="With --to: days that keep one.")
@click.option("--keep-weekly", default=5, show_default=True, help="With --to: weeks that keep one.")
def backup(folder: Path | None, place: str | None, keep_daily: int, keep_weekly: int) -> None:
    """Write database, queues, secrets and results; the platform may run on.

    FOLDER is a new folder with all of it. --to sends what no earlier backup in that place has, and
    then takes away old ones. Secrets are in a backup: whoever reads it can be this platform.
    """
    from shared.backup import BackupError
    from shared.backup import backup as write
    from shared.nightly import nightly

    if (folder is None) == (place is None):
        raise click.UsageError("Give either a new FOLDER or --to PLACE.")
    settings = installation.settings()
    try:
        if folder is not None:
            write(settings, folder.absolute())
            message(f"The backup is complete: {folder}")
        elif place is not None:
            done = nightly(settings, place, daily=keep_daily, weekly=keep_weekly)
            gone = f"; taken away: {', '.join(done.pruned)}" if done.pruned else ""
            message(f"{done.name} is complete in {place}, {done.sent:,} new bytes{gone}")
    except BackupError as error:
        raise Failure(str(error)) from error


@admin.command("restore")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--from", "place", help="The newest backup of this place: a folder or s3://BUCKET/….")
@click.option("--name", help="With --from: this backup rather than the newest.")
def restore(folder: Path | None, place: str | None, name: str | None) -> None:
    """Bring a backup into an empty, stopped installation (TOOLYARD_DATA, TOOLYARD_DATABASE_URL).

    Jobs that were unfinished end with that reason, everybody signs in anew, and no mail is sent for
    what happened before. Objects in a bucket are brought back as by `undelete`.
    """
    from cli.up import Refused, lock
    from shared.backup import BackupError
    from shared.backup import restore as read

    settings = installation.settings()
    try:
        held = lock(settings.data)
    except Refused as error:
        raise Failure(str(error)) from error
    try:
        with _chosen(folder, place, name) as source:
            read(settings, source, then=_after_restore)
            message(f"Restored into {settings.data}; start the platform.")
            _undelete(settings, source)
    except BackupError as error:
        raise Failure(str(error)) from error
    finally:
        os.close(held)


@contextlib.contextmanager
def _chosen(folder: Path | None, place: str | None, name: str | None) -> Iterator[Path]:
    """A backup given by its own folder, or out of a place of backups."""
    from shared.nightly import fetched

    if folder is not None and place is None:
        yield folder.absolute()
    elif place is not None and folder is None:
        with fetched(place, name) as source:
            yield source
    else:
        raise click.UsageError("Give either the FOLDER of a backup or --from PLACE.")


@admin.command("undelete")
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--from", "place", help="The newest backup of this place: a folder or s3://BUCKET/….")
@click.option("--name", help="With --from: this backup rather than the newest.")
@click.option("--dry-run", is_flag=True, help="Only tell what would come back.")
def undelete(folder: Path | None, place: str | None, name: str | None, dry_run: bool) -> None:
    """Bring back objects that a backup lists and that were deleted from the bucket since.

    The platform may run on. What no row names any more is deleted again a day later.
    """
    from shared.backup import BackupError, check

    settings = installation.settings()
    if not settings.objects_url:
        raise Failure("The objects lie in the data folder: `toolyard admin restore` brings them.")
    try:
        with _chosen(folder, place, name) as source:
            check(source)
            _undelete(settings, source, dry_run=dry_run)
    except BackupError as error:
        raise Failure(str(error)) from error


def _undelete(settings: Settings, source: Path, *, dry_run: bool = False) -> None:
    from shared.backup import undelete as bring_back

    looked = bring_back(settings, source, really=not dry_run)
    if looked is None:
        return
    done = "would be brought back" if dry_run else "brought back"
    message(f"objects: {looked.there} are there, {len(looked.hidden)} {done}")
    if looked.gone:
        some = ", ".join(looked.gone[:3]) + (", …" if len(looked.gone) > 3 else "")
        raise Failure(
            f"{len(looked.gone)} objects of the backup are gone for good: {some}. Deleted bytes of a "
            "versioned bucket stay for 40 days, those of another bucket not at all."
        )


def _after_restore(backup_at: int | None) -> None:
    _web_admin("after-restore", *(["--backup-at", str(backup_at)] if backup_at else []))


@admin.command("restore-drill")
@click.option("--from", "place", required=True, help="A place of backups: a folder or s3://….")
@click.option("--name", help="This backup rather than the newest.")
@click.option(
    "--database", help="An empty PostgreSQL database; else one is made and dropped again."
)
@click.option("--max-age-hours", default=26.0, show_default=True, help="An older backup fails.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def restore_drill(
    place: str, name: str | None, database: str | None, max_age_hours: float, as_json: bool
) -> None:
    """Prove that the newest backup brings the platform back: restored, started and asked, elsewhere.

    Nothing of this installation is touched; what is started has a folder, a port and a database of
    its own, and mails only into a file.
    """
    from cli.restore_drill import drill
    from shared.backup import BackupError

    try:
        report = drill(
            installation.environ(), place, name, database=database, max_age=max_age_hours * 3600
        )
    except BackupError as error:
        raise Failure(str(error)) from error
    if as_json:
        click.echo(report.as_json())
    else:
        for line in report.lines():
            click.echo(line)
    sys.exit(0 if report.good else 1)


@admin.command("sweep")
def sweep() -> None:
    """Delete now what the utility service deletes hourly: expired rows, results that nobody needs."""
    _web_admin("sweep")


@admin.command("grants")
@click.option("--prefix", default="toolyard", show_default=True, help="Of the roles' names.")
def grants(prefix: str) -> None:
    """On PostgreSQL: roles PREFIX_web, PREFIX_archiver, PREFIX_notifier that write only their own tables."""
    from shared import grants as roles
    from shared.db import Transactions

    transactions = Transactions(installation.settings().database_url_with_login)
    try:
        roles.apply(transactions, prefix)
    except roles.NoGrants as error:
        raise Failure(str(error)) from error
    finally:
        transactions.close()
    for service in roles.SERVICES:
        message(f"{roles.role(prefix, service)} writes {', '.join(roles.tables_of(service))}")
