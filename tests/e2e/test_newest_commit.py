"""A tool follows its repository: the page learns of a newer commit, builds it, and says what changed for users."""

import re

import pytest
from playwright.sync_api import expect

from tests.e2e.conftest import Open, sign_up, violations
from tests.git_server import GitServer, repository_from_files
from tests.platform import Platform

BEFORE = """\
import argparse
parser = argparse.ArgumentParser(prog="follow")
parser.add_argument("--loud", action="store_true")
print(parser.parse_args())
"""
AFTER = BEFORE.replace('"--loud"', '"--quiet"')


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_newer_commit_is_found_built_and_compared(
    platform: Platform, git_server: GitServer, open_page: Open
) -> None:
    repository_from_files(git_server.root, "follow", {"follow.py": BEFORE})
    page = open_page(platform.url)
    sign_up(page, "follower@example.org")
    page.click("text=Add tool")
    page.fill("[name=link]", git_server.link("follow"))
    page.click("text=Build it")
    expect(page.locator("#job-head .state")).to_have_text("Ready", timeout=400_000)
    page.click("#job-head >> text=Run it")
    page.click("text=Newer commits")
    page.wait_for_url("**/origin*")
    expect(page.locator("#newest")).to_contain_text("Nobody has asked yet")

    page.click("text=Check now")
    expect(page.locator("#newest")).to_contain_text("version 1 is the newest", timeout=60_000)
    repository_from_files(git_server.root, "follow", {"follow.py": AFTER})
    page.click("text=Check now")
    expect(page.locator("#newest")).to_contain_text(re.compile("Yes: .* version 1 was made of"), timeout=60_000)  # fmt: skip
    assert violations(page) == []

    page.click("text=Build the newest commit")
    expect(page.locator("#job-head .state")).to_have_text("Ready", timeout=400_000)
    page.click("#job-head >> text=Run it")
    page.click("text=Newer commits")
    changes = page.locator(".changes")
    expect(changes).to_contain_text("New: --quiet")
    expect(changes).to_contain_text("Gone: --loud")
    expect(page.locator("#newest")).to_contain_text("version 2 is the newest")
