"""Sign-up, sign-in, and what strangers learn from them."""

import threading

import pytest
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import select, update

from shared.db import Transactions
from shared.schema.accounts import Account, LoginAttempt, LoginSession
from web import login_limits, passwords, sessions, sign_in
from web.admin import create_user, reset_password
from web.refusals import Invalid, TooMany
from web.sign_in import Caller, WrongPassword

PASSWORD = "a long enough password"
HERE = Caller(address="192.0.2.1")


@pytest.mark.parametrize(
    "password",
    ["short77", "password1", "Password123", "aaaaaaaaaa", "x" * 257, "me@example.org"],
)
def test_weak_passwords_are_refused_with_a_sentence(password: str) -> None:
    with pytest.raises(Invalid) as refused:
        passwords.check(password, "me@example.org")
    assert "password" in refused.value.message
    assert password not in refused.value.message


@pytest.mark.parametrize(
    "password", ["x7" * 32, "correct horse battery", "ünïcödé wörds", "a b c d e"]
)
def test_long_and_unusual_passwords_are_fine(password: str) -> None:
    passwords.check(password, "me@example.org")
    assert passwords.matches(passwords.hash_of(password), password)


def test_passwords_are_kept_as_argon2id_with_19_mib() -> None:
    kept = passwords.hash_of(PASSWORD)
    assert kept.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert not passwords.matches(kept, PASSWORD + "x")
    assert not passwords.matches(None, PASSWORD)


@pytest.mark.parametrize(
    "email", ["", "me", "@example.org", "me@", "me@localhost", "a b@example.org", "<a@b.org>"]
)
def test_what_cannot_be_an_address_is_refused(email: str) -> None:
    with pytest.raises(Invalid):
        sign_in.normal_email(email)


def test_an_address_is_one_account_in_any_case(transactions: Transactions) -> None:
    sign_in.sign_up(transactions, "Me@Example.org ", PASSWORD, HERE, days=1)
    assert sign_in.sign_in(transactions, "ME@example.ORG", PASSWORD, HERE, days=1)
    with transactions.read() as session:
        assert session.execute(select(Account.email)).scalars().all() == ["me@example.org"]


def test_signing_up_again_never_takes_an_account_over(transactions: Transactions) -> None:
    sign_in.sign_up(transactions, "me@example.org", PASSWORD, HERE, days=1)
    with pytest.raises(WrongPassword):
        sign_in.sign_up(transactions, "me@example.org", "another password", HERE, days=1)
    assert sign_in.sign_in(transactions, "me@example.org", PASSWORD, HERE, days=1)


def test_unknown_account_wrong_password_and_disabled_account_answer_alike(
    transactions: Transactions,
) -> None:
    create_user(transactions, "known@example.org", password=PASSWORD)
    gone = create_user(transactions, "gone@example.org", password=PASSWORD)
    create_user(transactions, "tokenonly@example.org")
    with transactions.begin() as session:
        session.execute(update(Account).where(Account.id == gone.id).values(disabled_at=1))
    answers = set()
    for email, password in [
        ("nobody@example.org", PASSWORD),
        ("known@example.org", "wrong password"),
        ("gone@example.org", PASSWORD),
        ("tokenonly@example.org", ""),
    ]:
        with pytest.raises(WrongPassword) as refused:
            sign_in.sign_in(transactions, email, password, HERE, days=1)
        answers.add((refused.value.message, refused.value.status, refused.value.code))
    assert len(answers) == 1


def test_an_unknown_account_costs_a_whole_hash_too(
    monkeypatch: pytest.MonkeyPatch, transactions: Transactions
) -> None:
    checked: list[str | None] = []
    real = passwords.matches

    def counted(kept: str | None, password: str) -> bool:
        checked.append(kept)
        return real(kept, password)

    monkeypatch.setattr(passwords, "matches", counted)
    with pytest.raises(WrongPassword):
        sign_in.sign_in(transactions, "nobody@example.org", PASSWORD, HERE, days=1)
    assert checked == [None]
    with pytest.raises(VerifyMismatchError):  # the stand-in is a hash that argon2 works through
        passwords._hasher.verify(passwords._nobody, PASSWORD)


def test_only_a_digest_of_the_session_is_kept_and_each_sign_in_makes_a_new_one(
    transactions: Transactions,
) -> None:
    create_user(transactions, "me@example.org", password=PASSWORD)
    first = sign_in.sign_in(transactions, "me@example.org", PASSWORD, HERE, days=1)
    second = sign_in.sign_in(transactions, "me@example.org", PASSWORD, HERE, days=1)
    assert first != second
    with transactions.read() as session:
        kept = session.execute(select(LoginSession.digest)).scalars().all()
    assert len(kept) == 2
    assert not {first, second} & set(kept)


def test_sessions_end_when_revoked_expired_or_the_account_is_disabled(
    transactions: Transactions,
) -> None:
    made = create_user(transactions, "me@example.org", password=PASSWORD)

    def signed_in() -> str:
        secret = sign_in.sign_in(transactions, "me@example.org", PASSWORD, HERE, days=1)
        with transactions.read() as session:
            assert sessions.account_of(session, secret) is not None
        return secret

    def nobody(secret: str) -> bool:
        with transactions.read() as session:
            return sessions.account_of(session, secret) is None

    revoked, expired, reset = signed_in(), signed_in(), signed_in()
    with transactions.begin() as session:
        sessions.revoke(session, revoked)
    assert nobody(revoked)
    assert not nobody(expired)
    with transactions.begin() as session:
        session.execute(update(LoginSession).values(expires_at=1))
    assert nobody(expired)
    with transactions.begin() as session:
        session.execute(update(LoginSession).values(expires_at=1 << 50))
    reset_password(transactions, "me@example.org", "quite another password")
    assert nobody(reset)
    disabled = sign_in.sign_in(
        transactions, "me@example.org", "quite another password", HERE, days=1
    )
    with transactions.begin() as session:
        session.execute(update(Account).where(Account.id == made.id).values(disabled_at=1))
    assert nobody(disabled)


def test_guesses_are_limited_for_each_account_from_any_number_of_addresses(
    transactions: Transactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_user(transactions, "me@example.org", password=PASSWORD)
    monkeypatch.setattr(passwords, "matches", lambda kept, password: False)
    heard = 0
    for n in range(200):
        try:
            sign_in.sign_in(transactions, "me@example.org", "x", Caller(f"192.0.2.{n}"), days=1)
        except WrongPassword:
            heard += 1
        except TooMany as refused:
            assert refused.retry_after and 0 < refused.retry_after <= 3600
    assert heard == login_limits.ACCOUNT.failures


def test_a_device_that_knows_the_account_is_not_locked_out_by_strangers(
    transactions: Transactions,
) -> None:
    create_user(transactions, "me@example.org", password=PASSWORD)
    now = transactions.now_ms()
    with transactions.begin() as session:
        for subject, limit in login_limits.subjects("me@example.org", "192.0.2.1", None).items():
            for n in range(limit.failures):
                session.add(LoginAttempt(id=f"{subject}{n}", subject=subject, at=now))
    with pytest.raises(TooMany):
        sign_in.sign_in(transactions, "me@example.org", PASSWORD, HERE, days=1)
    known = Caller(address="192.0.2.1", device="a-known-device")
    assert sign_in.sign_in(transactions, "me@example.org", PASSWORD, known, days=1)


def test_right_passwords_do_not_count(transactions: Transactions) -> None:
    create_user(transactions, "me@example.org", password=PASSWORD)
    for _ in range(3):
        sign_in.sign_in(transactions, "me@example.org", PASSWORD, HERE, days=1)
    with transactions.read() as session:
        assert session.execute(select(LoginAttempt)).scalars().all() == []


def test_parallel_guesses_do_not_slip_past_the_limit(
    transactions: Transactions, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passwords, "matches", lambda kept, password: False)
    outcomes: list[str] = []

    def guess(n: int) -> None:
        try:
            sign_in.sign_in(transactions, "me@example.org", "x", Caller(f"192.0.2.{n}"), days=1)
        except (WrongPassword, TooMany) as refused:
            outcomes.append(type(refused).__name__)

    threads = [threading.Thread(target=guess, args=(n,)) for n in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes.count("WrongPassword") == login_limits.ACCOUNT.failures
    assert outcomes.count("TooMany") == 60 - login_limits.ACCOUNT.failures


def test_the_wait_is_told_and_ends() -> None:
    limit = login_limits.Limit(failures=2, window=1000)
    assert login_limits.retry_after([], limit) is None
    assert login_limits.retry_after([100], limit) is None
    assert login_limits.retry_after([100, 400], limit) == pytest.approx(0.6)
    assert login_limits.retry_after([100, 400, 1200], limit) == pytest.approx(0.6)
    assert login_limits.retry_after([1000, 1200], limit) is None
