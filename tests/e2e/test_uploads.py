"""Files from a real browser straight to the store: the folder behind web, and S3 at another origin."""

import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.sync_api import Page, Request, expect
from playwright.sync_api import Worker as WebWorker
from sqlalchemy import select

from shared import bucket_s3
from shared.ids import new_id
from shared.schema.accounts import Account
from shared.schema.runs import File, Upload
from tests import factories
from tests.e2e.conftest import LiveWeb, Open, sign_up, violations
from tests.e2e.test_live_pages import COMMANDS, Worker
from tests.emulators import AWS_ENVIRONMENT

MIB = 1 << 20
BIG = 18 * MIB
"""Three parts."""
STORE = """(() => {
  const { open, send } = XMLHttpRequest.prototype;
  XMLHttpRequest.prototype.open = function (method, url) {
    this.part = Number(/[?&]part(?:Number)?=([0-9]+)/.exec(url)?.[1]);
    open.call(this, method, url);
  };
  XMLHttpRequest.prototype.send = function (body) {
    const go = () => send.call(this, new Blob([body]));
    if (this.part === self.refused) {
      Object.defineProperty(this, "status", { value: 400 });
      this.dispatchEvent(new ProgressEvent("loadend"));
    } else if (this.part === self.held) self.release = go;
    else go();
  };
})()"""
"""In the page's worker: a store that holds or refuses one part. Playwright cannot route a worker's requests
to another origin; and it has every body of bytes copied through the debugger, which takes a second a part,
of blobs none.
"""


@pytest.fixture(scope="module", params=["folder", "s3"])
def web(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LiveWeb]:
    """Web on each store; the bucket's CORS names this web only."""
    settings: dict[str, str] = {}
    if request.param == "s3":
        url = request.getfixturevalue("ministack_url")
        bucket = new_id("e2e").replace("_", "-")
        settings = {
            **AWS_ENVIRONMENT,
            "AWS_ENDPOINT_URL": url,
            "TOOLYARD_OBJECTS_URL": f"s3://{bucket}",
        }
    live = LiveWeb(tmp_path_factory.mktemp(f"web-{request.param}"), settings)
    if settings:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in settings.items():
                patch.setenv(name, value)
            bucket_s3.provision(bucket, [live.url])
    live.start()
    yield live
    live.close()


@dataclass
class Tool:
    """The page of a tool, opened by its owner, and what the page has sent to the store."""

    web: LiveWeb
    page: Page
    path: str
    sent: list[str]
    store: WebWorker

    def parts(self) -> list[int]:
        found = (re.search(r"[?&]part(?:Number)?=(\d+)", url) for url in self.sent)
        return sorted(int(one[1]) for one in found if one)

    def run(self) -> Worker:
        self.page.wait_for_url("**/runs/run_*")
        return Worker(self.web, self.page.url.rsplit("/", 1)[1].split("#")[0])


def tool_of(web: LiveWeb, open_page: Open, **options: object) -> Tool:
    page = open_page(web.url, **options)
    email = f"{secrets.token_hex(5)}@example.org"
    sign_up(page, email)
    with web.transactions.begin() as session:
        account = session.scalars(select(Account).where(Account.email == email)).one()
        tool = factories.ready_tool(session, account, "wc", commands=COMMANDS)[0]
        path = f"/tools/{tool.id}"
    page.goto(path)
    sent: list[str] = []

    def note(request: Request) -> None:
        if request.method == "PUT":
            sent.append(request.url)

    page.on("request", note)
    with page.expect_worker() as started:
        drop(page, {"first.txt": "x"})
    started.value.evaluate(STORE)
    page.get_by_role("button", name="Take first.txt away").click()
    return Tool(web, page, path, sent, started.value)


@pytest.fixture
def tool(web: LiveWeb, open_page: Open) -> Tool:
    return tool_of(web, open_page)


def written(folder: Path, name: str, size: int) -> Path:
    """A file of bytes that no other has."""
    path = folder / name
    path.write_bytes(os.urandom(size))
    return path


def drop(page: Page, names: dict[str, str]) -> None:
    """Drop files with these texts onto the page."""
    page.evaluate(
        """names => {
          const dropped = new DataTransfer();
          for (const [name, text] of Object.entries(names)) dropped.items.add(new File([text], name));
          const event = new DragEvent("drop", { dataTransfer: dropped, bubbles: true, cancelable: true });
          document.querySelector("main").dispatchEvent(event);
        }""",
        names,
    )


def test_dropped_and_chosen_files_arrive_as_they_are(tool: Tool, tmp_path: Path) -> None:
    page = tool.page
    big = written(tmp_path, "big.bin", BIG)
    (tmp_path / "empty.txt").write_bytes(b"")
    page.set_input_files("[name=files]", [big, tmp_path / "empty.txt"])
    drop(page, {f"small {n}.txt": f"text {n}\n" for n in range(5)})
    expect(page.locator("[data-chips] [data-state=done]")).to_have_count(7)
    assert page.input_value("[name=line]").count("'small ") == 5
    assert tool.parts() == [1, 2, 3]
    page.fill("[name=line]", "-l")
    page.click("form[data-run] button.primary")
    worker = tool.run()
    inputs = {one.name: one for one in worker.lease.inputs}
    assert sorted(inputs) == ["big.bin", "empty.txt", *(f"small {n}.txt" for n in range(5))]
    for name, data in (
        ("big.bin", big.read_bytes()),
        ("small 3.txt", b"text 3\n"),
        ("empty.txt", b""),
    ):
        assert (
            worker.control.get(inputs[name].url, tmp_path / "got")
            == hashlib.sha256(data).hexdigest()
        )
    worker.finish(tmp_path, {"out.bin": b"output\n"})
    page.reload()
    # As the run form takes an earlier output: across to the store's origin, by its CORS.
    taken = "fetch(location.pathname + '/outputs/0/download').then(answer => answer.text())"
    assert page.evaluate(taken) == "output\n"
    with page.expect_download() as waiting:
        page.evaluate("location.href += '/outputs/0/download'")
    assert waiting.value.suggested_filename == "out.bin"
    assert waiting.value.path().read_bytes() == b"output\n"


def test_the_run_waits_for_its_files(tool: Tool, tmp_path: Path) -> None:
    page = tool.page
    tool.store.evaluate("self.held = 2")
    page.set_input_files("[name=files]", written(tmp_path, "big.bin", BIG))
    page.fill("[name=line]", "-l big.bin")
    page.click("form[data-run] button.primary")
    expect(page.locator("[data-upload-wait]")).to_have_text(
        "It runs as soon as the file is uploaded."
    )
    expect(page.locator("form[data-run] button.primary")).to_be_disabled()
    expect(page.locator("[data-chips] progress")).to_have_js_property("value", 10 * MIB)
    tool.store.evaluate("self.release()")
    worker = tool.run()
    assert [one.name for one in worker.lease.inputs] == ["big.bin"]


def test_after_a_reload_the_same_file_goes_on_where_it_stopped(tool: Tool, tmp_path: Path) -> None:
    page = tool.page
    file = written(tmp_path, "big.bin", BIG)
    tool.store.evaluate("self.held = 3")
    page.set_input_files("[name=files]", file)
    bar = page.locator("[data-chips] progress")
    expect(bar).to_have_js_property("value", 16 * MIB)
    page.get_by_role("button", name="Pause big.bin").press("Enter")
    expect(page.locator("[data-chips] .told")).to_have_text("19 MB · paused at 88 %")
    page.reload()
    tool.sent.clear()
    page.set_input_files("[name=files]", file)
    expect(page.locator("[data-chips] [data-state=done]")).to_have_count(1)
    assert tool.parts() == [3]
    with tool.web.transactions.read() as session:
        row = session.scalars(
            select(File).where(File.name == "big.bin").order_by(File.created_at.desc())
        ).first()
    assert row is not None and row.size == BIG


def test_what_fails_says_so_and_can_be_tried_again_or_taken_away(
    web: LiveWeb, open_page: Open, tmp_path: Path
) -> None:
    tool = tool_of(web, open_page)
    page = tool.page
    tool.store.evaluate("self.refused = 2")
    page.set_input_files("[name=files]", written(tmp_path, "big.bin", BIG))
    chip = page.locator("[data-chips] .chip")
    expect(chip).to_have_attribute("data-state", "failed")
    expect(chip).to_contain_text("The store refused it (400).")
    expect(page.locator("[data-upload-said]")).to_have_text("big.bin: The store refused it (400).")
    page.click("form[data-run] button.primary")
    expect(page.locator("[data-file-fault]")).to_contain_text("One file is not uploaded")
    assert violations(page) == []
    tool.store.evaluate("self.refused = 0")
    page.get_by_role("button", name="Retry big.bin").click()
    expect(chip).to_have_attribute("data-state", "done")
    page.get_by_role("button", name="Take big.bin away").click()
    expect(chip).to_have_count(0)


def test_more_than_the_plan_allows_is_refused_before_anything_is_sent(
    web: LiveWeb, open_page: Open, tmp_path: Path
) -> None:
    tool = tool_of(web, open_page)
    page = tool.page
    page.set_input_files("[name=files]", written(tmp_path, "huge.bin", 26_000_000))
    expect(page.locator("[data-chips] .told")).to_contain_text("your plan allows 25,000,000")
    expect(page.locator("[data-file-fault]")).to_contain_text("your plan takes 25 MB a run")
    assert tool.sent == []
    with web.transactions.read() as session:
        assert session.scalars(select(Upload).where(Upload.name == "huge.bin")).all() == []
    problems = open_page.problems  # type: ignore[attr-defined]
    assert all("status of 413" in problem for problem in problems)
    problems.clear()


def test_the_page_may_speak_to_the_store_and_nobody_else(web: LiveWeb, open_page: Open) -> None:
    page = open_page(web.url)
    answer = page.goto("/sign-in")
    assert answer is not None
    policy = answer.headers["content-security-policy"]
    store = web.settings.get("AWS_ENDPOINT_URL")
    found = [part.split() for part in policy.split("; ") if part.startswith("connect-src")]
    assert found == ([["connect-src", "'self'", store]] if store else [])
