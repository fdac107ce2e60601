"""Whether a tool starts in a copy of its repository, by the files that it opens: pure."""

from pathlib import Path

import pytest

from tests.builder_service.trees import ARGPARSE, plan


@pytest.mark.parametrize(
    ("line", "start"),
    [
        ('words = open("data/words.txt").read()', "repository"),
        ("words = open('./data/words.txt')", "repository"),
        ('words = open("data/other.txt")', "empty"),
        ('words = open(os.path.join(os.path.dirname(__file__), "data/words.txt"))', "empty"),
        ('print("data/words.txt")', "empty"),
    ],
)
def test_a_python_tool_that_opens_its_own_files_starts_beside_them(
    tmp_path: Path, line: str, start: str
) -> None:
    made = plan(tmp_path, {"tool.py": f"import os\n{line}\n{ARGPARSE}", "data/words.txt": "x"})

    assert made.start == start
    assert any("starts in a copy" in found for found in made.evidence) is (start == "repository")


def test_a_node_tool_too(tmp_path: Path) -> None:
    text = "#!/usr/bin/env node\nconst w = fs.readFileSync('data/words.txt');\nprocess.argv;\n"
    made = plan(tmp_path, {"tool.js*": text, "data/words.txt": "x"})

    assert made.start == "repository"
