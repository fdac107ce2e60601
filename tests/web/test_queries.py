"""What is shown to whom, page by page; and who may do what."""

from typing import Any

import pytest
from sqlalchemy import update

from shared.objects import ObjectInfo
from shared.schema.accounts import Account
from shared.schema.runs import JobEvent, Output, Run
from tests import factories
from tests.web.conftest import Made
from web import access, files, queries
from web.refusals import Absent, Invalid


@pytest.fixture
def person(made: Made) -> Account:
    account: Account = made(factories.account)
    return account


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
    ],
)
def test_who_may_do_what_with_a_tool(
    made: Made, who: str, private: bool, see: bool, run: bool, edit: bool
) -> None:
    owner = made(factories.account, disabled=who.startswith("disabled"))
    tool = made(factories.tool, owner, private=private)
    viewer = {
        "other": made(factories.account),
        "admin": made(factories.account, admin=True),
        "nobody": None,
    }.get(who, owner)
    assert access.may_see_tool(viewer, tool) == see
    assert access.may_run_tool(viewer, tool) == run
    assert access.may_edit_tool(viewer, tool) == edit
    tool.deleted_at = 1
    assert not access.may_see_tool(viewer, tool)
    assert not access.may_edit_tool(viewer, tool)


def test_a_run_belongs_to_who_started_it_not_to_the_tools_owner(
    made: Made, person: Account
) -> None:
    _, version = made(factories.ready_tool, person)
    user, admin = made(factories.account), made(factories.account, admin=True)
    run = made(factories.run, user, version)
    assert made(queries.run_details, user, run.id).run.id == run.id
    assert made(queries.run_details, admin, run.id).run.id == run.id
    for viewer in (person, None):
        with pytest.raises(Absent):
            made(queries.run_details, viewer, run.id)
    assert [item.run.id for item in made(queries.list_runs, user).items] == [run.id]
    assert made(queries.list_runs, person).items == made(queries.list_runs, None).items == []
    assert made(queries.list_runs, person, everybody=True).items == []
    assert len(made(queries.list_runs, admin, everybody=True).items) == 1


def test_files_are_used_only_by_who_uploaded_them(made: Made, person: Account) -> None:
    file = made(factories.file, person)
    admin = made(factories.account, admin=True)
    assert access.may_use_file(person, file)
    assert not access.may_use_file(admin, file)
    assert not access.may_use_file(None, file)


def test_lists_are_read_page_by_page_without_gap_or_repetition(made: Made, person: Account) -> None:
    _, version = made(factories.ready_tool, person)
    runs = [made(factories.run, person, version).id for _ in range(7)]
    made(lambda s: s.execute(update(Run).values(created_at=5)))  # all at the same moment
    seen: list[str] = []
    cursor: str | None = None
    while True:
        page = made(queries.list_runs, person, cursor=cursor, limit=3)
        seen += [item.run.id for item in page.items]
        cursor = page.next
        if cursor is None:
            break
    assert seen == sorted(runs, reverse=True)


@pytest.mark.parametrize("cursor", ["x", "!!!", "Zm9v", "YTpi"])
def test_a_foreign_cursor_is_refused(made: Made, person: Account, cursor: str) -> None:
    with pytest.raises(Invalid, match="cursor"):
        made(queries.list_runs, person, cursor=cursor)


def test_runs_are_found_by_tool_and_state(made: Made, person: Account) -> None:
    (first, one), (_, two) = (made(factories.ready_tool, person) for _ in range(2))
    made(factories.run, person, one)
    done = made(factories.run, person, one, state="succeeded")
    made(factories.run, person, two)
    assert len(made(queries.list_runs, person, tool_id=first.id).items) == 2
    found = made(queries.list_runs, person, tool_id=first.id, states=["succeeded"]).items
    assert [item.run.id for item in found] == [done.id]
    with pytest.raises(Invalid, match="no state 'dancing'"):
        made(queries.list_runs, person, states=["dancing"])


def test_tools_are_searched_by_name_and_description_literally(made: Made, person: Account) -> None:
    for name in ("cowsay", "word-count", "100_percent"):
        made(factories.ready_tool, person, name)
    assert [i.tool.name for i in made(queries.list_tools, None, search="COW").items] == ["cowsay"]
    assert [i.tool.name for i in made(queries.list_tools, None, search="0_p").items] == [
        "100_percent"
    ]
    assert made(queries.list_tools, None, search="%").items == []


def test_a_tool_is_listed_with_its_usable_version_and_its_newest(
    made: Made, person: Account
) -> None:
    tool, _ = made(factories.ready_tool, person)
    made(factories.version, tool, number=2, state="failed")
    item = made(queries.list_tools, person).items[0]
    assert (item.ready.number, item.newest.number, item.owner) == (1, 2, person.email)


def test_a_run_is_shown_with_phases_outputs_and_its_place_in_the_queue(
    made: Made, person: Account
) -> None:
    _, version = made(factories.ready_tool, person)
    first, second = (made(factories.run, person, version) for _ in range(2))

    def history(session: Any) -> None:
        session.get_one(Run, first.id).created_at = 1
        for seq, (phase, at) in enumerate([("leased", 2000), ("running", 5500)], 2):
            session.add(JobEvent(job_id=first.id, seq=seq, phase=phase, at=at, fence=1))
        session.get_one(JobEvent, (first.id, 1)).at = 1000
        session.add(
            Output(run_id=first.id, n=0, path="a", size=1, sha256="0" * 64, key="runs/x/y/o/0")
        )

    made(history)
    shown = made(queries.run_details, person, first.id)
    assert [phase.phase for phase in shown.phases] == ["queued", "leased", "running"]
    assert [phase.seconds for phase in shown.phases[:2]] == [1.0, 3.5]
    assert [output.path for output in shown.outputs] == ["a"]
    assert (shown.place.position, shown.tool.id) == (1, version.tool_id)
    assert made(queries.run_details, person, second.id).place.position == 2
    made(lambda s: s.execute(update(Run).where(Run.id == first.id).values(state="running")))
    assert made(queries.run_details, person, first.id).place is None


def test_unfinished_and_failed_builds_are_shown_to_the_owner_only(
    made: Made, person: Account
) -> None:
    stranger = made(factories.account)
    for state, shown in (("building", False), ("failed", False), ("succeeded", True)):
        version = made(factories.version, made(factories.tool, person), state="pending")
        build = made(factories.build, version, person, state=state)
        assert made(queries.build_details, person, build.id).build.state == state
        if shown:
            assert made(queries.build_details, stranger, build.id).version.id == version.id
        else:
            with pytest.raises(Absent):
                made(queries.build_details, stranger, build.id)


def test_an_output_becomes_an_input_for_its_owner_only(made: Made, person: Account) -> None:
    _, version = made(factories.ready_tool, person)
    run = made(factories.run, person, version, state="succeeded")
    made(
        lambda s: s.add(
            Output(run_id=run.id, n=0, path="d/a b", size=3, sha256="0" * 64, key="runs/x/y/o/0")
        )
    )
    file = made(files.take_output, person, run, "d/a b")
    assert (file.name, file.size, file.key, file.account_id) == (
        "a b",
        3,
        "runs/x/y/o/0",
        person.id,
    )
    with pytest.raises(Absent):
        made(files.take_output, person, run, "other")
    with pytest.raises(Absent):
        made(files.take_output, made(factories.account), run, "d/a b")


def test_an_upload_is_called_by_the_last_part_of_what_the_browser_says(
    made: Made, person: Account
) -> None:
    file_id, _ = files.upload_key()
    info = ObjectInfo(0, factories.EMPTY_SHA256)
    file = made(files.keep_upload, person, file_id, "C:\\Users\\a b.txt", info)
    assert (file.name, file.key) == ("a b.txt", f"files/{file_id}")
