"""A version's forms: checked when a builder reports them, given with the tool, left out of lists."""

from flask.testing import FlaskClient

from shared.form import Field, Form
from shared.schema.accounts import Account
from shared.schema.runs import Output
from shared.schema.tools import Version
from tests import factories
from tests.web.conftest import WORKER_TOKEN, Person
from tests.web.worker_client import Worker, build_report
from web import tool_forms
from web.ports import WebPorts
from web.views import lookups

GOOD = Form(fields=(Field(kind="positional", names=("FILE",)),)).model_dump(mode="json")
BROKEN = {"fields": [{"kind": "flag", "names": ["no dashes"]}]}


def test_what_is_no_form_is_left_out() -> None:
    assert tool_forms.readable({"good": GOOD, "broken": BROKEN}) == {"good": GOOD}


def test_a_page_gets_every_value_written_out() -> None:
    version = Version(forms={"tool": {"fields": [{"kind": "positional", "names": ["FILE"]}]}})
    assert tool_forms.for_page(version) == {"tool": GOOD}
    assert tool_forms.for_page(Version(forms=None)) == {}


def test_a_builders_forms_come_with_the_tool(
    owner: Person, client: FlaskClient, web_ports: WebPorts
) -> None:
    with web_ports.transactions.begin() as session:
        account = session.get_one(Account, owner.id)
        tool = factories.tool(session, account, "wc")
        version = factories.version(session, tool, state="pending")
        build_id = factories.build(session, version, account).id
        tool_id = tool.id
    held = Worker(client, WORKER_TOKEN).claim("build", build_id)
    report = build_report(forms={"wc": GOOD, "wc-lines": BROKEN})
    assert held.finish(**report).status_code == 204
    shown = owner.get(f"/api/v1/tools/{tool_id}").json
    assert shown is not None
    assert shown["forms"] == {"wc": GOOD}
    listed = owner.get("/api/v1/tools").json
    assert listed is not None
    assert [one["forms"] for one in listed["items"]] == [{}]


def test_only_ones_own_outputs_are_offered(
    owner: Person, other: Person, web_ports: WebPorts
) -> None:
    with web_ports.transactions.begin() as session:
        account = session.get_one(Account, owner.id)
        version = factories.ready_tool(session, account, "wc")[1]
        run = factories.run(session, account, version, state="succeeded")
        for n, size in enumerate((10, 1000)):
            session.add(Output(run_id=run.id, n=n, path=f"{n}", size=size, sha256="", key=f"k{n}"))
        session.flush()
        stranger = session.get_one(Account, other.id)
        assert [one.path for one in lookups.recent_outputs(session, account, 100)] == ["0"]
        assert lookups.recent_outputs(session, stranger, 10_000) == []
