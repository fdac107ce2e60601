"""One named test for each bug of the original system that lay in web's use cases."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from shared.schema.accounts import Account
from shared.schema.tools import Image, Tool, Version
from tests import factories
from tests.web.conftest import WORKER_TOKEN, Made
from tests.web.worker_client import IDENTITY, Worker, build_report, make_app
from web import access, arguments, references, tokens
from web.add_tool import Added, NewTool, Source, add_tool
from web.ports import WebPorts
from web.refusals import Absent, Conflict
from web.request_run import RunRequest, request_run
from web.views import lookups


@pytest.fixture
def owner(made: Made) -> Account:
    account: Account = made(factories.account, "ann@example.org")
    return account


@pytest.fixture
def stranger(made: Made) -> Account:
    account: Account = made(factories.account)
    return account


Listed = Callable[..., dict[str, str]]
"""The tools that somebody is shown, each with the state of its newest version."""


@pytest.fixture
def listed(app: Flask, made: Made) -> Listed:
    """As API and page list them: both must say the same."""

    def ask(viewer: Account | None, *, mine: bool = False) -> dict[str, str]:
        headers = {}
        if viewer:
            _, secret = made(tokens.issue, viewer.id, name="test", days=1)
            headers["Authorization"] = f"Bearer {secret}"
        answer = app.test_client().get(
            "/api/v1/tools", query_string={"mine": mine}, headers=headers
        )
        told = {item["tool"]: item["newest_state"] for item in answer.json["items"]}
        parts = (True,) if mine else (True, False)
        rows = [
            row
            for part in parts
            for row in made(lookups.tools, viewer, "", mine=part, before=0, limit=50)
        ]
        assert {row.tool.name: row.version.state for row in rows} == told
        return told

    return ask


def test_unready_tools_are_not_listed(
    made: Made, listed: Listed, owner: Account, stranger: Account
) -> None:
    for name, state in (("building", "pending"), ("broken", "failed"), ("works", "ready")):
        made(factories.version, made(factories.tool, owner, name), state=state)
    assert listed(stranger) == listed(None) == {"works": "ready"}
    mine = {"broken": "failed", "building": "pending", "works": "ready"}
    assert listed(owner) == listed(owner, mine=True) == mine


def test_unready_tools_are_not_runnable(made: Made, owner: Account) -> None:
    broken = made(factories.tool, owner, "broken")
    version = made(factories.version, broken, state="failed", reason="No entry point was found.")
    with pytest.raises(
        Conflict, match=r"is not ready, its build failed: No entry point was found\."
    ):
        made(request_run, owner, broken, version, RunRequest())
    building = made(factories.tool, owner, "building")
    version = made(factories.version, building, state="pending")
    assert made(request_run, owner, building, version, RunRequest()).state == "waiting_build"
    stranger = made(factories.account, "stranger@example.org")
    with pytest.raises(Conflict, match="is being built"):
        made(request_run, stranger, building, version, RunRequest())


def test_a_link_in_double_quotes_is_a_command_line_not_json() -> None:
    assert arguments.parse('"http://www.google.com"') == ["http://www.google.com"]
    assert arguments.parse(' "a b" ') == ["a b"]
    assert arguments.parse('"http://www.google.com" -o "out file"') == [
        "http://www.google.com",
        "-o",
        "out file",
    ]


@pytest.mark.parametrize("blank", ["\r\n", "\t", "\u2003", "\u00a0", "\r\n\t\u2003\u00a0  "])
def test_json_indented_with_any_blank_is_json(blank: str) -> None:
    item = '"-O"' + blank + "," + blank + '" kept\u2003as it\u00a0is "'
    assert arguments.parse(f"{blank}[{blank}{item}{blank}]{blank}") == [
        "-O",
        " kept\u2003as it\u00a0is ",
    ]
    keyed = f'{{{blank}"0"{blank}:{blank}"-O",{blank}"1":{blank}"out.txt"{blank}}}{blank}'
    assert arguments.parse(keyed) == ["-O", "out.txt"]


def test_public_and_private_tools_can_be_created_and_private_ones_stay_private(
    made: Made, listed: Listed, owner: Account, stranger: Account
) -> None:
    link = Source("https://github.com/example/wc")
    public: Added = made(add_tool, owner, NewTool(link, name="open"))
    private: Added = made(add_tool, owner, NewTool(link, name="closed", private=True))
    assert (public.tool.private, private.tool.private) == (False, True)

    def finish(session: Any) -> None:
        for added in (public, private):
            session.get_one(Version, added.version.id).state = "ready"

    made(finish)
    assert listed(owner).keys() == {"closed", "open"}
    assert listed(stranger).keys() == listed(None).keys() == {"open"}
    for reference in (private.tool.id, "closed", "ann@example.org/closed"):
        assert made(references.find_tool, owner, reference).id == private.tool.id
        for viewer in (stranger, None):
            with pytest.raises(Absent):
                made(references.find_tool, viewer, reference)
    admin: Account = made(factories.account, admin=True)
    assert access.may_see_tool(admin, private.tool)


def test_what_was_built_is_registered_with_everything_a_run_needs(web_ports: WebPorts) -> None:
    with web_ports.transactions.begin() as session:
        owner = factories.account(session)
        added = add_tool(session, owner, NewTool(Source("https://github.com/example/wc")))
    worker = Worker(make_app(web_ports).test_client(), WORKER_TOKEN)
    held = worker.claim("build", added.build.id)
    assert held.finish(**build_report()).status_code == 204
    with web_ports.transactions.begin() as session:
        image = session.get_one(Image, IDENTITY)
        version = session.get_one(Version, added.version.id)
        tool = session.get_one(Tool, added.tool.id)
        run = request_run(session, owner, tool, version, RunRequest(line="-l"))
    assert (image.image, image.size) == (factories.IMAGE, 1000)
    assert (version.identity, version.image) == (IDENTITY, factories.IMAGE)
    assert [command["name"] for command in version.commands] == ["wc", "wc-lines"]  # type: ignore[index]
    assert worker.claim("run", run.id).given["image"] == factories.IMAGE
