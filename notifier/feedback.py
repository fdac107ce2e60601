"""What SES tells of mails that bounced or that somebody complained about; pure.

Both of SES's shapes are read: notifications of an identity (`notificationType`) and events of a
configuration set (`eventType`).
"""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

_DETAIL = 300
_GREETING = "Successfully validated SNS topic"
"""What SES says, as plain text, when a destination is made."""


class Malformed(Exception):
    """No message of SES; it can never be handled."""


class _Told(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class _Bounced(_Told):
    email_address: str = Field(min_length=3, max_length=320)
    diagnostic_code: str = ""


class _Bounce(_Told):
    bounce_type: str
    bounce_sub_type: str = ""
    bounced_recipients: Annotated[list[_Bounced], Field(max_length=100)]
    feedback_id: str = Field(min_length=1, max_length=200)


class _Complained(_Told):
    email_address: str = Field(min_length=3, max_length=320)


class _Complaint(_Told):
    complained_recipients: Annotated[list[_Complained], Field(max_length=100)]
    feedback_id: str = Field(min_length=1, max_length=200)


class _Message(_Told):
    notification_type: str = ""
    event_type: str = ""
    bounce: _Bounce | None = None
    complaint: _Complaint | None = None


class Feedback(BaseModel, frozen=True):
    """Addresses that take no more mail of ours, and why; `id` is the same when it is told again."""

    id: str
    kind: Literal["bounce", "complaint"]
    addresses: tuple[str, ...]
    reason: str


def read(body: str) -> Feedback | None:
    """What must follow; None for news without consequences (a delivery, a full mailbox); raises `Malformed`."""
    if body.startswith(_GREETING):
        return None
    try:
        message = _Message.model_validate_json(body)
    except ValidationError as error:
        raise Malformed(f"{error.error_count()} faults") from error
    kind = message.notification_type or message.event_type
    if not kind:
        raise Malformed("neither notificationType nor eventType")
    if kind == "Bounce":
        if message.bounce is None:
            raise Malformed("a bounce that tells nothing")
        return _of_bounce(message.bounce)
    if kind == "Complaint":
        if message.complaint is None:
            raise Malformed("a complaint that tells nothing")
        return _of_complaint(message.complaint)
    return None


def _of_bounce(bounce: _Bounce) -> Feedback | None:
    if bounce.bounce_type != "Permanent":
        return None  # a full mailbox, a server that is away: the next mail may arrive
    said = next(
        (one.diagnostic_code for one in bounce.bounced_recipients if one.diagnostic_code), ""
    )
    return Feedback(
        id=bounce.feedback_id,
        kind="bounce",
        addresses=tuple(one.email_address.lower() for one in bounce.bounced_recipients),
        reason=said[:_DETAIL] or f"permanent bounce ({bounce.bounce_sub_type or 'General'})",
    )


def _of_complaint(complaint: _Complaint) -> Feedback:
    return Feedback(
        id=complaint.feedback_id,
        kind="complaint",
        addresses=tuple(one.email_address.lower() for one in complaint.complained_recipients),
        reason="a mail of ours was marked as unwanted",
    )
