"""The fields that a tool's help gives, in step with its command line, in a real browser."""

import hashlib
import secrets
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import select

from builder_service.help.parse import parse
from shared.form import Form
from shared.plan import Command
from shared.schema.accounts import Account
from tests import factories
from tests.e2e.conftest import LiveWeb, Open, sign_up, violations
from tests.e2e.test_live_pages import Worker

TEXTS = Path(__file__).parents[1] / "builder_service/help_texts"


def form_of(name: str) -> Form:
    form = parse((TEXTS / f"{name}.txt").read_text())
    assert form is not None
    return form


def hf() -> Form:
    whole = form_of("typer/hf")
    subcommands = {**whole.subcommands, "download": form_of("typer/hf-download")}
    return whole.model_copy(update={"subcommands": subcommands})


def page_of(web: LiveWeb, open_page: Open, forms: dict[str, Form], **options: object) -> Page:
    """The page of a tool with these commands."""
    page = open_page(web.url, **options)
    email = f"{secrets.token_hex(5)}@example.org"
    sign_up(page, email)
    with web.transactions.begin() as session:
        account = session.scalars(select(Account).where(Account.email == email)).one()
        commands = tuple(Command(name=name, run=[name], evidence="test") for name in forms)
        name = next(iter(forms))
        tool, version = factories.ready_tool(session, account, name, commands=commands)[:2]
        version.forms = {name: form.model_dump(mode="json") for name, form in forms.items()}
        path = f"/tools/{tool.id}"
    page.goto(path)
    return page


@pytest.fixture
def sherlock(live_web: LiveWeb, open_page: Open) -> Page:
    return page_of(live_web, open_page, {"sherlock": form_of("argparse/sherlock")})


def line(page: Page) -> str:
    return page.input_value("[name=line]")


def test_what_is_entered_stands_in_the_line(sherlock: Page) -> None:
    page = sherlock
    field = page.locator("[data-key=USERNAMES]")
    expect(field.get_by_text("needed")).to_be_visible()
    field.locator("input").first.fill("it's me")
    assert line(page) == "'it'\\''s me'"
    expect(field.get_by_text("needed")).to_be_hidden()
    field.locator("input").nth(1).fill("-x")
    assert line(page) == "-- 'it'\\''s me' -x"
    field.locator("input").nth(1).fill("two")
    page.get_by_label("--timeout").fill("1")
    page.get_by_label("--csv").check()
    assert line(page) == "--timeout 1 --csv -- 'it'\\''s me' two"
    page.get_by_label("--csv").uncheck()
    page.get_by_label("--timeout").fill("")
    assert "--timeout" not in line(page)
    assert "--csv" not in line(page)


def test_what_is_typed_stands_in_the_fields(sherlock: Page) -> None:
    page = sherlock
    page.locator("[name=line]").press_sequentially("--wild=1 -p 'a b' --site x --site y google")
    expect(page.get_by_label("--proxy")).to_have_value("a b")
    sites = page.locator("[data-key='--site'] input")
    assert [one.input_value() for one in sites.all()] == ["x", "y", ""]
    expect(page.locator("[data-key=USERNAMES] input").first).to_have_value("google")
    expect(page.locator(".kept-words")).to_have_text("Kept as typed: --wild=1")
    sites.nth(1).fill("z w")
    assert line(page) == "--wild=1 -p 'a b' --site x --site 'z w' google"
    page.locator("[name=line]").fill("--timeout 'op")
    expect(page.locator(".run-fields")).to_contain_text("not closed")
    page.locator("[name=line]").fill("")
    expect(page.get_by_label("--proxy")).to_have_value("")


def test_subcommands_choices_search_and_no_fault_of_access(
    live_web: LiveWeb, open_page: Open
) -> None:
    page = page_of(live_web, open_page, {"hf": hf(), "black": form_of("click/black"), "bare": Form()})  # fmt: skip
    page.get_by_label("Subcommand", exact=True).select_option("download")
    assert line(page) == "download"
    page.get_by_label("--type").select_option("dataset")
    page.get_by_label("--force-download").select_option("off")
    assert line(page) == "download --type dataset --no-force-download"
    page.get_by_placeholder("Find an option").fill("local-dir")
    expect(page.locator("[data-key='--local-dir']")).to_be_visible()
    expect(page.locator("[data-key='--revision']")).to_be_hidden()
    page.get_by_placeholder("Find an option").fill("")
    assert violations(page) == []
    page.locator("[name=line]").fill("")
    page.get_by_label("Command", exact=True).select_option("black")
    page.get_by_label("--line-length").fill("100")
    assert line(page) == "--line-length 100"


def test_a_chosen_file_is_attached_and_named(
    live_web: LiveWeb, open_page: Open, tmp_path: Path
) -> None:
    page = page_of(live_web, open_page, {"cutadapt": form_of("argparse/cutadapt")})
    chosen = tmp_path / "my reads.fastq"
    chosen.write_text("@a\nACGT\n+\nIIII\n")
    with page.expect_file_chooser() as waiting:
        page.locator("[data-key='input.fastq'] .pick").click()
    waiting.value.set_files(chosen)
    expect(page.locator("[data-chips]")).to_contain_text("my reads.fastq")
    assert line(page) == "'my reads.fastq'"


def test_an_earlier_output_is_offered_and_taken(
    live_web: LiveWeb, open_page: Open, tmp_path: Path
) -> None:
    page = page_of(live_web, open_page, {"cutadapt": form_of("argparse/cutadapt")})
    tool = page.url
    page.fill("[name=line]", "'a\nb'")
    page.click("form[data-run] button.primary")
    page.wait_for_url("**/runs/run_*")
    worker = Worker(live_web, page.url.rsplit("/", 1)[1].split("#")[0])
    assert worker.lease.argv == ["cutadapt", "a\nb"]
    worker.phase("staging", "starting", "running")
    worker.finish(tmp_path, {"trimmed/reads.fastq": b"@a\nACGT\n"})
    page.goto(tool)
    field = page.locator("[data-key='input.fastq'] input")
    field.focus()
    expect(page.locator("#files-of-this-run option")).to_have_attribute("value", "reads.fastq")
    field.fill("reads.fastq")
    field.blur()
    expect(page.locator("[data-chips]")).to_contain_text("reads.fastq")
    assert line(page) == "reads.fastq"
    page.click("form[data-run] button.primary")
    page.wait_for_url(lambda url: "/runs/run_" in url and url != tool)
    again = Worker(live_web, page.url.rsplit("/", 1)[1].split("#")[0])
    assert again.lease.inputs[0].sha256 == hashlib.sha256(b"@a\nACGT\n").hexdigest()
