"""What people meet beside the straight way: scripts that never come, fingers, keys, tabs in the background."""

from pathlib import Path

import pytest
from playwright.sync_api import expect

from shared.schema.accounts import Account
from shared.schema.tools import Version
from tests import factories
from tests.e2e.conftest import LiveWeb, Open
from tests.e2e.test_live_pages import Person, Worker


@pytest.fixture
def person(live_web: LiveWeb, open_page: Open) -> Person:
    return Person(live_web, open_page(live_web.url))


def ignored(open_page: Open, *words: str) -> None:
    """What the browser says by itself of requests that were meant to fail."""
    problems: list[str] = open_page.problems  # type: ignore[attr-defined]
    problems[:] = [text for text in problems if not any(word in text for word in words)]


def test_forms_and_logs_work_when_the_modules_never_come(
    person: Person, open_page: Open, tmp_path: Path
) -> None:
    page = person.page
    page.context.route("**/*.js", lambda route: route.abort())
    page.goto(f"/tools/{person.tool.id}")
    files = page.locator("[name=files]")
    expect(files).to_be_in_viewport()
    expect(page.get_by_text("Drop files anywhere")).to_be_hidden()
    (tmp_path / "data.txt").write_text("x\n")
    files.set_input_files(tmp_path / "data.txt")
    page.fill("[name=line]", "-l data.txt")
    page.click("form[data-run] button.primary")
    page.wait_for_url("**/runs/run_*")
    worker = Worker(person.web, page.url.rsplit("/", 1)[1])
    assert [file.name for file in worker.lease.inputs] == ["data.txt"]
    worker.phase("running")
    worker.print(b"printed\n")
    expect(page.locator(".logbar")).to_be_hidden()
    page.locator(".log").get_by_text("stdout").click()
    expect(page.locator("body")).to_have_text("printed")
    ignored(open_page, "ERR_FAILED")


def test_a_tool_that_becomes_ready_gets_its_form(person: Person) -> None:
    with person.web.transactions.begin() as session:
        account = session.get_one(Account, person.account_id)
        tool = factories.tool(session, account, "late")
        version = factories.version(session, tool, state="pending")
        tool_id, version_id = tool.id, version.id
    page = person.page
    page.goto(f"/tools/{tool_id}")
    expect(page.locator(".notice")).to_contain_text("is being built")
    with person.web.transactions.begin() as session:
        session.get_one(Version, version_id).state = "ready"
    expect(page.locator(".cli.mirrored")).to_be_visible()
    page.fill("[name=line]", "--size 'two words'")
    expect(page.locator("#parsed .argv li")).to_have_count(2)


def test_a_list_rests_while_nobody_sees_it_and_is_right_at_once_afterwards(person: Person) -> None:
    page = person.page
    person.start("first")
    page.goto("/runs")
    expect(page.locator("#runs .state")).to_have_text("Queued")
    seen = "value => Object.defineProperty(document, 'hidden', {value, configurable: true})"
    page.evaluate(seen, True)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    worker = Worker(person.web, person_run(person))
    worker.phase("running")
    page.wait_for_timeout(3000)  # longer than it takes to look again
    assert asked == []
    page.evaluate(seen, False)
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    expect(page.locator("#runs .state")).to_have_text("Running", timeout=2000)


def person_run(person: Person) -> str:
    href = person.page.locator("#runs a.cover").first.get_attribute("href")
    assert href is not None
    return href.rsplit("/", 1)[1]


def test_the_title_tells_how_it_ended_and_the_box_shrinks_to_what_was_printed(
    person: Person, tmp_path: Path
) -> None:
    page = person.page
    worker = Worker(person.web, person.start("-l"))
    worker.phase("running")
    expect(page).to_have_title("Running · wc · Toolyard")
    worker.print(b"one line\n")
    worker.finish(tmp_path, exit_code=2)
    expect(page).to_have_title("Exit 2 · wc · Toolyard")
    expect(page.locator("#outcome")).to_contain_text("The tool ended with exit code 2")
    page.reload()
    expect(page.locator("#L1")).to_be_visible()
    assert page.locator(".log").bounding_box()["height"] < 150  # type: ignore[index]


def test_the_palette_says_so_when_nothing_is_called_so(person: Person) -> None:
    page = person.page
    page.goto("/tools")
    page.keyboard.press("Control+k")
    palette = page.locator("dialog.palette")
    expect(palette.locator("li")).not_to_have_count(0)
    page.keyboard.type("zzzz")
    expect(palette).to_contain_text("Nothing here is called “zzzz”.")
    expect(palette.locator("ul")).to_be_hidden()
    page.keyboard.press("Escape")
    expect(palette).to_be_hidden()


def test_a_button_says_that_its_form_is_on_its_way_and_is_pressed_once(person: Person) -> None:
    page = person.page
    page.goto("/account")
    # An answer that never comes: the browser itself waits for one before it tells anything.
    page.evaluate("addEventListener('submit', (event) => event.preventDefault())")
    page.fill("[name=name]", "laptop")
    button = page.get_by_role("button", name="Make a token")
    button.click()
    expect(button).to_be_disabled()
    expect(button).to_have_attribute("aria-busy", "true")
    page.evaluate("dispatchEvent(new Event('pageshow'))")
    expect(button).to_be_enabled()


def test_focus_shows_where_the_focused_thing_itself_is_hidden(person: Person) -> None:
    page = person.page
    page.goto(f"/tools/{person.tool.id}")
    page.locator("form[data-run] button.primary").focus()
    page.keyboard.press("Tab")
    expect(page.locator("[name=files]")).to_be_focused()
    expect(page.locator("label.button:has([name=files])")).to_have_css("outline-style", "solid")


def test_a_refused_link_is_told_once(person: Person, open_page: Open) -> None:
    page = person.page
    page.goto("/add")
    page.fill("[name=link]", "https://127.0.0.1/a/b")
    page.click("text=Build it")
    expect(page.locator("#fault")).to_contain_text("this machine")
    page.wait_for_timeout(900)  # longer than it takes to look at a link that was pasted
    expect(page.locator("#look")).to_contain_text("Only the link is needed")
    ignored(open_page, "422")
