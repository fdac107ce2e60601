"""What an account shows to a Git host so that its private repositories can be cloned: one for each host."""

from collections.abc import Collection

from pydantic import SecretStr
from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from shared import git_link, work
from shared.ids import new_id
from shared.schema.accounts import Account
from shared.schema.tools import SourceCredential
from web import jobs, texts
from web.refusals import Absent, Invalid, TooMany
from web.seals import Seals

MAX_SECRET = 4096
MAX_HOSTS = 20


def store(
    session: Session,
    seals: Seals,
    account: Account,
    *,
    host: str,
    username: str,
    secret: str,
    allowed_hosts: Collection[str] = (),
) -> SourceCredential:
    """The account's credential for this host, replacing an earlier one; raises `Invalid` or `TooMany`."""
    authority = authority_of(host, allowed_hosts)
    _check(username, secret)
    jobs.lock_account(session, account.id)
    now = jobs.clock(session)
    known = of_account(session, account.id)
    found = next((one for one in known if one.host == authority), None)
    if found is None:
        if len(known) >= MAX_HOSTS:
            raise TooMany(
                f"At most {MAX_HOSTS} hosts can have a token. Remove one that you do not need.",
                retry_after=60,
            )
        found = SourceCredential(
            id=new_id("cred"), account_id=account.id, host=authority, username="", sealed=b""
        )
        session.add(found)
    found.username = username.strip() or "x-access-token"
    found.sealed = seals.seal(secret.strip(), _purpose(account.id, authority))
    found.created_at = now
    session.flush()
    return found


def of_account(session: Session, account_id: str) -> list[SourceCredential]:
    """The account's credentials by host."""
    return list(
        session.scalars(
            select(SourceCredential)
            .where(SourceCredential.account_id == account_id)
            .order_by(SourceCredential.host)
        )
    )


def remove(session: Session, account: Account, credential_id: str) -> None:
    """Forget it; raises `Absent`."""
    gone = session.execute(
        delete(SourceCredential)
        .where(SourceCredential.id == credential_id, SourceCredential.account_id == account.id)
        .returning(SourceCredential.id)
    ).first()
    if gone is None:
        raise Absent("You have no such token.")


def for_link(
    session: Session, seals: Seals, account_id: str, link: str, allowed_hosts: Collection[str] = ()
) -> work.SourceCredential | None:
    """What the account has for the link's host; only its own tools are ever cloned with it."""
    try:
        authority = git_link.parse(link, allowed_hosts).authority
    except git_link.BadLink:
        return None
    found = session.scalars(
        select(SourceCredential).where(
            SourceCredential.account_id == account_id, SourceCredential.host == authority
        )
    ).one_or_none()
    if found is None:
        return None
    return work.SourceCredential(
        host=authority,
        username=found.username,
        secret=SecretStr(seals.open(found.sealed, _purpose(account_id, authority))),
    )


def authority_of(host: str, allowed_hosts: Collection[str] = ()) -> str:
    """`github.com`, `https://github.com/` or `git.example.org:8443` as `host:port`; raises `Invalid`."""
    text = texts.one_line(host, 300)
    with_scheme = text if "://" in text else f"https://{text}"
    path = with_scheme.split("://", 1)[1].strip("/")
    probe = with_scheme.rstrip("/") + ("/owner/name" if "/" not in path else "/name")
    try:
        return git_link.parse(probe, allowed_hosts).authority
    except git_link.BadLink as error:
        raise Invalid(
            f"{text[:80]!r} is no Git host. Write it like github.com. ({error})", code="host"
        ) from error


def _check(username: str, secret: str) -> None:
    if not secret.strip():
        raise Invalid(
            "The token is missing. Make one at your Git host that may read the repository."
        )
    if len(secret) > MAX_SECRET or any(not char.isprintable() for char in secret.strip()):
        raise Invalid("This is no access token: it is too long or holds control characters.")
    if ":" in username or len(username) > 200 or any(not char.isprintable() for char in username):
        raise Invalid("The user name is too long, or holds a colon or control characters.")


def _purpose(account_id: str, authority: str) -> str:
    return f"source-credential:{account_id}:{authority}"
