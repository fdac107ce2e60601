"""The lines that the page's form writes mean to the server what they mean to the page."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from web import arguments

CASES = Path(__file__).resolve().parents[1] / "js" / "form-cases.mjs"


def test_the_server_reads_the_forms_lines_alike() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.fail("node is missing: apt-get install nodejs")
    done = subprocess.run(
        [node, CASES, "print", "4711", "1500"], capture_output=True, text=True, check=True
    )
    cases = [json.loads(line) for line in done.stdout.split("\n") if line]
    assert len(cases) == 1500
    for line, words in cases:
        assert arguments.parse(line) == words
