"""The add form fills itself in a real browser, and keeps what was typed; the test plays the builder."""

import secrets

import pytest
from playwright.sync_api import Page, expect

from shared.plan import Command, Network, Plan, Step
from shared.schema.tools import Build, Version
from shared.work import PreviewReport
from tests import factories
from tests.e2e.conftest import LiveWeb, Open, sign_up, violations

PLAN = Plan(
    runtime="python",
    runtime_version="3.11",
    base="python",
    steps=[Step(name="install", argv=["uv", "pip", "install", "."])],
    commands=[
        Command(name="csvcut", run=["/opt/venv/bin/csvcut"], evidence="project.scripts"),
        Command(name="csvsort", run=["/opt/venv/bin/csvsort"], evidence="project.scripts"),
    ],
    network=Network(mode="internet"),
    evidence=["pyproject.toml (hatchling)"],
)


@pytest.fixture
def page(live_web: LiveWeb, open_page: Open) -> Page:
    opened = open_page(live_web.url, viewport={"width": 390, "height": 844})
    sign_up(opened, f"{secrets.token_hex(5)}@example.org")
    return opened


def look(web: LiveWeb, page: Page, done: str = "#look .plan") -> None:
    """Do what a builder does with the look that the page has asked for."""
    waiting = page.locator("#look[data-next]")
    expect(waiting).to_contain_text("Looking at the repository")
    preview_id = str(waiting.get_attribute("data-next")).rpartition("/")[2]
    control = web.worker()
    lease = control.claim("preview", preview_id)
    assert lease is not None
    control.phase("preview", lease, "cloning")
    expect(page.locator("#look")).to_contain_text("Fetching it")
    report = PreviewReport(
        fence=lease.fence,
        state="succeeded",
        commit=factories.COMMIT,
        plan=PLAN,
        description="Cuts tables",
    )
    control.finish("preview", lease, report)
    expect(page.locator(done)).to_be_visible()


def test_a_pasted_link_fills_the_form_and_what_was_typed_stays(
    live_web: LiveWeb, page: Page
) -> None:
    page.goto("/add")
    page.click("summary:has-text('Say more about it')")
    page.fill("input[name=description]", "My own words")
    page.fill("[name=link]", "https://github.com/a-longer-name-than-a-phone-is-wide/csvkit")
    look(live_web, page)

    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    expect(page.locator("#look")).to_contain_text("Python 3.11")
    expect(page.locator("[name=name]")).to_have_value("csvkit")
    expect(page.locator("input[name=description]")).to_have_value("My own words")
    expect(page.locator("[name=command] option")).to_have_count(3)
    page.select_option("[name=command]", "csvsort")
    page.click("[data-edit=network]")
    expect(page.locator("[name=network]")).to_be_focused()
    expect(page.locator("[name=hosts]")).to_be_hidden()
    page.select_option("[name=network]", "hosts")
    expect(page.locator("[name=hosts]")).to_be_visible()
    page.select_option("[name=network]", "")
    page.click("summary:has-text('Edit plan')")
    page.click("text=Start from the plan found")
    expect(page.locator("[name=overrides]")).to_have_value(
        "runtime: python\nbase: python\nsteps:\n  - name: install\n    argv: [uv, pip, install, .]\n"
        "commands:\n  - name: csvcut\n    run: [/opt/venv/bin/csvcut]\n"
        "  - name: csvsort\n    run: [/opt/venv/bin/csvsort]\nnetwork: internet\nstart: empty\n"
    )
    assert violations(page) == []

    page.click("text=Build it")
    page.wait_for_url("**/builds/*")


def test_a_fault_in_a_plan_is_selected_in_its_text_and_a_look_leaves_the_text_alone(
    live_web: LiveWeb, page: Page, open_page: Open
) -> None:
    page.goto("/add")
    page.fill("[name=link]", "https://github.com/example/csvkit")
    page.click("text=Build it")
    page.wait_for_url("**/builds/*")
    with live_web.transactions.read() as session:
        build = session.get_one(Build, page.url.rpartition("/")[2])
        tool_id = session.get_one(Version, build.version_id).tool_id
    page.goto(f"/tools/{tool_id}/plan")
    text = page.locator("[name=overrides]")
    text.fill("start: empty\nsteps: make\n")
    with page.expect_response(lambda answer: answer.status == 422):
        page.click("text=Save and build")
    expect(page.locator(".fault")).to_contain_text("Line 2: steps must be a list of steps")
    assert (
        text.evaluate("text => text.value.slice(text.selectionStart, text.selectionEnd)")
        == "steps: make"
    )
    expect(page.locator("[data-gutter]")).to_have_text("1\n2\n3")
    problems: list[str] = open_page.problems  # type: ignore[attr-defined]
    problems[:] = [
        said for said in problems if "422" not in said
    ]  # Chromium tells of every refusal

    text.fill("system_packages: [jq]\n")
    page.click("text=Look without building")
    page.wait_for_url("**/plan?preview=*")
    text.fill("system_packages: [jq, curl]\n")
    look(live_web, page, ".rail dl")
    expect(text).to_have_value("system_packages: [jq, curl]\n")
    assert violations(page) == []


def test_building_does_not_wait_for_the_look(live_web: LiveWeb, page: Page) -> None:
    page.goto("/add?link=https://github.com/example/csvkit")
    expect(page.locator("#look[data-next]")).to_be_visible()

    page.click("text=Build it")

    page.wait_for_url("**/builds/*")
