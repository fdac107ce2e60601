"""A form that contradicts itself is refused, whoever wrote it."""

import pytest
from pydantic import ValidationError

from shared.form import LEVELS, Field, Form

FLAG = {"kind": "flag", "type": "flag", "names": ["-x"], "least": 0, "most": 0}
OPTION = {"kind": "option", "names": ["--out"]}


@pytest.mark.parametrize(
    ("field", "says"),
    [
        ({"kind": "option", "names": ["out"]}, "begin with '-'"),
        ({"kind": "positional", "names": ["--out"]}, "begin with '-'"),
        ({"kind": "positional", "names": ["A", "B"]}, "one name"),
        ({"kind": "positional", "names": ["A"], "repeatable": True}, "most: null"),
        ({**FLAG, "type": "text"}, "of type flag"),
        ({**OPTION, "type": "flag"}, "of type flag"),
        ({**FLAG, "most": 1}, "no values"),
        ({**OPTION, "least": 3, "most": 2}, "below least"),
        ({**OPTION, "most": 0}, "below least"),
        ({**OPTION, "off": "--no-out"}, "turned off"),
        ({**FLAG, "off": "-x"}, "turned off"),
        ({**OPTION, "type": "choice"}, "choices belong"),
        ({**OPTION, "choices": ["a"]}, "choices belong"),
        ({**OPTION, "names": ["--a b"]}, "pattern"),
        ({**OPTION, "colour": "red"}, "not permitted"),
    ],
)
def test_a_field_that_contradicts_itself_is_refused(field: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Field.model_validate(field)


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({"fields": [OPTION, {**OPTION, "names": ["-o", "--out"]}]}, "stands twice"),
        ({"fields": [{**OPTION, "group": "Output"}]}, "not among the groups"),
        ({"subcommands": {"-a": {}}}, "does not begin"),
        ({"aliases": {"rm": "remove"}}, "names no subcommand"),
    ],
)
def test_a_form_that_contradicts_itself_is_refused(form: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Form.model_validate(form)


def test_subcommands_end_at_two_levels() -> None:
    form = Form()
    for _ in range(LEVELS):
        form = Form(subcommands={"deeper": form})
    with pytest.raises(ValidationError, match="levels deep"):
        Form(subcommands={"deeper": form})
