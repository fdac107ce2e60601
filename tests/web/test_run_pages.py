"""Starting runs, and the pages of runs and builds, on both databases: a refusal loses nothing."""

import io
import re
import zipfile

import pytest
from flask import Flask
from sqlalchemy import select

from shared.plan import Network
from shared.schema.accounts import Account
from shared.schema.runs import File, Run, RunInput
from shared.schema.tools import Build
from tests import factories
from tests.web.browser import Browser, Seed, only
from tests.web.conftest import Person
from web.ports import WebPorts


def test_a_run_is_started_with_a_file_and_stdin(
    browser: Browser, seed: Seed, web_ports: WebPorts
) -> None:
    tool = seed.ready("wc")
    sent = browser.send(
        f"/tools/{tool.id}",
        f"/tools/{tool.id}/runs",
        version="1",
        line="-l 'my file.txt'",
        command="wc-lines",
        stdin="typed\r\ntext",
        timeout="30",
        files=(io.BytesIO(b"one\ntwo\n"), "my file.txt"),
    )
    run = only(web_ports, Run)
    assert isinstance(run, Run)
    assert sent.status_code == 303 and sent.location == f"/runs/{run.id}"
    assert run.argv == ["-l", "my file.txt"] and run.command == "wc-lines"
    assert run.limits["wall_seconds"] == 30
    with web_ports.transactions.read() as session:
        names = {row.name: row.file_id for row in session.scalars(select(RunInput))}
        stdin = session.get_one(File, run.stdin_file_id)
    assert list(names) == ["my file.txt"]
    with web_ports.objects.open(stdin.key) as file:
        assert file.read() == b"typed\ntext"
    page = browser.get(sent.location).text
    assert "wc-lines" in page and "&#39;my file.txt&#39;" in page and "Next in line" in page


def test_a_refused_run_keeps_line_options_and_files(
    browser: Browser, seed: Seed, web_ports: WebPorts
) -> None:
    tool = seed.ready("wc")
    action = f"/tools/{tool.id}/runs"
    sent = browser.send(
        f"/tools/{tool.id}",
        action,
        version="1",
        line="'unbalanced",
        stdin="kept text",
        files=(io.BytesIO(b"x"), "kept.txt"),
    )
    assert sent.status_code == 422
    assert "never closed" in sent.text and "&#39;unbalanced</textarea>" in sent.text
    assert "kept text" in sent.text
    assert 'href="/tools" aria-current="page"' in sent.text
    kept = re.search(r'name="keep" value="([^"]+)"', sent.text)
    assert kept and kept[1].endswith("/kept.txt")
    again = browser.send(f"/tools/{tool.id}", action, version="1", line="kept.txt", keep=kept[1])
    assert again.status_code == 303
    with web_ports.transactions.read() as session:
        assert session.scalars(select(RunInput.name)).all() == ["kept.txt"]


def test_nobody_uses_the_files_of_others(
    stranger: Browser, seed: Seed, web_ports: WebPorts
) -> None:
    tool = seed.ready("wc")
    with web_ports.transactions.begin() as session:
        file = factories.file(session, session.get_one(Account, seed.owner_id), "secret.txt")
    page, action = f"/tools/{tool.id}", f"/tools/{tool.id}/runs"
    sent = stranger.send(page, action, version="1", line="x", keep=f"{file.id}/secret.txt")
    assert sent.status_code == 404


def test_a_quoted_link_is_a_word_and_no_json(
    browser: Browser, seed: Seed, web_ports: WebPorts
) -> None:
    tool = seed.ready("wc")
    line = '"http://www.google.com"'
    browser.send(f"/tools/{tool.id}", f"/tools/{tool.id}/runs", version="1", line=line)
    run = only(web_ports, Run)
    assert isinstance(run, Run) and run.argv == ["http://www.google.com"]


def test_the_network_of_a_run_is_never_wider_than_the_tools(browser: Browser, seed: Seed) -> None:
    tool = seed.ready("wc")
    page, action = f"/tools/{tool.id}", f"/tools/{tool.id}/runs"
    sent = browser.send(page, action, version="1", line="x", network="internet")
    assert sent.status_code == 422 and "may narrow it, not widen it" in sent.text
    online = seed.ready("online", network=Network(mode="internet"))
    page, action = f"/tools/{online.id}", f"/tools/{online.id}/runs"
    assert browser.send(page, action, version="1", line="x", network="off").status_code == 303


def test_what_is_typed_is_shown_as_it_will_arrive(browser: Browser, seed: Seed) -> None:
    tool = seed.ready("wc")
    page = f"/tools/{tool.id}"
    shown = browser.send(page, "/parse", line='{\r\n\u2003"0": "-o",\t"1": "a <b>"}').text
    assert '<span class="n">1</span>-o' in shown and "a &lt;b&gt;" in shown
    assert browser.send(page, "/parse", line="plain words").text.strip() == ""
    assert "never closed" in browser.send(page, "/parse", line="'").text


def test_a_build_page_shows_steps_reason_and_what_to_do(
    browser: Browser, stranger: Browser, seed: Seed
) -> None:
    _, build_id = seed.unready("failed", reason="No entry point was found.")
    page = browser.get(f"/builds/{build_id}").text
    assert "Build failed" in page and "Build it again" in page and "Change the source" in page
    assert f"/api/v1/builds/{build_id}/events" in page
    assert "Build it again" not in stranger.get(f"/builds/{build_id}").text


def test_a_waiting_build_and_run_can_be_cancelled_by_their_owner_alone(
    browser: Browser, stranger: Browser, seed: Seed, web_ports: WebPorts
) -> None:
    _, build_id = seed.unready("pending")
    run = seed.run(seed.ready("wc"), "queued")
    assert stranger.send("/account", f"/builds/{build_id}/cancel").status_code == 403
    assert stranger.send("/account", f"/runs/{run.id}/cancel").status_code == 404
    assert browser.send(f"/builds/{build_id}", f"/builds/{build_id}/cancel").status_code == 303
    assert browser.send(f"/runs/{run.id}", f"/runs/{run.id}/cancel").status_code == 303
    with web_ports.transactions.read() as session:
        assert session.get_one(Build, build_id).state == "cancelled"
        assert session.get_one(Run, run.id).state == "cancelled"


def test_a_run_is_seen_by_who_started_it_and_administrators(
    app: Flask, browser: Browser, stranger: Browser, administrator: Person, seed: Seed
) -> None:
    run = seed.run(seed.ready("wc"))
    seed.outputs(run, {"a.txt": b"x"})
    paths = ["", "/outputs/0", "/outputs/0/download", "/outputs.zip", "/streams/stdout"]
    for path in paths:
        assert stranger.get(f"/runs/{run.id}{path}").status_code == 404, path
        assert browser.get(f"/runs/{run.id}{path}").status_code in (200, 303), path
    assert Browser(app, administrator.email).get(f"/runs/{run.id}").status_code == 200


@pytest.mark.parametrize(
    ("state", "fields", "word"),
    [
        ("failed", {"exit_code": 3}, "Exit 3"),
        ("failed", {"signal": 9}, "SIGKILL"),
        ("failed", {"signal": 9, "oom": True}, "Out of memory"),
        ("timed_out", {}, "Timed out"),
        ("cancelled", {}, "Cancelled"),
        ("succeeded", {"exit_code": 0}, "Succeeded"),
    ],
)
def test_a_run_says_how_it_ended(
    browser: Browser, seed: Seed, web_ports: WebPorts, state: str, fields: dict[str, int], word: str
) -> None:
    run = seed.run(seed.ready("wc"), state)
    with web_ports.transactions.begin() as session:
        row = session.get_one(Run, run.id)
        for name, value in fields.items():
            setattr(row, name, value)
        row.reason = "Because of `this`."
    page = browser.get(f"/runs/{run.id}").text
    assert f'<span class="word">{word}</span>' in page and "Because of <code>this</code>." in page


def test_outputs_are_shown_and_downloaded_and_never_run(browser: Browser, seed: Seed) -> None:
    run = seed.run(seed.ready("wc"))
    png = b"\x89PNG\r\n\x1a\n" + b"\0" * 20
    files = {"t.csv": b"a,b\n1,<b>2</b>\n", "p.png": png, "e.html": b"<script>alert(1)</script>"}
    seed.outputs(run, files)
    page = browser.get(f"/runs/{run.id}").text
    assert "t.csv" in page and "15 B" in page
    table = browser.get(f"/runs/{run.id}/outputs/0").text
    assert "<td>1</td>" in table and "&lt;b&gt;2&lt;/b&gt;" in table
    image = browser.get(f"/runs/{run.id}/outputs/1/image")
    assert image.mimetype == "image/png" and image.data == png
    assert image.headers["Content-Security-Policy"] == "sandbox; default-src 'none'"
    assert image.headers["X-Content-Type-Options"] == "nosniff"
    evil = browser.get(f"/runs/{run.id}/outputs/2")
    assert "<script>alert" not in evil.text and "&lt;script&gt;" in evil.text
    assert browser.get(f"/runs/{run.id}/outputs/2/image").status_code == 404
    away = browser.get(f"/runs/{run.id}/outputs/2/download")
    assert (
        away.status_code == 303 and "/objects/" in away.location and "signature=" in away.location
    )
    assert browser.get(f"/runs/{run.id}/outputs/9").status_code == 404


def test_everything_comes_as_one_zip(browser: Browser, seed: Seed) -> None:
    run = seed.run(seed.ready("wc"))
    seed.outputs(run, {"a/b.txt": b"inside"}, stdout=b"printed")
    answer = browser.get(f"/runs/{run.id}/outputs.zip")
    with zipfile.ZipFile(io.BytesIO(answer.data)) as archive:
        assert archive.read("stdout") == b"printed"
        assert archive.read("files/a/b.txt") == b"inside"
    assert "attachment" in answer.headers["Content-Disposition"]


def test_run_again_brings_line_command_and_files_back(
    browser: Browser, stranger: Browser, seed: Seed, web_ports: WebPorts
) -> None:
    tool = seed.ready("wc")
    run = seed.run(tool, argv=("-l", "data.txt"))
    with web_ports.transactions.begin() as session:
        file = factories.file(session, session.get_one(Account, seed.owner_id), "data.txt", 9)
        session.add(RunInput(run_id=run.id, name="data.txt", file_id=file.id))
    path = f"/tools/{tool.id}?again={run.id}"
    page = browser.get(path).text
    assert "-l data.txt</textarea>" in page and f'value="{file.id}/data.txt" checked' in page
    assert stranger.get(path).status_code == 404


def test_the_history_is_mine_newest_first_and_paged(
    browser: Browser, stranger: Browser, seed: Seed
) -> None:
    tool = seed.ready("wc")
    for n in range(53):
        seed.run(tool, argv=(f"word{n:02}",))
    page = browser.get("/runs").text
    assert page.index("word52") < page.index("word51") and "word02" not in page
    older = re.search(r'href="([^"]+cursor=[^"]+)"', page)
    assert older
    rest = browser.get(older[1].replace("&amp;", "&")).text
    assert "word02" in rest and "word00" in rest and "word03" not in rest
    assert not re.search(r"word\d", stranger.get("/runs").text)


def test_the_history_is_filtered_by_one_field(browser: Browser, seed: Seed) -> None:
    tool, other = seed.ready("wc"), seed.ready("spark")
    seed.run(tool, "failed", ("broken",))
    seed.run(tool, "succeeded", ("fine",))
    seed.run(other, "failed", ("elsewhere",))
    page = browser.get("/runs?q=tool:wc+state:failed+since:1d").text
    assert "broken" in page and "fine" not in page and "elsewhere" not in page
    assert "elsewhere" in browser.get("/runs?q=elsew").text
    nothing = browser.get("/runs?q=state:bogus").text
    assert "There is no state" in nothing


def test_live_rows_look_again_and_ended_ones_rest(browser: Browser, seed: Seed) -> None:
    tool = seed.ready("wc")
    seed.run(tool, "succeeded")
    assert "data-moving" not in browser.get("/runs").text
    seed.run(tool, "running")
    assert "data-moving" in browser.get("/runs").text


def test_too_many_runs_say_when_to_try_again_and_keep_the_line(
    browser: Browser, seed: Seed, web_ports: WebPorts
) -> None:
    tool = seed.ready("wc")
    for _ in range(50):
        seed.run(tool, "queued")
    sent = browser.send(f"/tools/{tool.id}", f"/tools/{tool.id}/runs", version="1", line="one more")
    assert sent.status_code == 429 and int(sent.headers["Retry-After"]) > 0
    assert "one more</textarea>" in sent.text and "Try again when some have finished" in sent.text
