"""What notifier is told by the environment."""

from pydantic import Field, SecretStr, field_validator

from notifier import mailer_open
from notifier.mailer import Mailer
from shared.settings import Settings


class NotifierSettings(Settings):
    """`TOOLYARD_MAIL_…`: where mails go and whom they come from."""

    mail_from: str = Field(default="toolyard@localhost", pattern=r"^[^@\s]+@[^@\s]+$")
    """The address our mails come from."""
    mail_url: SecretStr = SecretStr("")
    """`smtp://…`, `smtps://…` or `ses://[CONFIGURATION-SET]`. Empty: `.eml` files in the data folder."""
    mail_password: str = "mail-password"  # noqa: S105
    """The name of the secret that is the mail server's password, where the address has only a user."""

    def open_mailer(self) -> Mailer:
        """Where these settings send mails."""
        return mailer_open.open_mailer(
            self.mail_url.get_secret_value(),
            self.data,
            lambda: self.given_secret(self.mail_password),
        )

    @property
    def mail_feedback(self) -> bool:
        """Whether bounces and complaints come back: from SES, by a bus that SES can publish to."""
        known = mailer_open.has_feedback(self.mail_url.get_secret_value())
        return known and self.bus_url.startswith("sns-sqs:")

    @field_validator("mail_url")
    @classmethod
    def _known_way(cls, value: SecretStr) -> SecretStr:
        mailer_open.parse(value.get_secret_value())
        return value
