"""The main job in a browser on the running platform; it also takes the README's pictures."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.conftest import ROOT, Open, sign_up, violations
from tests.git_server import GitServer
from tests.platform import Platform

PICTURES = ROOT / "build" / "pictures"
WINDOW = {"width": 1280, "height": 800}


def picture(page: Page, name: str) -> None:
    """As the README shows it; `docs/pictures` holds the ones that are kept."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=PICTURES / f"{name}.png")


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_from_sign_up_to_the_downloaded_output(
    platform: Platform, git_server: GitServer, open_page: Open, tmp_path: Path
) -> None:
    text = tmp_path / "the raven.txt"
    text.write_text(
        "Once upon a midnight dreary, while I pondered, weak and weary,\n"
        "Over many a quaint and curious volume of forgotten lore\n"
        "While I nodded, nearly napping, suddenly there came a tapping,\n"
        "As of some one gently rapping, rapping at my chamber door.\n" * 3
    )
    page = open_page(platform.url, viewport=WINDOW, color_scheme="light")
    page.goto("/")
    expect(page.locator("h1")).to_contain_text("Paste a Git link")
    picture(page, "start")
    sign_up(page, "reader@example.org")

    page.click("text=Add tool")
    page.fill("[name=link]", git_server.link("hello-python"))
    page.click("text=Build it")
    page.wait_for_url("**/builds/*")
    expect(page.locator("#rail .phases li")).not_to_have_count(0)
    expect(page.locator("#job-head .state")).to_have_text("Ready", timeout=400_000)
    expect(page.locator(".log .ln")).not_to_have_count(0)
    expect(page.locator("#rail")).to_contain_text("Plan found")
    assert violations(page) == []
    picture(page, "build")

    page.click("#job-head >> text=Run it")
    page.wait_for_url("**/tools/*")
    page.fill("[name=line]", "--slow 0.4 --output words.csv ")
    page.set_input_files("[name=files]", text)
    page.locator("[name=line]").press("End")
    page.keyboard.type("'the raven.txt'")
    expect(page.locator(".mirror .file")).to_have_count(1)
    expect(page.locator("#parsed .argv li")).to_have_count(5)
    assert violations(page) == []
    picture(page, "tool")
    page.keyboard.press("Enter")

    page.wait_for_url("**/runs/run_*")
    expect(page.locator("#job-head .state")).to_have_text("Running", timeout=60_000)
    expect(page.locator("#E1 > span")).to_have_text("read line 1", timeout=60_000)
    expect(page.locator("#job-head .state")).to_have_text("Running")  # seen while it runs
    expect(page.locator("#E3 > span")).to_have_text("read line 3")
    picture(page, "run-live")
    expect(page.locator("#job-head .state")).to_have_text("Succeeded", timeout=60_000)
    expect(page.locator("#E12 > span")).to_have_text("read line 12")
    expect(page.locator("#L1 > span")).to_contain_text("You have 12 lines and")
    assert violations(page) == []
    picture(page, "run")

    with page.expect_download() as download:
        page.click('[aria-label="Download words.csv"]')
    table = download.value.path().read_text().splitlines()
    assert table[0] == "word,count" and "rapping,6" in table
    page.click("#rail .files a.name")
    expect(page.locator(".csv tbody tr").first).to_be_visible()
    page.goto("/runs")
    expect(page.locator("#runs .state").first).to_have_text("Succeeded")
    page.goto("/tools")
    expect(page.locator("main .state").first).to_have_text("Ready")

    page.emulate_media(color_scheme="dark")
    page.goto("/runs")
    page.click("#runs a.cover >> nth=0")
    expect(page.locator("#E12")).to_be_visible()
    picture(page, "run-dark")
