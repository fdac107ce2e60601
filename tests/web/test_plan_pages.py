"""The page on which a tool's plan is edited, on both databases."""

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from shared.schema.accounts import Account
from shared.schema.tools import Build, Version
from tests import factories
from tests.web.browser import Browser
from tests.web.conftest import Person
from tests.web.test_previews import LINK, PLAN, SHOWN, ended
from tests.web.worker_client import Worker
from web.ports import WebPorts


@pytest.fixture
def tool_id(web_ports: WebPorts, owner: Person) -> str:
    with web_ports.transactions.begin() as session:
        tool, version = factories.ready_tool(session, session.get_one(Account, owner.id), "wc")
        version.plan = SHOWN
        version.commands = SHOWN["commands"]
        return tool.id


def versions(ports: WebPorts, tool_id: str) -> list[Version]:
    with ports.transactions.read() as session:
        return list(
            session.scalars(
                select(Version).where(Version.tool_id == tool_id).order_by(Version.number)
            )
        )


def test_the_plan_page_shows_the_plan_found_as_text(browser: Browser, tool_id: str) -> None:
    page = browser.get(f"/tools/{tool_id}/plan").text

    assert "argv: [uv, pip, install, .]" in page
    assert "As it was found for version 1" in page


def test_a_saved_plan_makes_a_new_version_and_its_build_gets_the_text(
    browser: Browser, tool_id: str, web_ports: WebPorts, worker: Worker
) -> None:
    place = f"/tools/{tool_id}/plan"
    saved = browser.send(place, place, overrides="smoke: [wc, --version]\n")

    assert saved.status_code == 303 and "/builds/" in saved.location
    assert [one.overrides for one in versions(web_ports, tool_id)] == [
        "",
        "smoke: [wc, --version]\n",
    ]
    held = worker.claim("build", saved.location.rpartition("/")[2])
    assert held.given["overrides"] == "smoke: [wc, --version]\n"
    assert "Edited by you for version 2" in browser.get(place).text
    back = browser.send(place, place, overrides="whatever: x", reset="1")
    assert back.status_code == 303
    assert versions(web_ports, tool_id)[-1].overrides == ""


def test_the_same_plan_saved_again_builds_nothing(
    browser: Browser, tool_id: str, web_ports: WebPorts
) -> None:
    place = f"/tools/{tool_id}/plan"
    for _ in range(2):
        browser.send(place, place, overrides="start: repository")

    assert len(versions(web_ports, tool_id)) == 2
    with web_ports.transactions.read() as session:
        assert len(session.scalars(select(Build)).all()) == 1


def test_a_faulty_plan_points_to_its_lines_and_loses_nothing(
    browser: Browser, tool_id: str, web_ports: WebPorts
) -> None:
    place = f"/tools/{tool_id}/plan"
    sent = browser.send(place, place, overrides="start: empty\nbase: /x\nsteps: make\n")

    assert sent.status_code == 422
    assert "Line 2: base must be" in sent.text and "Line 3: steps must be" in sent.text
    assert 'data-line="2"' in sent.text and "steps: make\n</textarea>" in sent.text
    assert len(versions(web_ports, tool_id)) == 1


def test_a_plan_is_looked_at_without_building(
    browser: Browser, tool_id: str, web_ports: WebPorts, worker: Worker
) -> None:
    place = f"/tools/{tool_id}/plan"
    sent = browser.send(place, place + "/look", overrides="system_packages: [jq]")
    assert sent.status_code == 303 and sent.location.startswith(place + "?preview=")
    held = worker.claim("preview", sent.location.rpartition("=")[2])
    changed = PLAN.model_copy(update={"system_packages": ["jq"]}).model_dump(mode="json")
    assert ended(held, plan=changed) == 204

    page = browser.get(sent.location).text

    assert "system_packages: [jq]\n</textarea>" in page
    assert "Debian packages:" in page
    assert len(versions(web_ports, tool_id)) == 1


def test_a_strangers_plan_page_is_not_there_and_somebody_elses_tool_is_not_edited(
    app: Flask, other: Person, tool_id: str
) -> None:
    stranger = Browser(app, other.email)

    assert stranger.get(f"/tools/{tool_id}/plan").status_code == 403
    assert stranger.send("/add", f"/tools/{tool_id}/plan", overrides="").status_code == 403


def test_the_edit_page_offers_the_found_commands_and_another_one_makes_a_version(
    browser: Browser, tool_id: str, web_ports: WebPorts
) -> None:
    place = f"/tools/{tool_id}/edit"
    page = browser.get(place).text
    assert "lines · project.scripts" in page and "wc (the best found)" in page

    sent = browser.send(place, place, name="wc", link=LINK, command="lines", other_command="")

    assert sent.status_code == 303 and "/builds/" in sent.location
    assert [one.command for one in versions(web_ports, tool_id)] == [None, "lines"]


def test_the_api_edits_a_plan_too(owner: Person, tool_id: str) -> None:
    answer = owner.patch(f"/api/v1/tools/{tool_id}", json={"overrides": "start: repository"})

    assert answer.status_code == 200
    shown: Any = answer.json
    assert (shown["version"], shown["overrides"]) == (2, "start: repository\n")
    assert owner.patch(f"/api/v1/tools/{tool_id}", json={"overrides": "x: 1"}).status_code == 422
