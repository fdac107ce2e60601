"""What notifier is told by the environment."""

from pydantic import Field

from shared.settings import Settings


class NotifierSettings(Settings):
    """`TOOLYARD_MAIL_FROM`: the address our mails come from."""

    mail_from: str = Field(default="toolyard@localhost", pattern=r"^[^@\s]+@[^@\s]+$")
