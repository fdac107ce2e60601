"""What a new version changes for people who use the tool, and whether there is a newer commit."""

import pytest

from shared.form import Field, Form
from shared.schema.tools import Tool, Version
from web.form_changes import changes
from web.newest_commit import is_behind
from web.provenance import statement


def option(name: str, **facts: object) -> Field:
    return Field.model_validate({"kind": "option", "names": [name], **facts})


def form(*fields: Field, **subcommands: Form) -> Form:
    return Form(fields=fields, subcommands=subcommands)


def test_equal_forms_have_no_changes() -> None:
    assert changes({"t": form(option("--a"))}, {"t": form(option("--a"))}) == []


def test_what_came_went_and_changed_is_told() -> None:
    before = form(
        option("--gone"),
        option("--same", default="1"),
        option("--mode", type="choice", choices=["a", "b"]),
    )
    after = form(
        option("--same", default="2", required=True), option("--mode", type="choice", choices=["b", "c"]),
        option("--new", help="something new"),
    )  # fmt: skip

    [found] = changes({"t": before}, {"t": after})

    assert found.command == "t"
    assert found.added == ["--new (text): something new"]
    assert found.removed == ["--gone (text)"]
    assert found.changed == [
        "--same is now required",
        "--same is by default '2' instead of '1'",
        "--mode no longer takes a",
        "--mode also takes c",
    ]


def test_commands_and_subcommands_come_and_go() -> None:
    before = {"t": form(add=form(option("--a")), old=form())}
    after = {"t": form(add=form(option("--b")), new=form()), "u": form()}

    told = {one.command: (one.added, one.removed) for one in changes(before, after)}

    assert told == {
        "t add": (["--b (text)"], ["--a (text)"]),
        "t old": ([], ["the command itself"]),
        "t new": (["the command itself"], []),
        "u": (["the command itself"], []),
    }


@pytest.mark.parametrize(
    ("known", "checked", "commit", "ready", "state", "expected"),
    [
        ("new", 2, "old", 1, "ready", True),
        ("old", 2, "old", 1, "ready", False),
        (None, None, "old", 1, "ready", False),
        ("new", 1, "newer", 2, "ready", False),  # asked before that version was made
        ("new", 2, "old", None, "pending", False),
        ("new", 2, "old", None, "failed", True),
    ],
)
def test_whether_a_tool_is_behind_its_branch(
    known: str | None,
    checked: int | None,
    commit: str,
    ready: int | None,
    state: str,
    expected: bool,
) -> None:
    tool = Tool(newest_commit=known, newest_checked_at=checked)
    version = Version(commit=commit, ready_at=ready, state=state)

    assert is_behind(tool, version) is expected


def test_a_version_without_a_record_has_no_provenance() -> None:
    assert statement(Tool(name="t"), Version(image="sha256:1", provenance=None), "b") is None


def test_the_statement_names_image_source_and_bases() -> None:
    made = {
        "repository": "https://git.example.org/a/b", "commit": "c" * 40, "identity": "i",
        "bases": {"python": "sha256:2"}, "builder_version": "1", "source_sha256": "3",
    }  # fmt: skip
    version = Version(
        number=2, image="sha256:1", provenance=made, plan={}, ref=None, folder="", ready_at=0
    )

    found = statement(Tool(name="t"), version, "http://builder")

    assert found is not None
    assert found["subject"] == [{"name": "t@2", "digest": {"sha256": "1"}}]
    source, base = found["predicate"]["buildDefinition"]["resolvedDependencies"]
    assert source["digest"] == {"gitCommit": "c" * 40, "sha256": "3"}
    assert base == {"uri": "base:python", "digest": {"sha256": "2"}}
    assert found["predicate"]["runDetails"]["metadata"]["finishedOn"] == "1970-01-01T00:00:00+00:00"
