"""Adding, editing, building again and naming tools."""

import threading
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from shared.db import Transactions
from shared.events import BuildRequested, decode
from shared.plan import Network
from shared.schema.accounts import Account
from shared.schema.messages import Outbox
from shared.schema.tools import Build, Tool, Version
from shared.work import KeptImage
from tests import factories
from tests.web.conftest import Made
from web import images, references, tool_names
from web.add_tool import Added, NewTool, Source, add_tool
from web.edit_tool import ToolChanges, build_again, delete_tool, edit_tool
from web.images import Candidate
from web.limits import PlanLimits
from web.refusals import Absent, Conflict, Forbidden, Invalid, TooMany
from web.request_run import RunRequest, request_run

LINK = "https://github.com/example/wc"


@pytest.fixture
def person(made: Made) -> Account:
    account: Account = made(factories.account, "ann@example.org")
    return account


def add(made: Made, by: Account, link: str = LINK, **fields: Any) -> Added:
    source = {name: fields.pop(name) for name in ("ref", "folder", "command") if name in fields}
    added: Added = made(add_tool, by, NewTool(source=Source(link, **source), **fields))
    return added


def change(made: Made, by: Account, tool: Tool, **changes: Any) -> Added | None:
    def edit(session: Any) -> Added | None:
        return edit_tool(session, by, session.get_one(Tool, tool.id), ToolChanges(**changes))

    result: Added | None = made(edit)
    return result


def versions(transactions: Transactions, tool: Tool) -> list[Version]:
    with transactions.read() as session:
        return list(
            session.scalars(
                select(Version).where(Version.tool_id == tool.id).order_by(Version.number)
            )
        )


def test_only_the_link_is_required(transactions: Transactions, made: Made, person: Account) -> None:
    added = add(made, person)
    assert (added.tool.name, added.tool.private) == ("wc", False)
    assert (added.version.number, added.version.state, added.version.link) == (1, "pending", LINK)
    with transactions.read() as session:
        events = [decode(body) for body in session.scalars(select(Outbox.body))]
    assert [e.build_id for e in events if isinstance(e, BuildRequested)] == [added.build.id]


def test_names_are_made_from_the_link_and_unique_in_the_account(
    made: Made, person: Account
) -> None:
    names = [add(made, person).tool.name for _ in range(3)]
    assert names == ["wc", "wc-2", "wc-3"]
    stranger: Account = made(factories.account)
    assert add(made, stranger).tool.name == "wc"


def test_two_additions_at_once_get_two_names(
    transactions: Transactions, made: Made, person: Account
) -> None:
    threads = [threading.Thread(target=add, args=(made, person)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with transactions.read() as session:
        assert set(session.scalars(select(Tool.name))) == {"wc", "wc-2", "wc-3", "wc-4"}


@pytest.mark.parametrize(
    ("last_part", "name"),
    [
        ("wc", "wc"),
        ("a b", "a-b"),
        (".wc.", "wc"),
        ("ü", "tool"),
        ("x" * 99, "x" * 64),
        ("--", "tool"),
    ],
)
def test_any_repository_gives_a_name_that_can_be_typed(last_part: str, name: str) -> None:
    assert tool_names.from_link(last_part) == name
    assert tool_names.check(name) == name


def test_a_link_into_a_branch_and_folder_is_understood(made: Made, person: Account) -> None:
    added = add(made, person, LINK + "/tree/dev/tools/count")
    assert added.version.link == LINK
    assert (added.version.ref, added.version.folder) == ("dev", "tools/count")
    by_hand = add(made, person, LINK + "/tree/dev/tools", ref="v1", folder="other")
    assert (by_hand.version.ref, by_hand.version.folder) == ("v1", "other")


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"link": "hello"}, "not a link to a Git repository"),
        ({"link": "file:///etc"}, "only https links"),
        ({"link": "https://u:p@github.com/a/b"}, "Take the user name or password out"),
        ({"link": "https://10.0.0.1/a/b"}, "private"),
        ({"link": "http://example.org/a/b"}, "must begin with https"),
        ({"ref": "a b"}, "ref is not a branch"),
        ({"folder": "../x"}, "folder must lie inside"),
        ({"name": "a b"}, "letters, digits"),
    ],
)
def test_bad_links_are_refused_with_a_sentence(
    transactions: Transactions, made: Made, person: Account, fields: dict[str, Any], says: str
) -> None:
    with pytest.raises(Invalid, match=says):
        add(made, person, **fields)
    with transactions.read() as session:
        assert session.scalar(select(func.count()).select_from(Tool)) == 0


def test_operators_may_allow_internal_hosts(made: Made, person: Account) -> None:
    wanted = NewTool(source=Source("http://10.0.0.1:3000/a/b"))
    added: Added = made(add_tool, person, wanted, allowed_hosts=["10.0.0.1:3000"])
    assert added.version.link == "http://10.0.0.1:3000/a/b"


def test_too_many_unfinished_builds_are_refused(made: Made, person: Account) -> None:
    plans = {"free": PlanLimits(queued_builds=1)}
    made(add_tool, person, NewTool(source=Source(LINK)), plans=plans)
    with pytest.raises(TooMany, match="1 unfinished builds"):
        made(add_tool, person, NewTool(source=Source(LINK)), plans=plans)


# Editing


def test_name_description_and_privacy_change_at_once_without_a_build(
    transactions: Transactions, made: Made, person: Account
) -> None:
    tool = add(made, person).tool
    assert change(made, person, tool, name="count", description=" Counts ", private=True) is None
    with transactions.read() as session:
        after = session.get_one(Tool, tool.id)
    assert (after.name, after.description, after.private) == ("count", "Counts", True)
    assert len(versions(transactions, tool)) == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"link": "https://github.com/example/other"},
        {"ref": "v2"},
        {"folder": "tools"},
        {"runtime": "node"},
        {"command": "wc-lines"},
    ],
)
def test_a_changed_source_makes_a_new_version_and_the_old_one_stays(
    transactions: Transactions, made: Made, person: Account, changes: dict[str, Any]
) -> None:
    tool = add(made, person, description="x").tool
    added = change(made, person, tool, **changes)
    assert added is not None
    first, second = versions(transactions, tool)
    assert (second.number, second.state, added.build.version_id) == (2, "pending", second.id)
    assert {name: getattr(second, name) for name in changes} == changes
    assert first.link == LINK


def test_an_edit_that_changes_nothing_builds_nothing(
    transactions: Transactions, made: Made, person: Account
) -> None:
    tool = add(made, person, ref="v1").tool
    assert change(made, person, tool, link=LINK, ref="v1", name=tool.name) is None
    assert len(versions(transactions, tool)) == 1


def test_the_network_holds_for_all_versions_at_once(
    transactions: Transactions, made: Made, person: Account
) -> None:
    tool = add(made, person).tool
    change(made, person, tool, ref="v2", network=Network(mode="internet"))
    assert [v.network and v.network["mode"] for v in versions(transactions, tool)] == [
        "internet"
    ] * 2
    change(made, person, tool, network=None)
    assert [v.network for v in versions(transactions, tool)] == [None, None]


def test_a_taken_name_is_refused(made: Made, person: Account) -> None:
    add(made, person, name="one")
    two = add(made, person, name="two").tool
    with pytest.raises(Conflict, match="You have a tool called one already"):
        change(made, person, two, name="one")
    with pytest.raises(Conflict):
        add(made, person, name="one")


def test_only_owner_and_administrator_edit(made: Made, person: Account) -> None:
    tool, private = add(made, person).tool, add(made, person, private=True).tool
    stranger: Account = made(factories.account)
    with pytest.raises(Forbidden):
        change(made, stranger, tool, name="mine")
    with pytest.raises(Absent):
        change(made, stranger, private, name="mine")
    admin: Account = made(factories.account, admin=True)
    change(made, admin, tool, name="renamed")


def test_a_deleted_tool_is_gone_and_its_name_is_free(made: Made, person: Account) -> None:
    tool = add(made, person).tool
    stranger: Account = made(factories.account)

    def delete(session: Any, by: Account) -> None:
        delete_tool(session, by, session.get_one(Tool, tool.id))

    with pytest.raises(Forbidden):
        made(delete, stranger)
    made(delete, person)
    with pytest.raises(Absent):
        made(references.find_tool, person, tool.id)
    assert add(made, person).tool.name == "wc"


def test_a_failed_version_is_built_again_and_only_once_at_a_time(
    transactions: Transactions, made: Made, person: Account
) -> None:
    tool = made(factories.tool, person)
    failed = made(factories.version, tool, state="failed", reason="x")

    def again(session: Any) -> Build:
        return build_again(session, person, tool, session.get_one(Version, failed.id))

    first: Build = made(again)
    assert made(again).id == first.id
    assert [(v.state, v.reason) for v in versions(transactions, tool)] == [("pending", "")]
    ready = made(factories.version, tool, number=2)
    with pytest.raises(Conflict, match="is ready"):
        made(build_again, person, tool, ready)


# References


@pytest.fixture
def three(made: Made, person: Account) -> Tool:
    """Version 1 ready, 2 ready with another commit, 3 failed."""

    def make(session: Any) -> Tool:
        tool = factories.tool(session, person, "wc")
        factories.version(session, tool)
        second = factories.version(session, tool, number=2)
        second.commit = "fedcba98" * 5
        factories.version(session, tool, number=3, state="failed")
        return tool

    tool: Tool = made(make)
    return tool


def named(session: Session, viewer: Account | None, reference: str) -> tuple[Tool, Version]:
    """As the API takes `TOOL[@VERSION]`."""
    name, wanted = references.split(reference)
    tool = references.find_tool(session, viewer, name)
    return tool, references.version_of(session, tool, wanted)


@pytest.mark.parametrize(
    ("version", "number"),
    [("", 2), ("@1", 1), ("@v1", 1), ("@3", 3), ("@0123", 1), ("@FEDC", 2), ("@fedcba98fedc", 2)],
)
def test_a_reference_names_tool_and_version(
    made: Made, person: Account, three: Tool, version: str, number: int
) -> None:
    stranger: Account = made(factories.account)
    for name in (three.id, "wc", "ann@example.org/wc"):
        for viewer in (person, stranger, None):
            tool, found = made(named, viewer, name + version)
            assert (tool.id, found.number) == (three.id, number)


@pytest.mark.parametrize(
    "reference", ["nothing", "wc@9", "wc@beef", "eve@example.org/wc", "", "@", "/"]
)
def test_an_unknown_reference_is_absent(
    made: Made, person: Account, three: Tool, reference: str
) -> None:
    with pytest.raises(Absent):
        made(named, person, reference)


def test_ones_own_tool_comes_first_and_an_ambiguous_name_is_asked_back(
    made: Made, person: Account, three: Tool
) -> None:
    bob, eve = made(factories.account, "bob@example.org"), made(factories.account)
    theirs, _ = made(factories.ready_tool, bob, "wc")
    assert made(references.find_tool, bob, "wc").id == theirs.id
    assert made(references.find_tool, person, "wc").id == three.id
    with pytest.raises(Conflict) as refused:
        made(references.find_tool, eve, "wc")
    assert three.id in str(refused.value) and theirs.id in str(refused.value)
    assert "@" not in str(refused.value)  # owners' addresses are nobody's business


# Images


def candidates() -> list[Candidate]:
    return [Candidate("new", 10, 3), Candidate("old", 10, 1), Candidate("middle", 10, 2)]


@pytest.mark.parametrize(
    ("bytes_wanted", "in_use", "chosen"),
    [
        (0, set(), []),
        (1, set(), ["old"]),
        (10, set(), ["old"]),
        (11, set(), ["old", "middle"]),
        (11, {"old"}, ["middle", "new"]),
        (20, {"old", "new"}, ["middle"]),
    ],
)
def test_the_least_recently_used_images_go_until_there_is_room(
    bytes_wanted: int, in_use: set[str], chosen: list[str]
) -> None:
    found = images.to_collect(candidates(), in_use=in_use, bytes_wanted=bytes_wanted)
    assert found == chosen


def test_images_of_unfinished_jobs_are_in_use_and_collected_ones_are_not_found(
    made: Made, person: Account
) -> None:
    tool, version = made(factories.ready_tool, person)
    building = made(factories.ready_tool, person)[1]
    idle = made(factories.ready_tool, person)[1]
    made(factories.run, person, version)
    made(factories.build, building, person, state="smoking")
    made(factories.run, person, idle, state="succeeded")
    made(factories.build, idle, person, state="succeeded")
    assert made(images.in_use) == {version.identity, building.identity}
    assert made(images.find, idle.identity) is not None
    gone = KeptImage(identity=str(idle.identity), image=factories.IMAGE)
    made(images.mark_collected, [gone.model_copy(update={"image": "sha256:older"})])
    assert not made(images.is_collected, idle), "it was built again meanwhile"
    made(images.mark_collected, [gone])
    assert made(images.find, idle.identity) is None
    assert made(images.is_collected, idle)
    made(images.register, idle.identity, factories.IMAGE, 5)
    assert not made(images.is_collected, idle)
    assert tool.id


def test_building_again_and_running_at_once_do_not_block_one_another(
    transactions: Transactions, made: Made, person: Account
) -> None:
    tool = made(factories.tool, person)
    version = made(factories.version, tool, state="pending")
    failures: list[Exception] = []

    def repeat(use: Callable[..., Any], *args: Any) -> None:
        try:
            for _ in range(15):
                made(use, *args)
        except Exception as error:
            failures.append(error)

    def build(session: Any) -> Build:
        return build_again(session, person, tool, session.get_one(Version, version.id))

    threads = [
        threading.Thread(target=repeat, args=(build,)),
        threading.Thread(target=repeat, args=(request_run, person, tool, version, RunRequest())),
        threading.Thread(target=repeat, args=(request_run, person, tool, version, RunRequest())),
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with transactions.read() as session:
        assert session.scalar(select(func.count()).select_from(Build)) == 1
