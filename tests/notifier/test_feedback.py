"""Bounces and complaints: read, followed once, and an address that was given up gets nothing more."""

import json
import os
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from sqlalchemy import func, select

from notifier import admin, suppressions
from notifier.app import build
from notifier.deliver import Deliveries
from notifier.feedback import Feedback, Malformed, read
from notifier.feedback_reader import FeedbackReader
from notifier.mail_message import BadMail
from notifier.mailer import AddressRefused, Mail
from notifier.messages import Text
from notifier.settings import NotifierSettings
from shared import bus_sns_sqs
from shared.bus_sns_sqs import SnsSqsBus, topic_name
from shared.db import Transactions
from shared.errors import Reject
from shared.ids import new_id
from shared.schema.deliveries import Delivery, Suppression
from shared.topology import MAIL_FEEDBACK
from tests.finished import finished
from web import mail_state

ADA = "ada@example.org"
TEXT = Text("a subject", "a body\n")


def bounce(kind: str = "Permanent", *, told_by: str = "notificationType", **changes: Any) -> str:
    return json.dumps(
        {
            told_by: "Bounce",
            "mail": {"messageId": "1", "source": "t@example.org", "destination": [ADA]},
            "bounce": {
                "bounceType": kind,
                "bounceSubType": "General",
                "bouncedRecipients": [
                    {
                        "emailAddress": "Ada@example.org",
                        "status": "5.1.1",
                        "diagnosticCode": "smtp; 550 5.1.1 user unknown",
                    }
                ],
                "feedbackId": "feedback-1",
            }
            | changes,
        }
    )


def complaint() -> str:
    return json.dumps(
        {
            "eventType": "Complaint",
            "mail": {"messageId": "1"},
            "complaint": {
                "complainedRecipients": [{"emailAddress": ADA}],
                "complaintFeedbackType": "abuse",
                "feedbackId": "feedback-2",
            },
        }
    )


# What is read


@pytest.mark.parametrize("told_by", ["notificationType", "eventType"])
def test_a_permanent_bounce_is_read_in_both_shapes(told_by: str) -> None:
    assert read(bounce(told_by=told_by)) == Feedback(
        id="feedback-1", kind="bounce", addresses=(ADA,), reason="smtp; 550 5.1.1 user unknown"
    )


def test_a_complaint_is_read() -> None:
    found = read(complaint())
    assert found is not None
    assert (found.kind, found.addresses) == ("complaint", (ADA,))


@pytest.mark.parametrize(
    "body",
    [
        bounce("Transient"),
        bounce("Undetermined"),
        '{"notificationType": "Delivery", "mail": {}, "delivery": {}}',
        '{"eventType": "Open"}',
        '{"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "You have …"}',
        "Successfully validated SNS topic for Amazon SES event publishing.",
    ],
)
def test_what_needs_no_answer_gets_none(body: str) -> None:
    assert read(body) is None


@pytest.mark.parametrize(
    "body",
    [
        "",
        "hello",
        "[]",
        "{}",
        '{"notificationType": "Bounce"}',
        '{"notificationType": "Complaint", "complaint": {}}',
        bounce(bouncedRecipients=[{}]),
        bounce(bouncedRecipients="ada@example.org"),
        bounce(feedbackId=""),
        bounce(bouncedRecipients=[{"emailAddress": "x" * 400}]),
        "[" * 100_000,
    ],
)
def test_what_is_no_message_of_ses_is_malformed(body: str) -> None:
    with pytest.raises(Malformed):
        read(body)


# What follows


@dataclass
class Recorder:
    """A mailer that keeps what it is given, or raises."""

    sent: list[Mail] = field(default_factory=list)
    error: Exception | None = None

    def send(self, mail: Mail) -> None:
        if self.error is not None:
            raise self.error
        self.sent.append(mail)


@dataclass
class Told:
    """A message of the queue."""

    body: str
    receives: int = 1
    end: str = ""

    def ack(self) -> None:
        self.end = "ack"

    def nack(self, delay: float) -> None:
        self.end = "nack"

    def reject(self) -> None:
        self.end = "reject"

    def extend(self, seconds: float) -> None: ...


def tell(transactions: Transactions, body: str) -> str:
    message = Told(body)
    nobody: Any = None
    FeedbackReader(nobody, transactions).handle(message)
    return message.end


def written_to(transactions: Transactions, address: str, mailer: Recorder | None = None) -> int:
    """Write once more; how many mails went out."""
    mailer = mailer or Recorder()
    event = finished(transactions, tool=new_id("t")).run_event
    Deliveries(transactions, mailer, "t@example.org").deliver(event, address, TEXT)
    return len(mailer.sent)


def suppressed(transactions: Transactions) -> list[tuple[str, str, str]]:
    with transactions.read() as session:
        rows = session.scalars(select(Suppression)).all()
        return [(row.address, row.kind, row.reason) for row in rows]


def test_an_address_that_bounced_gets_no_more_mail(transactions: Transactions) -> None:
    assert written_to(transactions, ADA) == 1

    assert tell(transactions, bounce()) == "ack"

    assert suppressed(transactions) == [(ADA, "bounce", "smtp; 550 5.1.1 user unknown")]
    assert written_to(transactions, ADA) == 0
    assert written_to(transactions, "bob@example.org") == 1


def test_a_bounce_is_told_of_the_domain_in_ascii(transactions: Transactions) -> None:
    address = "jo@bücher.example"
    told = [{"emailAddress": "jo@xn--bcher-kva.example", "diagnosticCode": "gone"}]
    assert written_to(transactions, address) == 1
    assert tell(transactions, bounce(bouncedRecipients=told)) == "ack"
    assert written_to(transactions, address) == 0
    with transactions.read() as session:
        assert "came back (gone)" in mail_state.sentence(session, address)


def test_an_address_that_complained_gets_no_more_mail(transactions: Transactions) -> None:
    written_to(transactions, ADA)
    assert tell(transactions, complaint()) == "ack"
    assert written_to(transactions, ADA) == 0


def test_what_we_never_wrote_to_is_not_kept(transactions: Transactions) -> None:
    written_to(transactions, "bob@example.org")
    assert tell(transactions, bounce()) == "ack"
    assert suppressed(transactions) == []


def test_a_full_mailbox_changes_nothing(transactions: Transactions) -> None:
    written_to(transactions, ADA)
    assert tell(transactions, bounce("Transient")) == "ack"
    assert written_to(transactions, ADA) == 1


def test_a_malformed_message_is_put_aside(transactions: Transactions) -> None:
    assert tell(transactions, "hello") == "reject"


def test_a_message_whose_write_failed_comes_again(transactions: Transactions) -> None:
    broken: Any = None
    message = Told(bounce())
    FeedbackReader(broken, broken).handle(message)
    assert message.end == "nack"


def test_what_is_told_twice_is_followed_once(
    transactions: Transactions, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    written_to(transactions, ADA)
    tell(transactions, bounce())
    monkeypatch.setenv("TOOLYARD_DATABASE_URL", transactions.url)
    monkeypatch.setenv("TOOLYARD_DATA", str(tmp_path))
    assert admin.main(["allow-mail", "Ada@Example.org"]) == 0
    assert admin.main(["allow-mail", ADA]) == 1

    assert tell(transactions, bounce()) == "ack"

    assert written_to(transactions, ADA) == 1
    assert tell(transactions, bounce(feedbackId="another")) == "ack"
    assert written_to(transactions, ADA) == 0


def test_a_server_that_knows_no_such_address_is_believed_at_once(
    transactions: Transactions,
) -> None:
    refusing = Recorder(error=AddressRefused("550 5.1.1 no such user\r\nX"))
    assert written_to(transactions, ADA, refusing) == 0
    assert suppressed(transactions) == [(ADA, "refused", "550 5.1.1 no such user X")]
    with transactions.read() as session:
        assert session.scalar(select(Delivery.state)) == "refused"
    assert written_to(transactions, ADA) == 0


def test_a_mail_that_can_never_be_sent_is_not_tried_for_ever(transactions: Transactions) -> None:
    with pytest.raises(Reject, match="no address"):
        written_to(transactions, ADA, Recorder(error=BadMail("no address")))
    assert suppressed(transactions) == []


def test_the_first_reason_stands(transactions: Transactions) -> None:
    with transactions.begin() as session:
        suppressions.add(session, ADA, "complaint", "unwanted")
        suppressions.add(session, ADA.upper(), "bounce", "unknown")
        assert session.scalar(select(func.count()).select_from(Suppression)) == 1
    assert suppressed(transactions) == [(ADA, "complaint", "unwanted")]


# From SES to the row


@pytest.fixture
def prefix(ministack: str) -> str:
    name = new_id("t").replace("_", "")
    bus_sns_sqs.provision(name)
    return name


@pytest.fixture
def bus(prefix: str) -> Iterator[SnsSqsBus]:
    opened = SnsSqsBus(prefix)
    yield opened
    opened.close()


def test_a_bounce_that_ses_tells_of_reaches_the_row(
    prefix: str, bus: SnsSqsBus, sqlite_transactions: Transactions
) -> None:
    """By the emulator's mailbox simulator, which answers to SES v1 only."""
    sender, address = f"{prefix}@example.org", "bounce@simulator.amazonses.com"
    ses, sns = boto3.client("ses"), boto3.client("sns")
    ses.verify_email_identity(EmailAddress=sender)
    arn = sns.create_topic(Name=topic_name(prefix, MAIL_FEEDBACK))["TopicArn"]
    for kind in ("Bounce", "Complaint"):
        ses.set_identity_notification_topic(Identity=sender, NotificationType=kind, SnsTopic=arn)
    written_to(sqlite_transactions, address)
    service = build(
        transactions=sqlite_transactions,
        bus=bus,
        mailer=Recorder(),
        sender=sender,
        url="http://127.0.0.1",
        feedback=True,
    )
    running = threading.Thread(target=service.run)
    running.start()
    try:
        sns.publish(TopicArn=arn, Message="no message of SES")
        ses.send_email(
            Source=sender,
            Destination={"ToAddresses": [address]},
            Message={"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}},
        )
        end = time.monotonic() + 20
        while not (suppressed(sqlite_transactions) and bus.dead_letters(MAIL_FEEDBACK)):
            assert time.monotonic() < end, suppressed(sqlite_transactions)
            time.sleep(0.1)
    finally:
        service.stop()
        running.join(30)
        ses.close()
        sns.close()
    assert not running.is_alive()
    assert suppressed(sqlite_transactions) == [(address, "bounce", "smtp; 550 5.1.1 user unknown")]
    assert [letter.body for letter in bus.dead_letters(MAIL_FEEDBACK)] == ["no message of SES"]
    assert bus.depth(MAIL_FEEDBACK) == 0


@pytest.mark.parametrize("domain", ["{}.example", "{}"])
def test_what_ses_needs_is_made_and_made_again(
    prefix: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Any, domain: str
) -> None:
    for name, value in {
        "MAIL_URL": f"ses://{prefix}",
        "MAIL_FROM": f"toolyard@{domain.format(prefix)}",
        "BUS_URL": f"sns-sqs://{prefix}",
        "DATA": str(tmp_path),
    }.items():
        monkeypatch.setenv(f"TOOLYARD_{name}", value)
    for _ in range(2):
        assert admin.main(["provision"]) == 0
    settings = NotifierSettings.read(os.environ)
    settings.open_mailer().send(
        Mail("<mail_1@x>", settings.mail_from, "ada@example.org", "s", "t\n")
    )
    ses = boto3.client("sesv2")
    told = ses.get_configuration_set_event_destinations(ConfigurationSetName=prefix)
    ses.close()
    (destination,) = told["EventDestinations"]
    assert destination["SnsDestination"]["TopicArn"].endswith(f":{prefix}-mail-feedback")
    assert sorted(destination["MatchingEventTypes"]) == ["BOUNCE", "COMPLAINT"]


def test_only_ses_of_our_own_account_may_publish_feedback() -> None:
    arn = "arn:aws:sns:eu-west-1:123456789012:toolyard-mail-feedback"
    made: Any = bus_sns_sqs.feedback_policy(arn)
    (statement,) = made["Statement"]
    assert statement["Principal"] == {"Service": "ses.amazonaws.com"}
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}


@pytest.mark.parametrize(
    ("mail", "bus_url", "listens"),
    [
        ("ses://", "sns-sqs://toolyard", True),
        ("ses://set", "", False),
        ("smtp://localhost", "sns-sqs://toolyard", False),
        ("", "sns-sqs://toolyard", False),
    ],
)
def test_feedback_is_listened_for_where_it_can_come(mail: str, bus_url: str, listens: bool) -> None:
    environ = {"TOOLYARD_MAIL_URL": mail, "TOOLYARD_BUS_URL": bus_url}
    assert NotifierSettings.read(environ).mail_feedback is listens
