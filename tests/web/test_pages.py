"""Every page on both databases: what it shows, who may see it, and that a refusal loses nothing."""

import hashlib
import io
import re
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from shared.plan import Command, Network
from shared.schema.accounts import Account, LoginSession
from shared.schema.runs import File, Output, Run, RunInput
from shared.schema.tools import Build, Tool, Version
from shared.work import KeptStream, Manifest, OutputFile
from tests import factories
from tests.web.conftest import PASSWORD, Person
from web.ports import WebPorts

LINK = "https://github.com/piuccio/cowsay"


class Browser:
    """A signed-in person's browser: it takes the token from the page before it sends a form."""

    def __init__(self, app: Flask, email: str = "") -> None:
        self.client: FlaskClient = app.test_client()
        if email:
            answer = self.send("/sign-in", "/sign-in", email=email, password=PASSWORD)
            assert answer.status_code == 303, answer.text

    def get(self, path: str) -> TestResponse:
        return self.client.get(path)

    def send(self, page: str, action: str, **fields: object) -> TestResponse:
        """Send a form of a page, with the token that the page carries."""
        html = self.client.get(page).text
        token = re.search(r'name="csrf_token" value="([0-9a-f]+)"', html)
        assert token, f"{page} has no form with a token"
        data = {"csrf_token": token[1], **fields}
        return self.client.post(action, data=data, content_type="multipart/form-data")


@pytest.fixture
def browser(app: Flask, owner: Person) -> Browser:
    return Browser(app, owner.email)


@pytest.fixture
def stranger(app: Flask, other: Person) -> Browser:
    return Browser(app, other.email)


@pytest.fixture
def visitor(app: Flask) -> Browser:
    return Browser(app)


class Seed:
    """Rows of the owner's."""

    def __init__(self, ports: WebPorts, owner_id: str) -> None:
        self.ports = ports
        self.owner_id = owner_id

    def _account(self, session) -> Account:  # type: ignore[no-untyped-def]
        return session.get_one(Account, self.owner_id)  # type: ignore[no-any-return]

    def ready(self, name: str = "wc", **kwargs: object) -> Tool:
        with self.ports.transactions.begin() as session:
            return factories.ready_tool(session, self._account(session), name, **kwargs)[0]  # type: ignore[arg-type]

    def unready(self, state: str, name: str = "half", reason: str = "") -> tuple[Tool, str]:
        with self.ports.transactions.begin() as session:
            account = self._account(session)
            tool = factories.tool(session, account, name)
            version = factories.version(session, tool, state=state, reason=reason)
            build_state = "queued" if state == "pending" else "failed"
            return tool, factories.build(session, version, account, state=build_state).id

    def run(self, tool: Tool, state: str = "succeeded", argv: tuple[str, ...] = ("-l",)) -> Run:
        with self.ports.transactions.begin() as session:
            version = session.scalars(select(Version).where(Version.tool_id == tool.id)).first()
            assert version is not None
            return factories.run(session, self._account(session), version, state=state, argv=argv)

    def store(self, key: str, data: bytes) -> None:
        with tempfile.NamedTemporaryFile() as file:
            file.write(data)
            file.flush()
            self.ports.objects.put(key, Path(file.name))

    def outputs(self, run: Run, files: dict[str, bytes], stdout: bytes = b"hi\n") -> None:
        rows = []
        for n, (path, data) in enumerate(files.items()):
            key = f"runs/{run.id}/a/o/{n}"
            self.store(key, data)
            sha256 = hashlib.sha256(data).hexdigest()
            rows.append(OutputFile(path=path, size=len(data), sha256=sha256, key=key))
        self.store(f"runs/{run.id}/a/stdout", stdout)
        out = KeptStream(
            size=len(stdout),
            kept=len(stdout),
            sha256=hashlib.sha256(stdout).hexdigest(),
            key=f"runs/{run.id}/a/stdout",
        )
        nothing = KeptStream(size=0, kept=0, sha256=factories.EMPTY_SHA256)
        manifest = Manifest(stdout=out, stderr=nothing, outputs=rows)
        with self.ports.transactions.begin() as session:
            session.get_one(Run, run.id).manifest = manifest.model_dump(mode="json")
            for n, row in enumerate(rows):
                session.add(Output(run_id=run.id, n=n, **row.model_dump()))


@pytest.fixture
def seed(web_ports: WebPorts, owner: Person) -> Seed:
    return Seed(web_ports, owner.id)


def only(ports: WebPorts, table: type) -> object:
    with ports.transactions.read() as session:
        return session.scalars(select(table)).one()


# Signing up, in and out


def test_a_stranger_signs_up_and_is_signed_in(visitor: Browser) -> None:
    sent = visitor.send("/sign-up", "/sign-up", email="new@example.org", password=PASSWORD)
    assert sent.status_code == 303 and sent.location == "/tools"
    assert "new@example.org" in visitor.get("/account").text


def test_a_refused_sign_up_keeps_the_address_and_never_the_password(visitor: Browser) -> None:
    sent = visitor.send("/sign-up", "/sign-up", email="new@example.org", password="short")
    assert sent.status_code == 422
    assert 'value="new@example.org"' in sent.text and "at least 8 characters" in sent.text
    assert "short<" not in sent.text and 'value="short"' not in sent.text


def test_a_wrong_password_says_so_and_keeps_the_address(visitor: Browser, owner: Person) -> None:
    sent = visitor.send("/sign-in", "/sign-in", email=owner.email, password="not the password")
    assert sent.status_code == 401
    assert f'value="{owner.email}"' in sent.text and "password is wrong" in sent.text


def test_what_was_pasted_before_signing_in_is_there_afterwards(
    visitor: Browser, owner: Person
) -> None:
    asked = visitor.get(f"/add?link={LINK}")
    assert asked.status_code == 303 and asked.location.startswith("/sign-in?next=")
    html = visitor.get(asked.location).text
    target = re.search(r'name="next" value="([^"]+)"', html)
    assert target
    fields = {"email": owner.email, "password": PASSWORD, "next": target[1]}
    sent = visitor.send(asked.location, "/sign-in", **fields)
    assert f'value="{LINK}"' in visitor.get(sent.location).text


def test_signing_out_ends_the_session(browser: Browser) -> None:
    assert browser.send("/account", "/sign-out").status_code == 303
    assert browser.get("/account").status_code == 303


def test_closed_sign_up_is_said_and_not_possible(
    visitor: Browser, app: Flask, web_ports: WebPorts
) -> None:
    closed = web_ports.settings.model_copy(update={"sign_up": False})
    object.__setattr__(web_ports, "settings", closed)
    assert "Sign-up is closed" in visitor.get("/sign-up").text
    sent = visitor.send("/sign-in", "/sign-up", email="new@example.org", password=PASSWORD)
    assert sent.status_code == 403


@pytest.mark.parametrize(
    "action",
    ["/sign-in", "/sign-up", "/sign-out", "/add", "/parse", "/account/tokens", "/account/password"],
)
def test_a_form_without_its_token_is_refused(browser: Browser, action: str) -> None:
    assert browser.client.post(action, data={"link": LINK}).status_code == 403


@pytest.mark.parametrize(
    "path", ["/add", "/runs", "/account", "/palette", "/builds/bld_x", "/runs/x"]
)
def test_private_pages_ask_to_sign_in(visitor: Browser, path: str) -> None:
    asked = visitor.get(path)
    assert asked.status_code == 303 and asked.location.startswith("/sign-in?next=")


# Adding, listing and changing tools


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


# The tool's page and starting runs


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


# Watching runs and builds


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


# The account


def test_a_token_is_shown_once_works_and_can_be_revoked(
    app: Flask, browser: Browser, owner: Person
) -> None:
    made = browser.send("/account", "/account/tokens", name="laptop", days="30")
    secret = re.search(r'id="secret">(ty_[^<]+)<', made.text)
    assert made.status_code == 201 and secret
    assert secret[1] not in browser.get("/account").text
    bearer = {"Authorization": f"Bearer {secret[1]}"}
    plain = app.test_client(use_cookies=False)
    assert plain.get("/api/v1/me", headers=bearer).status_code == 200
    page = browser.get("/account").text
    revoke = re.search(
        r'action="(/account/tokens/[^"]+/revoke)" data-confirm="Revoke “laptop”', page
    )
    assert revoke
    assert browser.send("/account", revoke[1]).status_code == 303
    assert plain.get("/api/v1/me", headers=bearer).status_code == 401


def test_nobody_revokes_what_belongs_to_others(
    browser: Browser, stranger: Browser, owner: Person
) -> None:
    page = browser.get("/account").text
    action = re.search(r'action="(/account/tokens/[^"]+/revoke)"', page)
    assert action
    assert stranger.send("/account", action[1]).status_code == 404


def test_another_browser_is_signed_out_from_here(
    app: Flask, browser: Browser, owner: Person
) -> None:
    elsewhere = Browser(app, owner.email)
    page = browser.get("/account").text
    actions = re.findall(r'action="(/account/sessions/[0-9a-f]+/revoke)"', page)
    assert len(actions) == 1 and "this one" in page
    assert browser.send("/account", actions[0]).status_code == 303
    assert elsewhere.get("/account").status_code == 303
    assert browser.get("/account").status_code == 200


def test_the_page_never_shows_a_sessions_digest(browser: Browser, web_ports: WebPorts) -> None:
    with web_ports.transactions.read() as session:
        digests = session.scalars(select(LoginSession.digest)).all()
    page = browser.get("/account").text
    assert digests and not any(digest[:24] in page for digest in digests)


def test_the_password_is_changed_only_with_the_present_one(
    app: Flask, browser: Browser, owner: Person
) -> None:
    elsewhere = Browser(app, owner.email)
    action = "/account/password"
    wrong = browser.send("/account", action, present="not it at all", new="another good one")
    assert wrong.status_code == 401 and "present password is wrong" in wrong.text
    weak = browser.send("/account", action, present=PASSWORD, new="short")
    assert weak.status_code == 422
    right = browser.send("/account", action, present=PASSWORD, new="another good one")
    assert right.status_code == 303
    assert browser.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 303


# Errors and the rest


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


def test_an_error_page_never_gives_back_a_password(visitor: Browser) -> None:
    answer = visitor.client.post("/sign-in", data={"email": "a@b.org", "password": "hunter2hunter"})
    assert answer.status_code == 403 and "hunter2" not in answer.text


def test_too_many_runs_say_when_to_try_again_and_keep_the_line(
    browser: Browser, seed: Seed, web_ports: WebPorts
) -> None:
    tool = seed.ready("wc")
    for _ in range(50):
        seed.run(tool, "queued")
    sent = browser.send(f"/tools/{tool.id}", f"/tools/{tool.id}/runs", version="1", line="one more")
    assert sent.status_code == 429 and int(sent.headers["Retry-After"]) > 0
    assert "one more</textarea>" in sent.text and "Try again when some have finished" in sent.text


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
        *("/add", "/tools", "/runs", "/how-to", "/account", f"/builds/{build_id}"),
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
