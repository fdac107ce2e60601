"""At most one mail of an event, except in the documented window."""

import contextlib
import email
import email.policy
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from sqlalchemy import select, update

from notifier import deliver, on_build_finished, on_run_finished
from notifier.deliver import Deliveries
from notifier.mailer import Mail
from notifier.mailer_files import FileMailer
from notifier.messages import Text
from shared.db import Transactions
from shared.errors import Retry
from shared.schema.deliveries import Delivery
from tests.finished import Finished, finished


@dataclass
class Recorder:
    """A mailer that keeps what it is given, and may fail or die on the way."""

    sent: list[Mail] = field(default_factory=list)
    before: Callable[[], None] = lambda: None
    after: Callable[[], None] = lambda: None

    def send(self, mail: Mail) -> None:
        self.before()
        self.sent.append(mail)
        self.after()


class Died(BaseException):
    """The process ends here."""


def _die() -> None:
    raise Died


def _refuse() -> None:
    raise ConnectionError("no mail server")


TEXT = Text("a subject", "a body\n")


def _deliveries(transactions: Transactions, mailer: Recorder) -> Deliveries:
    return Deliveries(transactions, mailer, "toolyard@example.org")


def _let_claims_expire(transactions: Transactions) -> None:
    with transactions.begin() as session:
        late = Delivery.at - deliver.CLAIM_SECONDS * 1000 - 1
        session.execute(update(Delivery).values(at=late))


def test_one_event_one_mail(transactions: Transactions) -> None:
    event, mailer = finished(transactions).run_event, Recorder()

    for _ in range(3):
        _deliveries(transactions, mailer).deliver(event, "a@example.com", TEXT)

    assert len(mailer.sent) == 1
    with transactions.read() as session:
        assert session.execute(select(Delivery.state)).scalars().all() == ["sent"]


def test_two_people_get_one_each(transactions: Transactions) -> None:
    event, mailer = finished(transactions).run_event, Recorder()
    for person in ("a@example.com", "b@example.com"):
        _deliveries(transactions, mailer).deliver(event, person, TEXT)
    assert [mail.recipient for mail in mailer.sent] == ["a@example.com", "b@example.com"]
    assert len({mail.message_id for mail in mailer.sent}) == 2


def test_dying_before_sending_means_one_mail(transactions: Transactions) -> None:
    event, mailer = finished(transactions).run_event, Recorder(before=_die)
    with pytest.raises(Died):
        _deliveries(transactions, mailer).deliver(event, "a@example.com", TEXT)
    mailer.before = lambda: None

    with pytest.raises(Retry):
        _deliveries(transactions, mailer).deliver(event, "a@example.com", TEXT)
    _let_claims_expire(transactions)
    _deliveries(transactions, mailer).deliver(event, "a@example.com", TEXT)

    assert len(mailer.sent) == 1


def test_dying_in_the_window_means_one_repeat_under_the_same_id(transactions: Transactions) -> None:
    event, mailer = finished(transactions).run_event, Recorder(after=_die)
    with pytest.raises(Died):
        _deliveries(transactions, mailer).deliver(event, "a@example.com", TEXT)
    mailer.after = lambda: None
    _let_claims_expire(transactions)

    for _ in range(2):
        _deliveries(transactions, mailer).deliver(event, "a@example.com", TEXT)

    assert len(mailer.sent) == 2
    assert len({mail.message_id for mail in mailer.sent}) == 1


def test_a_refused_mail_is_tried_again_at_once_under_the_same_id(
    transactions: Transactions,
) -> None:
    event, mailer = finished(transactions).run_event, Recorder(before=_refuse)
    with pytest.raises(Retry):
        _deliveries(transactions, mailer).deliver(event, "a@example.com", TEXT)
    with transactions.read() as session:
        claimed = session.execute(select(Delivery.message_id)).scalar_one()
    mailer.before = lambda: None

    _deliveries(transactions, mailer).deliver(event, "a@example.com", TEXT)

    assert [mail.message_id for mail in mailer.sent] == [claimed]


def test_many_notifiers_at_once_send_one_mail(transactions: Transactions) -> None:
    event, mailer = finished(transactions).run_event, Recorder()

    def one(_: int) -> None:
        with contextlib.suppress(Retry):  # another is at it
            _deliveries(transactions, mailer).deliver(event, "a@example.com", TEXT)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(one, range(8)))

    assert len(mailer.sent) == 1


def _read(folder: Path) -> email.message.EmailMessage:
    (path,) = folder.glob("*.eml")
    message = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert isinstance(message, email.message.EmailMessage)
    return message


def _handle_run(transactions: Transactions, ids: Finished, folder: Path) -> None:
    deliveries = Deliveries(transactions, FileMailer(folder), "toolyard@example.org")
    on_run_finished.handle(
        ids.run_event, transactions=transactions, deliveries=deliveries, url="http://yard.test"
    )


def test_a_finished_run_becomes_a_mail_file(transactions: Transactions, tmp_path: Path) -> None:
    ids = finished(transactions)

    _handle_run(transactions, ids, tmp_path / "mail")

    message = _read(tmp_path / "mail")
    assert message["Subject"] == "sherlock: finished, exit 0"
    assert message["To"] == ids.email
    assert message["Message-ID"].endswith("@example.org>")
    assert f"http://yard.test/runs/{ids.run_id}" in message.get_content()


def test_a_finished_build_becomes_a_mail_file(transactions: Transactions, tmp_path: Path) -> None:
    ids = finished(transactions, build={"state": "failed", "reason": "No entry point was found."})
    deliveries = Deliveries(transactions, FileMailer(tmp_path), "toolyard@example.org")

    on_build_finished.handle(
        ids.build_event, transactions=transactions, deliveries=deliveries, url="http://yard.test"
    )

    message = _read(tmp_path)
    assert message["Subject"] == "sherlock: could not be built"
    assert "No entry point was found." in message.get_content()
    assert f"http://yard.test/builds/{ids.build_id}" in message.get_content()


def test_a_disabled_account_gets_no_mail(transactions: Transactions, tmp_path: Path) -> None:
    ids = finished(transactions, disabled=True)
    _handle_run(transactions, ids, tmp_path / "mail")
    assert not (tmp_path / "mail").exists()


def test_a_deleted_run_or_build_gets_no_mail(transactions: Transactions, tmp_path: Path) -> None:
    gone = Finished("acc_gone", "a@example.com", "run_gone", "build_gone")
    _handle_run(transactions, gone, tmp_path / "mail")
    on_build_finished.handle(
        gone.build_event,
        transactions=transactions,
        deliveries=Deliveries(transactions, FileMailer(tmp_path / "mail"), "t@example.org"),
        url="",
    )
    assert not (tmp_path / "mail").exists()


def test_hostile_names_stay_in_their_line(transactions: Transactions, tmp_path: Path) -> None:
    ids = finished(
        transactions,
        tool="x\r\nBcc: everybody@example.com\u202e",
        run={"reason": "line\r\n\r\nanother", "state": "failed", "exit_code": 3},
    )
    _handle_run(transactions, ids, tmp_path)
    message = _read(tmp_path)
    assert message["Bcc"] is None
    assert message["Subject"] == "x Bcc: everybody@example.com: finished, exit 3"
