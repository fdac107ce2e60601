"""Whether a person's mails arrive, in words that say what to do."""

from sqlalchemy.orm import Session

from shared import mail_address
from shared.schema.deliveries import Suppression


def sentence(session: Session, address: str) -> str:
    """Empty while mail is sent to this address."""
    found = session.get(Suppression, mail_address.key(address))
    if found is None:
        return ""
    if found.kind == "complaint":
        return (
            "You get no mail from us: one was marked as unwanted at your mail provider. If that was "
            "a slip, ask an administrator of this installation to let mail through again."
        )
    return (
        f"You get no mail from us: a mail to {address} came back ({found.reason}). Once the address "
        "takes mail again, ask an administrator of this installation to let mail through."
    )
