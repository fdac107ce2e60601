"""The page's modules are checked by node; vendored files are as locked; the first load stays small."""

import gzip
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.web.conftest import make_ports
from web.flask_app import create_app

ROOT = Path(__file__).resolve().parents[2]
STATIC = ROOT / "web" / "static"


def test_the_modules_pass_their_own_tests() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.fail("node is missing: apt-get install nodejs")
    done = subprocess.run(
        [node, "--test", *sorted(map(str, (ROOT / "tests" / "js").glob("*.test.mjs")))],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_vendored_files_are_as_locked() -> None:
    done = subprocess.run(
        [sys.executable, ROOT / "scripts" / "vendor.py", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_no_script_builds_code_or_markup_from_strings() -> None:
    allowed = {("run-form.js", "innerHTML")}  # our own template's answer, escaped there
    for script in sorted((STATIC / "js").glob("*.js")):
        text = script.read_text()
        for sink in (
            "eval(",
            "new Function",
            "document.write",
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
        ):
            if sink in text:
                assert (script.name, sink) in allowed, f"{script.name} uses {sink}"


def test_templates_have_no_inline_script_style_or_handler() -> None:
    for template in sorted((ROOT / "web" / "templates").glob("*.html")):
        text = template.read_text()
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), template.name
        assert not re.search(r"\sstyle=|<style|\son[a-z]+=|javascript:", text), template.name


def imported(module: Path) -> set[str]:
    """The modules that a module loads, and those that these load."""
    direct = set(re.findall(r'from "\./([\w-]+\.js)"', module.read_text()))
    return direct.union(*(imported(module.parent / name) for name in direct))


def test_the_first_load_is_below_150_kb(sqlite_transactions, tmp_path) -> None:  # type: ignore[no-untyped-def]
    client = create_app(make_ports(sqlite_transactions, tmp_path)).test_client()
    page = client.get("/")
    total = len(gzip.compress(page.data))
    found = set(re.findall(r'(?:href|src)="(/assets/[^"#]+)', page.text))
    base = next(iter(found)).split("/")[2]
    asked = {name for name in found if name.endswith(".js")}  # at once: none waits for another
    assert asked >= {f"/assets/{base}/js/{name}" for name in imported(STATIC / "js" / "page.js")}
    found |= {f"/assets/{base}/vendor/{n}" for n in ("jetbrains-mono.woff2", "icons.svg")}
    for path in sorted(found):
        answer = client.get(path, headers={"Accept-Encoding": "gzip"})
        assert answer.status_code == 200, path
        assert "immutable" in answer.headers["Cache-Control"]
        total += len(answer.data)
    assert total < 150_000


def test_an_asset_of_another_version_is_never_kept_for_good(sqlite_transactions, tmp_path) -> None:  # type: ignore[no-untyped-def]
    client = create_app(make_ports(sqlite_transactions, tmp_path)).test_client()
    answer = client.get("/assets/000000000000/js/page.js")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-cache"
    assert client.get("/assets/000000000000/../settings.py").status_code == 404
