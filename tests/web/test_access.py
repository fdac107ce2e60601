"""Who may do what with tools and files; and lists, read page by page and searched."""

from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from shared.schema.accounts import Account
from shared.schema.runs import Run
from tests import factories
from tests.web.conftest import Made, Person
from web import access


@pytest.mark.parametrize(
    ("who", "private", "see", "run", "edit"),
    [
        ("owner", False, True, True, True),
        ("owner", True, True, True, True),
        ("other", False, True, True, False),
        ("other", True, False, False, False),
        ("admin", False, True, True, True),
        ("admin", True, True, True, True),
        ("nobody", False, True, False, False),
        ("nobody", True, False, False, False),
        ("disabled owner", True, False, False, False),
        ("disabled admin", True, False, False, False),
    ],
)
def test_who_may_do_what_with_a_tool(
    made: Made, who: str, private: bool, see: bool, run: bool, edit: bool
) -> None:
    owner = made(factories.account, disabled=who == "disabled owner")
    tool = made(factories.tool, owner, private=private)
    viewer = {
        "other": made(factories.account),
        "admin": made(factories.account, admin=True),
        "disabled admin": made(factories.account, admin=True, disabled=True),
        "nobody": None,
    }.get(who, owner)
    assert access.may_see_tool(viewer, tool) == see
    assert access.may_run_tool(viewer, tool) == run
    assert access.may_edit_tool(viewer, tool) == edit
    tool.deleted_at = 1
    assert not access.may_see_tool(viewer, tool)
    assert not access.may_edit_tool(viewer, tool)


def test_files_are_used_only_by_who_uploaded_them(made: Made, person: Account) -> None:
    file = made(factories.file, person)
    admin = made(factories.account, admin=True)
    assert access.may_use_file(person, file)
    assert not access.may_use_file(admin, file)
    assert not access.may_use_file(None, file)


@pytest.fixture
def account(owner: Person, made: Made) -> Account:
    return made(lambda session: session.get_one(Account, owner.id))  # type: ignore[no-any-return]


def names(answer: Any) -> list[str]:
    return [item["tool"] for item in answer.json["items"]]


def test_runs_of_one_moment_are_read_page_by_page_without_gap_or_repetition(
    made: Made, owner: Person, account: Account
) -> None:
    _, version = made(factories.ready_tool, account)
    runs = [made(factories.run, account, version).id for _ in range(7)]
    made(lambda session: session.execute(update(Run).values(created_at=5)))
    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        query = {"limit": 3, **({"cursor": cursor} if cursor else {})}
        page = owner.get("/api/v1/runs", query_string=query).json
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
    assert seen == sorted(runs, reverse=True)


def test_runs_are_found_by_tool_and_state(made: Made, owner: Person, account: Account) -> None:
    (first, one), (_, two) = (made(factories.ready_tool, account) for _ in range(2))
    made(factories.run, account, one)
    done = made(factories.run, account, one, state="succeeded")
    made(factories.run, account, two)
    assert len(owner.get(f"/api/v1/runs?tool={first.id}").json["items"]) == 2
    found = owner.get(f"/api/v1/runs?tool={first.id}&state=succeeded").json["items"]
    assert [item["id"] for item in found] == [done.id]
    refused = owner.get("/api/v1/runs?state=dancing")
    assert refused.status_code == 422
    assert refused.json["error"]["message"].startswith("There is no state 'dancing'; known are ")


def test_tools_are_searched_by_name_and_description_literally(
    made: Made, client: FlaskClient, account: Account
) -> None:
    for name in ("cowsay", "word-count", "100_percent"):
        made(factories.ready_tool, account, name)
    assert names(client.get("/api/v1/tools?q=COW")) == ["cowsay"]
    assert names(client.get("/api/v1/tools?q=0_p")) == ["100_percent"]
    assert names(client.get("/api/v1/tools?q=%25")) == []


def test_a_tool_is_listed_as_its_ready_version_with_its_newest(
    made: Made, owner: Person, account: Account
) -> None:
    tool, _ = made(factories.ready_tool, account)
    made(factories.version, tool, number=2, state="failed")
    (item,) = owner.get("/api/v1/tools").json["items"]
    assert (item["version"], item["newest"], item["newest_state"]) == (1, 2, "failed")
