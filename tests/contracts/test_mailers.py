"""What holds for every mailer: files, SMTP and SES; and what only one of them can promise."""

import base64
import contextlib
import email
import email.policy
import json
import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import boto3
import httpx
import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword
from botocore.exceptions import ClientError

from cli.servers import free_port
from notifier import mailer_open
from notifier.mail_message import BadMail, address_of
from notifier.mailer import AddressRefused, Mail, Mailer
from notifier.mailer_files import FileMailer
from notifier.mailer_ses import SesMailer
from notifier.mailer_smtp import NotEncrypted, Server, SmtpMailer
from shared import iam as iam_policies
from shared import mail_permissions
from shared.ids import new_id
from tests.certificates import Certificate

MAIL = Mail(
    message_id="<mail_1@example.org>",
    sender="toolyard@example.org",
    recipient="ada@example.org",
    subject="Größe: finished, exit 0",
    text="Ergebnis: ≥ 3\n.\nline after a dot\n",
)


@dataclass
class Inbox:
    """An SMTP server's hands."""

    envelopes: list[Envelope] = field(default_factory=list)
    encrypted: list[bool] = field(default_factory=list)
    refusal: str = ""

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: Any, session: Any, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.refusal:
            return self.refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: Any, session: Any, envelope: Envelope) -> str:  # noqa: N802
        self.envelopes.append(envelope)
        self.encrypted.append(server.transport.get_extra_info("sslcontext") is not None)
        return "250 taken"

    def messages(self) -> list[EmailMessage]:
        return [parsed(e.original_content or b"") for e in self.envelopes]


def parsed(data: bytes) -> EmailMessage:
    found = email.message_from_bytes(data, policy=email.policy.default)
    assert isinstance(found, EmailMessage)
    return found


def serve(inbox: Inbox, **options: Any) -> Controller:
    controller = Controller(inbox, hostname="127.0.0.1", port=free_port(), **options)
    controller.start()
    return controller


def port_of(controller: Controller) -> int:
    return int(controller.port)


@dataclass
class Under:
    """A mailer under test, and what has arrived."""

    mailer: Mailer
    arrived: Callable[[], list[EmailMessage]]
    keeps_our_id: bool = True


@pytest.fixture(params=["files", "smtp", "ses"])
def under(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Under]:
    if request.param == "files":
        yield Under(
            FileMailer(tmp_path), lambda: [parsed(p.read_bytes()) for p in tmp_path.glob("*.eml")]
        )
    elif request.param == "smtp":
        inbox = Inbox()
        controller = serve(inbox)
        yield Under(SmtpMailer(Server("127.0.0.1", port_of(controller))), inbox.messages)
        controller.stop()
    else:
        request.getfixturevalue("ministack")
        verify(MAIL.sender, MAIL.recipient)
        mailer = SesMailer()
        yield Under(mailer, Wire(mailer).messages, keeps_our_id=False)


def verify(*identities: str) -> None:
    ses = boto3.client("sesv2")
    for identity in identities:
        with contextlib.suppress(ses.exceptions.AlreadyExistsException):
            ses.create_email_identity(EmailIdentity=identity)
    ses.close()


class Wire:
    """What a mailer has sent to SES and SES has taken: the emulator keeps no headers."""

    def __init__(self, mailer: SesMailer) -> None:
        self._bodies: list[dict[str, Any]] = []
        self.taken: list[dict[str, Any]] = []
        events = mailer._ses.meta.events
        events.register("before-send.sesv2.SendEmail", self._sending)
        events.register("after-call.sesv2.SendEmail", self._answered)

    def _sending(self, request: Any, **_: Any) -> None:
        self._bodies.append(json.loads(request.body))

    def _answered(self, http_response: Any, **_: Any) -> None:
        body = self._bodies.pop()
        if http_response.status_code == 200:
            self.taken.append(body)

    def messages(self) -> list[EmailMessage]:
        return [parsed(base64.b64decode(b["Content"]["Raw"]["Data"])) for b in self.taken]


# All


def test_a_mail_arrives_as_it_was_written(under: Under) -> None:
    under.mailer.send(MAIL)
    (message,) = under.arrived()
    assert message["From"] == MAIL.sender
    assert message["To"] == MAIL.recipient
    assert message["Subject"] == MAIL.subject
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Toolyard-Delivery"] == "mail_1@example.org"
    assert message.get_content().replace("\r\n", "\n") == MAIL.text


def test_a_repeat_can_be_recognised(under: Under) -> None:
    under.mailer.send(MAIL)
    under.mailer.send(MAIL)
    arrived = under.arrived()
    assert {m["X-Toolyard-Delivery"] for m in arrived} == {"mail_1@example.org"}
    if under.keeps_our_id:
        assert {m["Message-ID"] for m in arrived} == {MAIL.message_id}


@pytest.mark.parametrize(
    "changes",
    [
        {"subject": "done\r\nBcc: eve@example.org"},
        {"subject": "done\nX: y"},
        {"subject": "done\x00"},
        {"recipient": "ada@example.org\r\nBcc: eve@example.org"},
        {"recipient": "ada@example.org, eve@example.org"},
        {"recipient": "ada@example.org> NOTIFY=NEVER"},
        {"recipient": "Ada <ada@example.org>"},
        {"recipient": ""},
        {"recipient": "a" * 250 + "@example.org"},
        {"sender": "toolyard@example.org\nX: y"},
        {"message_id": "<mail_1@example.org>\r\nX: y"},
    ],
)
def test_whatever_would_become_a_header_or_a_recipient_is_refused(
    under: Under, changes: dict[str, str]
) -> None:
    with pytest.raises(BadMail):
        under.mailer.send(Mail(**(vars(MAIL) | changes)))
    assert under.arrived() == []


@pytest.mark.parametrize(
    ("address", "taken"),
    [("ada@müller.example", "ada@xn--mller-kva.example"), ("ada@example.org", "ada@example.org")],
)
def test_a_domain_of_other_letters_is_written_as_servers_take_it(address: str, taken: str) -> None:
    assert address_of(address) == taken
    with pytest.raises(BadMail, match="letters that mail servers do not take"):
        address_of("adä@example.org")


def test_mail_goes_to_a_domain_of_other_letters(tmp_path: Path) -> None:
    inbox = Inbox()
    controller = serve(inbox)
    try:
        mail = Mail(**(vars(MAIL) | {"recipient": "ada@müller.example"}))
        SmtpMailer(Server("127.0.0.1", port_of(controller))).send(mail)
    finally:
        controller.stop()
    assert inbox.envelopes[0].rcpt_tos == ["ada@xn--mller-kva.example"]


# SMTP


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Certificate:
    return Certificate(tmp_path_factory.mktemp("tls"))


def judge(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
    known = isinstance(data, LoginPassword) and (data.login, data.password) == (b"me", b"p@ss word")
    return AuthResult(success=known, handled=known)


def test_the_password_travels_only_after_starttls(inbox: Inbox, certificate: Certificate) -> None:
    controller = serve(
        inbox,
        tls_context=certificate.server(),
        require_starttls=True,
        auth_required=True,
        auth_require_tls=True,
        authenticator=judge,
    )
    try:
        port = port_of(controller)
        server = Server("127.0.0.1", port, user="me", password="p@ss word")
        SmtpMailer(server, context=certificate.client()).send(MAIL)
        assert inbox.encrypted == [True]

        wrong = Server("127.0.0.1", port, user="me", password="other")
        with pytest.raises(smtplib.SMTPAuthenticationError):
            SmtpMailer(wrong, context=certificate.client()).send(MAIL)
        with pytest.raises(ssl.SSLCertVerificationError):
            SmtpMailer(server).send(MAIL)
        assert len(inbox.envelopes) == 1
    finally:
        controller.stop()


def test_smtps_is_encrypted_from_the_first_byte(inbox: Inbox, certificate: Certificate) -> None:
    controller = serve(inbox, ssl_context=certificate.server())
    try:
        server = Server("127.0.0.1", port_of(controller), tls=True)
        SmtpMailer(server, context=certificate.client()).send(MAIL)
        assert len(inbox.envelopes) == 1
        with pytest.raises(ssl.SSLCertVerificationError):
            SmtpMailer(server).send(MAIL)
    finally:
        controller.stop()


class Elsewhere(Server):
    """This host, told to be another one."""

    @property
    def is_here(self) -> bool:
        return False


def test_a_server_elsewhere_that_does_not_encrypt_is_told_nothing(inbox: Inbox) -> None:
    controller = serve(inbox)
    try:
        server = Elsewhere("127.0.0.1", port_of(controller), user="me", password="secret")
        with pytest.raises(NotEncrypted, match="offers no STARTTLS"):
            SmtpMailer(server).send(MAIL)
        assert inbox.envelopes == []
        assert not Server("mail.example.org", 25).is_here
        assert Server("::1", 25).is_here
    finally:
        controller.stop()


@pytest.mark.parametrize(
    ("refusal", "error"),
    [
        ("550 5.1.1 no such user", AddressRefused),
        ("550 5.7.1 relaying denied", smtplib.SMTPRecipientsRefused),
        ("550 mailbox unavailable", smtplib.SMTPRecipientsRefused),
        ("450 4.2.1 try again later", smtplib.SMTPRecipientsRefused),
    ],
)
def test_only_a_refusal_of_the_address_itself_is_for_good(
    inbox: Inbox, refusal: str, error: type[Exception]
) -> None:
    inbox.refusal = refusal
    controller = serve(inbox)
    try:
        with pytest.raises(error):
            SmtpMailer(Server("127.0.0.1", port_of(controller))).send(MAIL)
    finally:
        controller.stop()


def test_a_server_that_says_nothing_is_not_waited_for_for_ever() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        server = Server("127.0.0.1", silent.getsockname()[1])
        with pytest.raises((TimeoutError, smtplib.SMTPServerDisconnected), match="timed out"):
            SmtpMailer(server, timeout=0.2).send(MAIL)


def test_the_password_is_not_shown() -> None:
    assert "secret" not in repr(Server("h", 1, user="u", password="secret"))


# SES


def test_ses_is_told_from_whom_to_whom_under_which_set(ministack: str) -> None:
    verify(MAIL.sender, MAIL.recipient)
    mailer = SesMailer("bounces")
    wire = Wire(mailer)
    mailer.send(MAIL)

    (sent,) = wire.taken
    assert sent["ConfigurationSetName"] == "bounces"
    assert sent["Destination"] == {"ToAddresses": [MAIL.recipient]}
    assert sent["EmailTags"] == [{"Name": "toolyard-delivery", "Value": "mail_1"}]
    kept = httpx.get(ministack + "/_ministack/ses/messages", trust_env=False).json()["messages"]
    last = kept["000000000000"][-1]
    assert (last["Source"], last["To"]) == (MAIL.sender, [MAIL.recipient])
    with pytest.raises(ClientError, match="not verified"):
        mailer.send(Mail(**(vars(MAIL) | {"sender": "nobody@unknown.example"})))


@pytest.mark.parametrize(
    ("actions", "sent"), [(mail_permissions.SEND, 1), (("ses:GetAccount",), 0)]
)
def test_ses_asks_for_the_right_to_send(
    ministack: str, monkeypatch: pytest.MonkeyPatch, actions: tuple[str, ...], sent: int
) -> None:
    """The emulator tells raw mails no identity apart: that the right is for ours alone is AWS's to show."""
    verify(MAIL.sender, MAIL.recipient)
    iam = boto3.client("iam")
    name = new_id("user")
    iam.create_user(UserName=name)
    document = iam_policies.policy(iam_policies.allow("Mails", actions, ["*"]))
    iam.put_user_policy(UserName=name, PolicyName="only", PolicyDocument=json.dumps(document))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    iam.close()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])
    mailer = SesMailer()
    wire = Wire(mailer)
    with contextlib.nullcontext() if sent else pytest.raises(ClientError, match="not authorized"):
        mailer.send(MAIL)
    assert len(wire.taken) == sent


def test_the_right_to_send_names_our_domain_and_set() -> None:
    made: Any = mail_permissions.sender("example.org", "set", region="eu-west-1", account="1")
    (statement,) = made["Statement"]
    assert statement["Resource"] == [
        "arn:aws:ses:eu-west-1:1:identity/example.org",
        "arn:aws:ses:eu-west-1:1:configuration-set/set",
    ]


def test_moto_agrees_on_ses(moto: str) -> None:
    ses = boto3.client("sesv2")
    ses.create_email_identity(EmailIdentity=MAIL.sender)
    SesMailer().send(MAIL)
    with pytest.raises(ClientError):
        SesMailer().send(Mail(**(vars(MAIL) | {"sender": "nobody@unknown.example"})))
    ses.close()


# Addresses


def test_an_address_says_which_mailer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def password() -> str:
        return "from the store"

    assert isinstance(mailer_open.open_mailer("", tmp_path, password), FileMailer)
    assert isinstance(mailer_open.open_mailer("smtp://localhost", tmp_path, password), SmtpMailer)
    assert mailer_open.parse("smtp://mail.example.org") == mailer_open.Smtp(
        "mail.example.org", 587, False, "", ""
    )
    assert mailer_open.parse("smtps://a%40b:p%3Aq@mail.example.org:1465") == mailer_open.Smtp(
        "mail.example.org", 1465, True, "a@b", "p:q"
    )
    assert mailer_open.parse("ses://bounces") == "bounces"
    assert mailer_open.has_feedback("ses://")
    assert not mailer_open.has_feedback("smtp://localhost")


def test_a_user_without_a_password_gets_it_from_the_store(tmp_path: Path) -> None:
    asked: list[str] = []

    def password() -> str:
        asked.append("asked")
        return "from the store"

    mailer_open.open_mailer("smtp://me:known@localhost", tmp_path, password)
    mailer_open.open_mailer("smtp://localhost", tmp_path, password)
    assert asked == []
    mailer_open.open_mailer("smtp://me@localhost", tmp_path, password)
    assert asked == ["asked"]


@pytest.mark.parametrize(
    "url",
    ["mail.example.org", "smtp://", "smtp://h:x", "imap://h", "ses://a/b", "smtp://u:hush@/x"],
)
def test_an_address_that_is_none_is_refused_without_showing_it(url: str) -> None:
    with pytest.raises(ValueError, match=r"smtp://.*ses://") as refusal:
        mailer_open.parse(url)
    assert "hush" not in str(refusal.value)
