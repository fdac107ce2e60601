"""Accounts from the operator's shell: `python -m web.admin create-user EMAIL [--admin] --json`."""

import argparse
import json
import os
import sys
from dataclasses import asdict, dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shared import process, registry_tokens
from shared.db import Transactions, now_ms
from shared.migrate import migrate
from shared.objects_open import open_store
from shared.schema.accounts import Account, ApiToken
from web import after_restore, passwords, sessions, sign_in, storage_denials, tokens
from web.limits import PLANS, Plans, read
from web.refusals import Absent, Conflict, Invalid, Refused
from web.settings import WebSettings
from web.sweeper import Sweeper
from web.upload_sweeper import UploadSweeper
from web.uploads import Store


@dataclass(frozen=True)
class CreatedUser:
    """A new account and its first API token, which is shown this once."""

    id: str
    email: str
    token: str


def create_user(
    transactions: Transactions,
    email: str,
    *,
    admin: bool = False,
    password: str | None = None,
    token_days: int = 365,
) -> CreatedUser:
    """An account with a token; without a password it can sign in only by that token."""
    email = sign_in.normal_email(email)
    kept = None
    if password is not None:
        passwords.check(password, email)
        kept = passwords.hash_of(password)
    with transactions.begin() as session:
        account_id = sign_in.add_account(session, email=email, password_hash=kept, admin=admin)
        if account_id is None:
            raise Conflict(f"There is an account for {email} already.")
        _, secret = tokens.issue(session, account_id, name="first token", days=token_days)
    return CreatedUser(account_id, email, secret)


def set_plan(transactions: Transactions, email: str, plan: str, plans: Plans = PLANS) -> None:
    """The account's plan from now on."""
    if plan not in plans:
        raise Invalid(f"There is no plan {plan}; there are {', '.join(sorted(plans))}.")
    with transactions.begin() as session:
        _account(session, email).plan = plan


def reset_password(transactions: Transactions, email: str, password: str) -> None:
    """A new password; whoever is signed in, or holds a token or storage credentials, must prove it anew."""
    email = sign_in.normal_email(email)
    passwords.check(password, email)
    kept = passwords.hash_of(password)
    with transactions.begin() as session:
        account = _account(session, email)
        account.password_hash = kept
        sessions.revoke_all(session, account.id)
        storage_denials.end_those_of(session, account.id)
        session.execute(
            update(ApiToken)
            .where(ApiToken.account_id == account.id, ApiToken.revoked_at.is_(None))
            .values(revoked_at=now_ms())
        )


def _account(session: Session, email: str) -> Account:
    account = session.execute(
        select(Account).where(Account.email == email.strip().lower())
    ).scalar_one_or_none()
    if account is None:
        raise Absent(f"There is no account for {email}.")
    return account


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m web.admin", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    create = commands.add_parser("create-user", help="make an account and a token for it")
    create.add_argument("email")
    create.add_argument("--admin", action="store_true")
    create.add_argument("--password-stdin", action="store_true", help="read a password from stdin")
    create.add_argument("--json", action="store_true")
    plan = commands.add_parser("set-plan", help="choose an account's plan")
    plan.add_argument("email")
    plan.add_argument("plan")
    restored = commands.add_parser("after-restore", help="migrate, and end what was in work")
    restored.add_argument("--backup-at", type=int, help="milliseconds since 1970 UTC")
    commands.add_parser("sweep", help="delete what nobody needs any more, once")
    commands.add_parser("registry-certificate", help="print what an image registry must trust")
    reset = commands.add_parser("reset-password", help="set a password, read from stdin")
    reset.add_argument("email")
    return parser


def main(arguments: list[str] | None = None) -> int:
    """Carry out one command; a refusal is one sentence on stderr and exit code 1."""
    options = _parser().parse_args(arguments)
    settings = process.settings_or_exit(WebSettings, os.environ)
    transactions = Transactions(settings.database_url, login=settings.database_login)
    try:
        _carry_out(options, transactions, settings)
    except Refused as refused:
        sys.stderr.write(refused.message + "\n")
        return 1
    finally:
        transactions.close()
    return 0


def _carry_out(
    options: argparse.Namespace, transactions: Transactions, settings: WebSettings
) -> None:
    if options.command == "create-user":
        password = sys.stdin.readline().rstrip("\n") if options.password_stdin else None
        made = create_user(
            transactions,
            options.email,
            admin=options.admin,
            password=password,
            token_days=settings.token_days,
        )
        line = json.dumps(asdict(made)) if options.json else f"{made.email}: {made.token}"
        sys.stdout.write(line + "\n")
    elif options.command == "after-restore":
        migrate(settings.database_url_with_login)
        with transactions.begin() as session:
            found = after_restore.reconcile(session, options.backup_at)
        sys.stdout.write(f"{found.jobs} unfinished jobs and {found.sessions} sessions ended\n")
    elif options.command == "sweep":
        store = open_store(settings, settings.secret("signing-key"))
        Sweeper(transactions, store.objects).once()
        UploadSweeper(transactions, Store(store.objects, store.uploads)).once()
    elif options.command == "registry-certificate":
        key = settings.secret("registry-key", registry_tokens.new_key)
        sys.stdout.write(registry_tokens.certificate_of(key))
    elif options.command == "set-plan":
        set_plan(transactions, options.email, options.plan, read(settings.limits))
    else:
        reset_password(transactions, options.email, sys.stdin.readline().rstrip("\n"))


if __name__ == "__main__":
    sys.exit(main())
