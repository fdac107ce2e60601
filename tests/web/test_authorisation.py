"""Who may call what: every route of the application, for every kind of caller."""

from dataclasses import replace
from pathlib import Path
from typing import cast

import pytest
from flask import Flask

from shared.db import Transactions
from shared.objects_disk import DiskObjects
from tests.web import authorisation_world
from tests.web.authorisation_table import TABLE
from tests.web.authorisation_world import PRINCIPALS
from tests.web.conftest import make_ports
from web import access
from web.flask_app import create_app
from web.rate_limits import RateLimits
from web.refusals import TooMany

_CHANGED_BY_USE = 10_000


def make_app(transactions: Transactions, folder: Path) -> Flask:
    return create_app(
        make_ports(
            transactions,
            folder,
            adds_per_hour=_CHANGED_BY_USE,
            runs_per_minute=_CHANGED_BY_USE,
            sign_ups_per_hour=_CHANGED_BY_USE,
        )
    )


def routes(app: Flask) -> set[str]:
    """`METHOD rule` for each."""
    return {
        f"{method} {rule.rule}"
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS")
    }


def answers(app: Flask, folder: Path, route: str, principals: tuple[str, ...]) -> str:
    """What each gets; where a call may change something, each in a world of its own."""
    method = route.partition(" ")[0]
    objects = cast(DiskObjects, app.extensions["toolyard"].objects)
    found = []
    world = authorisation_world.make(app, folder)
    for principal in principals:
        if found and method != "GET":
            world = authorisation_world.make(app, folder)
        call = TABLE[route].call(world, objects)
        found.append(authorisation_world.send(app, world, method, call, principal).status_code)
    return " ".join(str(status) for status in found)


def test_the_table_has_every_route_and_no_other(
    sqlite_transactions: Transactions, tmp_path: Path
) -> None:
    assert routes(make_app(sqlite_transactions, tmp_path)) == set(TABLE)


def test_each_caller_gets_what_the_table_says(transactions: Transactions, tmp_path: Path) -> None:
    app = make_app(transactions, tmp_path)
    found = {route: answers(app, tmp_path, route, PRINCIPALS) for route in TABLE}
    assert found == {route: row.expected for route, row in TABLE.items()}


_COUNTED = [
    "POST /sign-up", "POST /add", "POST /add/look", "POST /account/storage", "POST /tools/<tool_id>/runs",
    "POST /tools/<tool_id>/plan", "POST /tools/<tool_id>/plan/look", "POST /tools/<tool_id>/origin/check",
    "POST /tools/<tool_id>/origin/update", "POST /tools/<tool_id>/versions/<int:number>/rebuild",
    "POST /tools/<tool_id>/versions/<int:number>/build", "POST /tools/<tool_id>/edit",
    "POST /api/v1/files", "POST /api/v1/uploads", "POST /api/v1/uploads/<upload_id>/complete",
    "POST /api/v1/storage-credentials", "POST /api/v1/runs", "POST /api/v1/tools", "POST /api/v1/previews",
    "POST /api/v1/hooks/<tool_id>", "POST /api/v1/tools/<tool>/newest", "PATCH /api/v1/tools/<tool>",
    "POST /api/v1/tools/<tool>/versions/<int:number>/rebuild",
    "POST /api/v1/tools/<tool>/versions/<int:number>/builds",
]  # fmt: skip
_ANOTHER_REF = {"ref": "v2", "link": "https://github.com/example/wc"}
_THAT_BUILD = {
    "POST /tools/<tool_id>/edit": {"form": {**_ANOTHER_REF, "name": "wc"}},
    "PATCH /api/v1/tools/<tool>": {"json": _ANOTHER_REF},
}


def test_what_costs_something_is_counted(
    sqlite_transactions: Transactions, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(rates: RateLimits, name: str, caller: str) -> None:
        raise TooMany("That was too often.", code="rate_limit", retry_after=1)

    monkeypatch.setattr(RateLimits, "hit", full)
    app = make_app(sqlite_transactions, tmp_path)
    objects = cast(DiskObjects, app.extensions["toolyard"].objects)
    world = authorisation_world.make(app, tmp_path)
    found = {}
    for route in _COUNTED:
        call = replace(TABLE[route].call(world, objects), **_THAT_BUILD.get(route, {}))
        method, who = route.partition(" ")[0], "admin" if "storage" in route else "owner"
        found[route] = authorisation_world.send(app, world, method, call, who).status_code

    assert found == dict.fromkeys(_COUNTED, 429)


@pytest.mark.parametrize("route", sorted(TABLE))
def test_nobody_else_reaches_what_names_an_owners_row(route: str) -> None:
    rule = route.partition(" ")[2]
    if "<" not in rule or rule.startswith(("/assets", "/objects", "/api/v1/worker")):
        return
    statuses = dict(zip(PRINCIPALS, TABLE[route].expected.split(), strict=True))
    if rule.startswith("/api/v1/hooks/"):  # nobody does without the signature, whoever it is
        assert set(statuses.values()) == {"401"}
        return
    assert statuses["other"] == "404"
    assert statuses["anonymous"] in ("401", "404", "303")
    # A page sends whoever is not signed in to the sign-in form.
    refused = ("401", "303") if route.startswith("GET /") and "/api/" not in rule else ("401",)
    assert statuses["worker"] in refused and statuses["attempt"] in refused


@pytest.mark.parametrize(
    ("check", "route"),
    [
        ("may_see_run", "GET /api/v1/runs/<run_id>"),
        ("may_see_run", "GET /runs/<run_id>"),
        ("may_see_tool", "GET /api/v1/tools/<tool>"),
        ("may_see_tool", "GET /builds/<build_id>"),
        ("may_use_file", "GET /api/v1/files/<file_id>"),
        ("may_use_file", "DELETE /api/v1/files/<file_id>"),
        ("may_use_upload", "POST /api/v1/uploads/<upload_id>/complete"),
        ("may_see_preview", "GET /api/v1/previews/<preview_id>"),
    ],
)
def test_without_its_check_a_route_fails_the_table(
    check: str,
    route: str,
    sqlite_transactions: Transactions,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The negative control: the table notices a missing access check."""
    app = make_app(sqlite_transactions, tmp_path)
    assert answers(app, tmp_path, route, PRINCIPALS) == TABLE[route].expected
    monkeypatch.setattr(access, check, lambda viewer, row: True)
    assert answers(app, tmp_path, route, PRINCIPALS) != TABLE[route].expected
