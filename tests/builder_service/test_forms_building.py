"""A real build's report carries the forms of what was built."""

import pytest

from shared.form import Form
from tests.builder_service.conftest import Bench

pytestmark = [pytest.mark.docker, pytest.mark.timeout(300)]

TOOL = """#!/bin/sh
case "$*" in
  "add --help") echo "usage: notes add [--tag TAG] TEXT" ;;
  *) printf 'usage: notes [-q] <command>\\n\\nCommands:\\n  add  add a note\\n  list  show them\\n' ;;
esac
"""
OTHER = '#!/bin/sh\necho "usage: count [-l] [FILE ...]"\n'
# All processes there may be, and all memory: others are asked in the same container.
BOMB = "#!/bin/sh\nfor n in $(seq 400); do sleep 60 & done\n"
HOG = "#!/bin/sh\nexec tail /dev/zero\n"


def test_the_report_has_a_form_for_each_command(bench: Bench) -> None:
    link = bench.repository("notes", {"notes*": TOOL, "bomb*": BOMB, "hog*": HOG, "count*": OTHER})
    report = bench.attempt(link).live()
    assert report.state == "succeeded", report.reason
    forms = {name: Form.model_validate(form) for name, form in report.forms.items()}
    assert set(forms) == {"notes", "count"}
    assert [one.names[0] for one in forms["count"].fields] == ["-l", "FILE"]
    add = forms["notes"].subcommands["add"]
    assert [one.names[0] for one in add.fields] == ["--tag", "TEXT"]
    again = bench.attempt(link).live()
    assert (again.reused, again.forms) == (True, report.forms)
