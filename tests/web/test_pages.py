"""What all pages have in common, on both databases: errors, the guide, the palette, links and policy."""

import re
from collections.abc import Iterator

import pytest

from tests.web.browser import LINK, Browser, Seed


def test_what_does_not_exist_says_so_in_the_house_style(visitor: Browser, browser: Browser) -> None:
    for who in (visitor, browser):
        answer = who.get("/nothing/here")
        assert answer.status_code == 404 and "There is nothing here" in answer.text
        assert "Toolyard" in answer.text


def test_an_error_page_gives_back_what_was_typed(browser: Browser) -> None:
    answer = browser.client.post("/add", data={"csrf_token": "old", "link": LINK, "name": "<mine>"})
    assert answer.status_code == 403
    assert f'value="{LINK}"' in answer.text and 'value="&lt;mine&gt;"' in answer.text
    assert "Send it again" in answer.text
    token = re.search(r'name="csrf_token" value="([0-9a-f]+)"', answer.text)
    assert token
    again = browser.client.post("/add", data={"csrf_token": token[1], "link": LINK})
    assert again.status_code == 303


def test_the_guide_shows_one_line_in_all_its_forms(visitor: Browser) -> None:
    page = visitor.get("/how-to").text
    assert "&#34;0&#34;: &#34;-f&#34;," in page  # pretty
    assert "{&#34;0&#34;:&#34;-f&#34;,&#34;1&#34;:&#34;tux&#34;" in page  # clumped
    assert "Authorization: Bearer" in page


def test_the_palette_knows_pages_and_tools_that_may_be_seen(
    browser: Browser, stranger: Browser, seed: Seed
) -> None:
    seed.ready("secret", private=True)
    mine = browser.client.get("/palette?q=sec").get_json()["items"]
    assert [item["name"] for item in mine] == ["secret"]
    assert stranger.client.get("/palette?q=sec").get_json()["items"] == []
    assert {"Tools", "Runs"} <= {
        i["name"] for i in stranger.client.get("/palette").get_json()["items"]
    }


@pytest.fixture
def every_page(browser: Browser, seed: Seed) -> Iterator[list[str]]:
    tool = seed.ready("wc")
    _, build_id = seed.unready("pending")
    run = seed.run(tool)
    seed.outputs(run, {"a.txt": b"x"})
    yield [
        *("/add", "/tools", "/runs", "/files", "/how-to", "/account", f"/builds/{build_id}"),
        *(f"/tools/{tool.id}", f"/tools/{tool.id}/edit", f"/runs/{run.id}"),
        f"/runs/{run.id}/outputs/0",
    ]


def test_no_page_has_a_dead_link_or_breaks_the_policy(
    browser: Browser, every_page: list[str]
) -> None:
    links: set[str] = set()
    for path in every_page:
        answer = browser.get(path)
        assert answer.status_code == 200, path
        assert "default-src 'self'" in answer.headers["Content-Security-Policy"]
        assert not re.search(r"<script(?![^>]*src=)|\sstyle=|\son[a-z]+=\"", answer.text), path
        links |= set(re.findall(r'(?:href|src)="(/[^"#]*)', answer.text))
    for link in sorted(links):
        assert browser.get(link.replace("&amp;", "&")).status_code in (200, 303), link
