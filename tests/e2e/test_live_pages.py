"""Pages in a real browser, on web alone: the test plays the worker through the worker API."""

import hashlib
import secrets
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from shared.control import Control
from shared.plan import Command, Network
from shared.schema.accounts import Account
from shared.schema.runs import Run
from shared.schema.tools import Tool
from shared.work import KeptStream, Manifest, OutputFile, RunAssignment, RunReport, UploadObject
from tests import factories
from tests.e2e.conftest import PASSWORD, LiveWeb, Open, sign_up, violations

COMMANDS = (
    Command(name="wc", run=["wc"], evidence="console script"),
    Command(name="wc-lines", run=["wc-lines"], evidence="console script"),
)


class Person:
    """Somebody with a browser, an account and a tool that can be run."""

    def __init__(self, web: LiveWeb, page: Page) -> None:
        self.web, self.page = web, page
        self.email = f"{secrets.token_hex(5)}@example.org"
        sign_up(page, self.email)
        with web.transactions.begin() as session:
            account = session.scalars(select(Account).where(Account.email == self.email)).one()
            network = Network(mode="internet")
            made = factories.ready_tool(session, account, "wc", network=network, commands=COMMANDS)
            self.tool: Tool = made[0]
            factories.file(session, account, "data.csv", 48_213)
            made[1].readme = "# Count words\n\nCounts `words` in files.\n\n```\nwc -l a.txt\n```\n"
            self.account_id = account.id

    def start(self, line: str = "-l") -> str:
        """Start a run from the page; its id."""
        self.page.goto(f"/tools/{self.tool.id}")
        self.page.fill("[name=line]", line)
        self.page.click("form[data-run] button.primary")
        self.page.wait_for_url("**/runs/run_*")
        return self.page.url.rsplit("/", 1)[1].split("#")[0]


@pytest.fixture
def person(live_web: LiveWeb, open_page: Open) -> Person:
    return Person(live_web, open_page(live_web.url))


class Worker:
    """A runner that holds one run."""

    def __init__(self, web: LiveWeb, run_id: str) -> None:
        self.control: Control = web.worker()
        lease = self.control.claim("run", run_id)
        assert isinstance(lease, RunAssignment)
        self.lease = lease
        self.sent = {"stdout": b"", "stderr": b""}

    def phase(self, *names: str) -> None:
        for name in names:
            self.control.phase("run", self.lease, name)

    def print(self, data: bytes, stream: str = "stdout") -> None:
        self.control.log("run", self.lease, stream, len(self.sent[stream]), data)  # type: ignore[arg-type]
        self.sent[stream] += data

    def finish(
        self, folder: Path, files: dict[str, bytes] | None = None, exit_code: int = 0
    ) -> None:
        self.phase("finalizing")
        named = {"stdout": self.sent["stdout"], "stderr": self.sent["stderr"]}
        named |= {f"o/{n}": data for n, data in enumerate((files or {}).values())}
        wanted = [
            UploadObject(name=n, size=len(d), sha256=hashlib.sha256(d).hexdigest())
            for n, d in named.items()
        ]
        targets = self.control.uploads("run", self.lease, wanted)
        for name, data in named.items():
            path = folder / "object"
            path.write_bytes(data)
            self.control.put(targets.urls[name], path, targets.headers.get(name))
        sha256 = {one.name: one.sha256 for one in wanted}

        def kept(name: str) -> KeptStream:
            size = len(named[name])
            return KeptStream(size=size, kept=size, sha256=sha256[name], key=targets.keys[name])

        outputs = [
            OutputFile(path=p, size=len(d), sha256=sha256[f"o/{n}"], key=targets.keys[f"o/{n}"])
            for n, (p, d) in enumerate((files or {}).items())
        ]
        self.control.finish(
            "run",
            self.lease,
            RunReport(
                fence=self.lease.fence,
                state="succeeded" if exit_code == 0 else "failed",
                exit_code=exit_code,
                seconds=1.5,
                manifest=Manifest(stdout=kept("stdout"), stderr=kept("stderr"), outputs=outputs),
            ),
        )


def test_a_run_is_followed_from_the_dropped_file_to_the_download(
    person: Person, tmp_path: Path
) -> None:
    page = person.page
    page.goto(f"/tools/{person.tool.id}")
    page.select_option("select[name=command]", "wc-lines")
    page.fill("[name=line]", "-l ")
    page.evaluate(
        """() => { const data = new DataTransfer();
        data.items.add(new File(["one\\ntwo\\n"], "my words.txt"));
        document.body.dispatchEvent(new DragEvent("drop", {dataTransfer: data, bubbles: true, cancelable: true})); }"""
    )
    expect(page.locator("[name=line]")).to_have_value("-l 'my words.txt' ")
    expect(page.locator(".mirror .file")).to_have_text("'my words.txt'")
    expect(page.locator(".chip .name")).to_have_text("my words.txt")
    expect(page.locator("#parsed .argv li")).to_have_count(2)
    page.press("[name=line]", "Enter")
    page.wait_for_url("**/runs/run_*")
    expect(page.locator("#job-head .state")).to_have_text("Queued")

    worker = Worker(person.web, page.url.rsplit("/", 1)[1])
    assert worker.lease.argv == ["wc-lines", "-l", "my words.txt"]
    assert [file.name for file in worker.lease.inputs] == ["my words.txt"]
    worker.phase("staging", "starting", "running")
    expect(page.locator("#job-head .state")).to_have_text("Running")
    expect(page.locator("#rail .phases .now")).to_contain_text("Running")

    worker.print(b"\x1b[32mgreen\x1b[0m and plain\n")
    worker.print("ü".encode()[:1])
    worker.print("ü".encode()[1:] + b" in two halves\n")
    worker.print(b"warning\n", "stderr")
    for percent in range(0, 101, 20):
        worker.print(b"\rprogress %3d%%" % percent)
    expect(page.locator("#L1 .f2")).to_have_text("green")
    expect(page.locator("#L2 > span")).to_have_text("ü in two halves")
    expect(page.locator("#E1.err > span")).to_have_text("warning")
    expect(page.locator("#L3 > span")).to_have_text("progress 100%")
    expect(page.locator(".log .ln")).to_have_count(4)

    page.click("[data-only=err]")
    expect(page.locator("#L1")).to_be_hidden()
    expect(page.locator("#E1")).to_be_visible()
    page.click('[data-only=""]')

    worker.finish(tmp_path, {"counts/result.csv": b"word,n\none,1\n"})
    expect(page.locator("#job-head .state")).to_have_text("Succeeded")
    expect(page.locator("#rail .phases .now")).to_have_count(0)
    with page.expect_download() as download:
        page.click('[aria-label="Download counts/result.csv"]')
    assert download.value.suggested_filename == "result.csv"
    assert download.value.path().read_bytes() == b"word,n\none,1\n"
    page.click("#rail .files a.name")
    expect(page.locator(".csv tbody td").nth(1)).to_have_text("one")


def test_the_log_survives_a_restart_of_web_without_loss_or_repeat(
    person: Person, live_web: LiveWeb, open_page: Open, tmp_path: Path
) -> None:
    page = person.page
    worker = Worker(live_web, person.start())
    worker.phase("running")
    worker.print(b"".join(b"line %d\n" % n for n in range(1, 101)))
    expect(page.locator("#L100 > span")).to_have_text("line 100")
    live_web.stop()
    expect(page.locator("[data-said]")).to_have_text("The connection was lost. Trying again.")
    live_web.start()
    worker.print(b"".join(b"line %d\n" % n for n in range(101, 201)))
    expect(page.locator("#L200 > span")).to_have_text("line 200", timeout=30_000)
    texts = page.locator(".log .ln > span").all_inner_texts()
    assert texts == [f"line {n}" for n in range(1, 201)]
    expect(page.locator("[data-said]")).to_have_text("")
    worker.finish(tmp_path)
    expect(page.locator("#job-head .state")).to_have_text("Succeeded")
    problems: list[str] = open_page.problems  # type: ignore[attr-defined]
    # What browser and htmx say of their own about a server that is away.
    away = ("Failed to load resource", "Failed to fetch")
    problems[:] = [text for text in problems if not any(words in text for words in away)]


def test_a_line_is_linked_and_found(person: Person, tmp_path: Path) -> None:
    page = person.page
    run_id = person.start()
    worker = Worker(person.web, run_id)
    worker.phase("running")
    worker.print(b"".join(b"row %d of many\n" % n for n in range(1, 6001)))
    worker.finish(tmp_path)
    expect(page.locator("#job-head .state")).to_have_text("Succeeded")
    page.goto(f"/runs/{run_id}#L77")
    page.reload()
    expect(page.locator("#L77")).to_have_class("ln at")
    expect(page.locator("#L77")).to_be_in_viewport()
    page.fill("[data-search]", "ROW 4321 ")
    expect(page.locator("[data-found]")).to_have_text("1 of 1")
    expect(page.locator("#L4321")).to_be_in_viewport()
    page.fill("[data-search]", "no such thing")
    expect(page.locator("[data-found]")).to_have_text("none")


def test_a_huge_log_keeps_the_page_small(person: Person, tmp_path: Path) -> None:
    page = person.page
    worker = Worker(person.web, person.start())
    worker.phase("running")
    chunk = b"".join(
        b"%07d a line of a very long log that never seems to end\n" % n for n in range(15_000)
    )
    for _ in range(8):
        worker.print(chunk)
    expect(page.locator("[data-count]")).to_have_text("120,000 lines", timeout=60_000)
    assert page.locator(".log .ln").count() <= 4600
    expect(page.locator("#L120000")).to_be_in_viewport()
    expect(page.locator(".log .earlier").first).to_contain_text("earlier lines")
    page.hover(".log")
    page.mouse.wheel(0, -3000)
    expect(page.locator("[data-follow]")).to_have_attribute("aria-pressed", "false")
    page.locator(".log .earlier button").first.click()
    assert page.locator(".log .ln").count() <= 4600
    page.click("[data-follow]")
    expect(page.locator("#L120000")).to_be_in_viewport()
    worker.finish(tmp_path)
    expect(page.locator("#job-head .state")).to_have_text("Succeeded")


def test_nothing_that_a_tool_prints_becomes_part_of_the_page(
    person: Person, tmp_path: Path
) -> None:
    page = person.page
    worker = Worker(person.web, person.start())
    worker.phase("running")
    worker.print(
        b"<img src=x onerror=alert(1)><script>alert(2)</script>\n"
        b"\x1b]8;;javascript:alert(3)\x07click\x1b]8;;\x07 \x1b]52;c;aGk=\x07\x1b]0;owned\x07\n"
        b"\x1b[38;2;1;2;3;background:url(//evil.example)mx\n\xff\xfe\x00 end\n"
    )
    expect(page.locator("#L4")).to_be_visible()
    expect(page.locator("#L1 > span")).to_have_text(
        "<img src=x onerror=alert(1)><script>alert(2)</script>"
    )
    expect(page.locator("#L2 > span")).to_have_text("click ")
    assert page.locator(".log a[href^='javascript'], .log img, .log script").count() == 0
    assert "owned" not in page.title()
    worker.finish(tmp_path, {"<img src=x onerror=alert(4)>.html": b"<script>alert(5)</script>"}, 1)
    expect(page.locator("#job-head .state")).to_have_text("Exit 1")
    page.click("#rail .files a.name")
    expect(page.locator(".preview pre")).to_have_text("<script>alert(5)</script>")


def test_active_files_of_strangers_do_not_run_on_our_origin(person: Person, tmp_path: Path) -> None:
    page = person.page
    worker = Worker(person.web, person.start())
    worker.phase("running")
    files = {
        "a.html": b"<script>document.title='owned'</script>",
        "b.svg": b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "c.png": b"\x89PNG\r\n\x1a\n<script>alert(2)</script>",
    }
    worker.finish(tmp_path, files)
    expect(page.locator("#job-head .state")).to_have_text("Succeeded")
    base = page.url
    for n in range(len(files)):
        answer = page.request.get(f"{base}/outputs/{n}/download")
        assert answer.headers["content-disposition"].startswith("attachment")
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "sandbox" in answer.headers["content-security-policy"]
    answer = page.request.get(f"{base}/outputs/2/image")
    assert answer.headers["content-type"] == "image/png"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert page.request.get(f"{base}/outputs/1/image").status == 404


def test_cancelling_shows_at_once(person: Person) -> None:
    page = person.page
    worker = Worker(person.web, person.start())
    worker.phase("running")
    expect(page.locator("#job-head .state")).to_have_text("Running")
    page.click("#job-head button:has-text('Cancel')")
    expect(page.locator("#job-head .state")).to_have_text("Cancelling")
    assert worker.control.heartbeat("run", worker.lease).directive == "cancel"
    worker.control.finish(
        "run", worker.lease, RunReport(fence=worker.lease.fence, state="cancelled", seconds=0.1)
    )
    expect(page.locator("#job-head .state")).to_have_text("Cancelled")


def test_a_second_attempt_begins_with_an_empty_log(person: Person, tmp_path: Path) -> None:
    page = person.page
    run_id = person.start()
    first = Worker(person.web, run_id)
    first.phase("running")
    first.print(b"of the first attempt\n")
    expect(page.locator("#L1 > span")).to_have_text("of the first attempt")
    with person.web.transactions.begin() as session:  # as the reaper does with a lost lease
        run = session.get_one(Run, run_id)
        run.state, run.lease_owner, run.lease_until, run.not_before = "queued", None, None, 0
    second = Worker(person.web, run_id)
    second.phase("running")
    second.print(b"of the second attempt\n")
    expect(page.locator("#L1 > span")).to_have_text("of the second attempt")
    expect(page.locator(".log .ln")).to_have_count(1)
    second.finish(tmp_path)
    expect(page.locator("#job-head .state")).to_have_text("Succeeded")


def test_the_keyboard_reaches_everything(person: Person) -> None:
    page = person.page
    page.goto("/runs")
    page.keyboard.press("/")
    expect(page.locator(".top .find input")).to_be_focused()
    page.keyboard.press("Control+k")
    expect(page.locator("dialog.palette")).to_be_visible()
    page.keyboard.type("wc")
    expect(page.locator("dialog.palette li").first).to_contain_text("wc")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/tools/{person.tool.id}")
    expect(page.locator("[name=line]")).to_be_focused()
    page.goto("/tools")
    page.keyboard.press("Tab")
    expect(page.locator(".skip")).to_be_focused()


def test_the_history_is_live_and_filters_as_one_types(person: Person, tmp_path: Path) -> None:
    page = person.page
    worker = Worker(person.web, person.start("first"))
    worker.phase("running")
    page.goto("/runs")
    expect(page.locator("#runs .state")).to_have_text("Running")
    worker.finish(tmp_path)
    expect(page.locator("#runs .state")).to_have_text("Succeeded")
    page.fill("main .find input", "state:failed")
    expect(page.locator("#runs")).to_contain_text("No run of yours matches")
    assert "state%3Afailed" in page.url or "state:failed" in page.url
    page.fill("main .find input", "")
    expect(page.locator("#runs .state")).to_have_text("Succeeded")


def test_everything_works_without_scripts(
    person: Person, live_web: LiveWeb, open_page: Open, tmp_path: Path
) -> None:
    page = open_page(live_web.url, java_script_enabled=False)
    page.goto(f"/tools/{person.tool.id}")
    page.click("text=Sign in to run it")
    page.fill("[name=email]", person.email)
    page.fill("[name=password]", PASSWORD)
    page.click("main button.primary")
    page.fill("[name=line]", "-l data.txt")
    (tmp_path / "data.txt").write_text("x\n")
    page.set_input_files("[name=files]", tmp_path / "data.txt")
    page.click("form[data-run] button.primary")
    page.wait_for_url("**/runs/run_*")
    run_id = page.url.rsplit("/", 1)[1]
    expect(page.locator("#job-head .state")).to_have_text("Queued")
    worker = Worker(live_web, run_id)
    worker.phase("running")
    worker.print(b"printed\n")
    page.reload()
    expect(page.locator("#job-head .state")).to_have_text("Running")
    assert page.request.get(f"/runs/{run_id}/streams/stdout").text() == "printed\n"
    worker.finish(tmp_path)
    page.reload()
    expect(page.locator("#job-head .state")).to_have_text("Succeeded")
    page.goto("/account")
    page.click("text=Sign out >> nth=0")
    page.wait_for_url(f"{live_web.url}/")


SMALL = """() => {
  const least = 40, found = [];
  const pressed = "a[href], button, input:not([type=hidden]), select, textarea, summary, label.check";
  for (const one of document.querySelectorAll(pressed)) {
    if (!one.checkVisibility({visibilityProperty: true, opacityProperty: true})) continue;
    if (one.closest(".sr, .skip, .log .ln, .mirror")) continue;
    const inText = getComputedStyle(one).display === "inline" && one.parentElement.textContent.trim() !== one.textContent.trim();
    if (inText || one.closest("dd, .readme p, .readme li")) continue;
    const area = one.closest("tr:has(a.cover), label.check, label.cli, label.button, .cli") ?? one;
    const {width, height} = area.getBoundingClientRect();
    if (width && height < least - 0.5) found.push(`${one.tagName.toLowerCase()} “${(one.ariaLabel || one.textContent || one.name || "").trim().slice(0, 30)}” is ${Math.round(height)} px high`);
  }
  return found;
}"""


def small(page: Page) -> list[str]:
    """What is too low for a finger."""
    found: list[str] = page.evaluate(SMALL)
    return found


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1440])
def test_no_page_is_wider_than_the_window_or_breaks_an_accessibility_rule(
    live_web: LiveWeb, open_page: Open, tmp_path: Path, width: int, scheme: str
) -> None:
    size = {"width": width, "height": 900}
    page = open_page(live_web.url, viewport=size, color_scheme=scheme)
    person = Person(live_web, page)
    worker = Worker(live_web, person.start("--flag " + "a-very-long-word" * 12))
    worker.phase("running")
    worker.print(
        b"\x1b[1;31mred\x1b[0m \x1b[38;5;208morange\x1b[0m \x1b[93myellow\x1b[0m \x1b[44mblue\x1b[0m\n"
    )
    worker.print(b"warning\n", "stderr")
    expect(page.locator("#E1")).to_be_visible()
    live = page.url
    found = violations(page, without=("target-size",))
    found += small(page) if width == 390 else []
    worker.finish(tmp_path, {"t.csv": b"a,b\n1,2\n", "n.txt": b"text\n"})
    paths = [live, f"{live}/outputs/0", f"{live}/outputs/1", "/add", "/tools", "/runs", "/how-to"]
    paths += ["/account", f"/tools/{person.tool.id}", f"/tools/{person.tool.id}/edit"]
    paths += [f"/tools/{person.tool.id}/{one}" for one in ("plan", "origin")]
    paths += ["/account/git-hosts", "/files"]
    paths += ["/sign-in", "/sign-up", "/"]
    for path in paths:
        if path == "/sign-in":
            page.context.clear_cookies()
        page.goto(path)
        page.wait_for_load_state("networkidle")
        if path == f"/tools/{person.tool.id}":
            long = {"name": "a long name " * 8, "mimeType": "text/plain", "buffer": b"x"}
            page.set_input_files("[name=files]", long)  # type: ignore[arg-type]
            expect(page.locator(".chip[data-state=done]")).to_be_visible()
        # A row under the sticky bar is no small target: it scrolls.
        found += [f"{path} {one}" for one in violations(page, without=("target-size",))]
        found += [f"{path} {one}" for one in small(page)] if width == 390 else []
        wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
        if wide > 0:
            found.append(f"{path} is {wide} px too wide")
    assert found == []
