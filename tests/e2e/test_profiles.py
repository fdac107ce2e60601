"""The main job's shortest way through a browser, on the servers of a team and on AWS's shape."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import expect

from cli.up import RUNNING, generated_settings
from tests.e2e.conftest import Open, sign_up
from tests.git_server import GitServer, repository_from_files
from tests.platform import Platform

COUNT = """#!/bin/sh
# Usage: count FILE
wc -w "$1" | tee words.txt
"""


@pytest.fixture(params=["team", "aws"])
def profiled(request: pytest.FixtureRequest, git_server: GitServer) -> Iterator[Platform]:
    """`toolyard up --profile …`, with servers of its own in a folder that their users can reach."""
    folder = Path(tempfile.mkdtemp(prefix=f"toolyard-{request.param}-"))
    folder.chmod(0o755)
    try:
        with Platform(folder, allow=(git_server.address,), profile=request.param) as running:
            yield running
        assert running.left_behind() == []
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_link_becomes_a_run_in_the_browser(
    profiled: Platform, git_server: GitServer, open_page: Open, tmp_path: Path
) -> None:
    repository_from_files(git_server.root, "count", {"count.sh": COUNT}, executable=["count.sh"])
    text = tmp_path / "the raven.txt"
    text.write_text("while I pondered, weak and weary\n")
    page = open_page(profiled.url)
    sign_up(page, "reader@example.org")

    page.click("text=Add tool")
    page.fill("[name=link]", git_server.link("count"))
    page.click("text=Build it")
    page.wait_for_url("**/builds/*")
    expect(page.locator("#job-head .state")).to_have_text("Ready", timeout=300_000)

    page.click("#job-head >> text=Run it")
    page.wait_for_url("**/tools/*")
    page.set_input_files("[name=files]", text)
    page.fill("[name=line]", "'the raven.txt'")
    page.keyboard.press("Enter")
    page.wait_for_url("**/runs/run_*")
    expect(page.locator("#job-head .state")).to_have_text("Succeeded", timeout=120_000)
    with page.expect_download() as download:
        page.click('[aria-label="Download words.txt"]')
    assert download.value.path().read_text().split()[0] == "6"

    assert profiled.json("bus", "dead-letters", "--json") == []
    profiled.wait(lambda: _mails(profiled), 30, "the mail of the finished run")
    profiled.cli("admin", "backup", str(tmp_path / "backup"), token="")
    assert (tmp_path / "backup" / "database.pgdump").stat().st_size > 0


def _mails(platform: Platform) -> bool:
    """Whether one has arrived: in the emulated SES's hands, else in a folder."""
    endpoint = generated_settings(platform.data / RUNNING).get("AWS_ENDPOINT_URL")
    if endpoint is None:
        return any((platform.data / "mail").rglob("*.eml"))
    answer = httpx.get(endpoint + "/_ministack/ses/messages")
    return "reader@example.org" in answer.text
