"""Adding, listing, showing and changing tools, on both databases: a refusal loses nothing."""

import re

import pytest
from sqlalchemy import select

from shared.plan import Command
from shared.schema.tools import Build, Tool, Version
from tests import factories
from tests.web.browser import LINK, Browser, Seed, only
from web.ports import WebPorts


def test_only_the_link_is_needed(browser: Browser, web_ports: WebPorts) -> None:
    sent = browser.send("/add", "/add", link=LINK)
    build = only(web_ports, Build)
    assert isinstance(build, Build)
    assert sent.status_code == 303 and sent.location == f"/builds/{build.id}"
    page = browser.get(sent.location)
    assert page.status_code == 200 and "cowsay" in page.text and "Queued" in page.text


def test_a_refused_link_keeps_everything_that_was_typed(browser: Browser) -> None:
    sent = browser.send(
        "/add",
        "/add",
        link="http://127.0.0.1/x/y",
        name="mine",
        ref="v1",
        folder="sub",
        command="go",
        network="hosts",
        hosts="a.example",
        private="1",
    )
    assert sent.status_code == 422 and 'role="alert"' in sent.text
    for value in ("http://127.0.0.1/x/y", "mine", "v1", "sub", "go", "a.example"):
        assert f'value="{value}"' in sent.text
    assert re.search(r'name="private" value="1" checked', sent.text)
    assert "<details open" in sent.text


def test_examples_fill_the_field_without_scripts(visitor: Browser, browser: Browser) -> None:
    links = re.findall(r'class="example" href="([^"]+)"', visitor.get("/").text)
    assert len(links) == 3
    assert 'value="https://github.com/' in browser.get(links[0]).text


def test_the_dashboard_shows_every_state_of_mine(browser: Browser, seed: Seed) -> None:
    seed.ready("wc")
    seed.unready("pending", "half")
    seed.unready("failed", "broken", reason="No entry point was found.")
    page = browser.get("/tools").text
    for word in ("wc", "half", "broken", "Ready", "Queued", "Build failed", "No entry point"):
        assert word in page
    assert "data-moving" in page  # it looks again while something is being built


def test_others_see_only_my_public_tools_that_can_be_run(stranger: Browser, seed: Seed) -> None:
    seed.ready("open")
    seed.ready("secret", private=True)
    seed.unready("pending", "half")
    seed.unready("failed", "broken")
    page = stranger.get("/tools").text
    assert ">open<" in page
    assert "secret" not in page and "half" not in page and "broken" not in page


def test_a_private_tool_does_not_exist_for_others(
    stranger: Browser, browser: Browser, seed: Seed
) -> None:
    tool = seed.ready("secret", private=True)
    for path in (f"/tools/{tool.id}", f"/tools/{tool.id}/edit"):
        assert stranger.get(path).status_code == 404
        assert browser.get(path).status_code == 200


def test_tools_are_found_by_name_and_description(browser: Browser, seed: Seed) -> None:
    seed.ready("wc")
    seed.ready("spark")
    page = browser.get("/tools?q=SPA").text
    assert "spark" in page and ">wc<" not in page
    assert "None of your tools" in browser.get("/tools?q=100%25").text


def test_changing_the_name_is_at_once_and_the_ref_is_a_build(
    browser: Browser, seed: Seed, web_ports: WebPorts
) -> None:
    tool = seed.ready("wc")
    edit = f"/tools/{tool.id}/edit"
    link = "https://github.com/example/wc"
    sent = browser.send(edit, edit, name="words", description="Counts.", link=link)
    assert sent.location == f"/tools/{tool.id}"
    page = browser.get(sent.location).text
    assert "words" in page and "Counts." in page
    sent = browser.send(edit, edit, name="words", description="", link=link, ref="v2")
    assert sent.location.startswith("/builds/")
    with web_ports.transactions.read() as session:
        numbers = session.scalars(select(Version.number).where(Version.tool_id == tool.id)).all()
    assert sorted(numbers) == [1, 2]


def test_a_refused_edit_keeps_what_was_typed(browser: Browser, seed: Seed) -> None:
    tool = seed.ready("wc")
    edit = f"/tools/{tool.id}/edit"
    sent = browser.send(edit, edit, name="bad name!", description="mine", link="nonsense")
    assert sent.status_code == 422
    assert 'value="bad name!"' in sent.text and 'value="nonsense"' in sent.text


def test_only_the_owner_changes_builds_and_deletes(
    stranger: Browser, browser: Browser, seed: Seed
) -> None:
    tool = seed.ready("wc")
    for action in ("edit", "delete", "versions/1/build"):
        sent = stranger.send("/account", f"/tools/{tool.id}/{action}", name="x", link=LINK)
        assert sent.status_code == 403, action
    assert stranger.get(f"/tools/{tool.id}/edit").status_code == 403
    assert browser.send("/account", f"/tools/{tool.id}/delete").status_code == 303
    assert browser.get(f"/tools/{tool.id}").status_code == 404


@pytest.mark.parametrize(
    ("state", "word"), [("pending", "is being built"), ("failed", "could not be built")]
)
def test_a_tool_that_is_not_ready_is_not_offered_for_running(
    browser: Browser, seed: Seed, state: str, word: str
) -> None:
    tool, _ = seed.unready(state, reason="It answers nothing.")
    page = browser.get(f"/tools/{tool.id}").text
    assert word in page and "data-run" not in page and 'name="line"' not in page


def test_while_a_new_version_is_built_the_ready_one_is_offered(
    browser: Browser, seed: Seed, web_ports: WebPorts
) -> None:
    tool = seed.ready("wc")
    with web_ports.transactions.begin() as session:
        factories.version(session, session.get_one(Tool, tool.id), state="pending", number=2)
    page = browser.get(f"/tools/{tool.id}").text
    assert "data-run" in page and 'name="version" value="1"' in page
    assert "Version 1 is ready" in browser.get(f"/tools/{tool.id}?version=2").text


def test_a_tool_page_offers_its_commands_and_escapes_everything(
    browser: Browser, seed: Seed, web_ports: WebPorts
) -> None:
    hostile = Command(name="<b>x</b>", run=["x"], evidence="<i>e</i>")
    tool = seed.ready("wc", commands=(hostile, factories.COMMANDS[0]))
    with web_ports.transactions.begin() as session:
        session.get_one(Tool, tool.id).description = "<script>alert(1)</script>"
        version = session.scalars(select(Version)).one()
        version.readme = "# Words\n\n<script>alert(2)</script>"
    page = browser.get(f"/tools/{tool.id}").text
    assert "<b>x</b>" not in page and "<i>e</i>" not in page and "<script>alert" not in page
    assert "&lt;script&gt;alert(1)" in page and "<h3>Words</h3>" in page


def test_a_visitor_is_asked_to_sign_in_to_run(visitor: Browser, seed: Seed) -> None:
    tool = seed.ready("wc")
    page = visitor.get(f"/tools/{tool.id}").text
    assert "Sign in to run it" in page and 'name="line"' not in page
