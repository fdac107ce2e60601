"""The forms of a version's commands: what a builder reported is checked, and shown to pages and clients."""

from collections.abc import Mapping

import structlog
from pydantic import ValidationError

from shared.form import Form
from shared.plan import JsonForm
from shared.schema.tools import Version

MOST = 50

_log = structlog.get_logger(__name__)


def readable(reported: Mapping[str, JsonForm]) -> dict[str, object]:
    """Only what is a form; a builder's mistake costs the fields, not the tool."""
    kept: dict[str, object] = {}
    for name, form in list(reported.items())[:MOST]:
        try:
            Form.model_validate(form)
        except ValidationError as error:
            _log.warning("form.refused", command=name[:200], errors=error.error_count())
        else:
            kept[name] = form
    return kept


def forms_of(version: Version) -> dict[str, Form]:
    """By command name, as they were kept."""
    return {name: Form.model_validate(form) for name, form in (version.forms or {}).items()}


def for_page(version: Version) -> dict[str, object]:
    """The same with all values written out, as the page's scripts read them."""
    return {name: form.model_dump(mode="json") for name, form in forms_of(version).items()}
