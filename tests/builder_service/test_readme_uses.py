"""What a repository's documents show being typed, and what that decides."""

from pathlib import Path

import pytest

from builder_service.detect import readme_uses
from builder_service.detect.finding import CLI, DECLARED, Candidate, rank
from shared.plan import Command
from tests.builder_service.trees import tree


def candidate(name: str, quality: int = CLI, depth: int = 0) -> Candidate:
    return Candidate(Command(name=name, run=[name], evidence="there"), quality, depth)


def ordered(candidates: list[Candidate], repository: str, uses: dict[str, int]) -> list[str]:
    return [found.command.name for found in rank(candidates, [repository], uses)]


@pytest.mark.parametrize(
    ("line", "programs"),
    [
        ("./tool.py -v", ["tool.py"]),
        ("$ cat x | sudo python3 bin/tool.py x", ["cat", "tool.py"]),
        ("LC_ALL=C time Rscript plot.R a; ls", ["plot.R", "ls"]),
        ("python -m tool.cli x && bundle exec rake", ["tool.cli", "rake"]),
        ("user@host:~$ tool a", ["tool"]),
        ("--only-an-option", []),
    ],
)
def test_what_a_typed_line_runs(line: str, programs: list[str]) -> None:
    assert list(readme_uses.programs(line)) == programs


def test_markdown(tmp_path: Path) -> None:
    text = (
        "# tool\n\ntool is fine\n\n```sh\ntool a\ntool b\n```\n\n```python\nhelper(1)\n```\n\n"
        "~~~\n$ helper x\ntool prints this\n~~~\n\nor\n\n    tool c\n\nend\n"
    )
    found = readme_uses.count(tree(tmp_path, {"README.md": text}))

    assert (found["tool"], found["helper"], found["helper(1)"]) == (3, 1, 0)


def test_restructured_text(tmp_path: Path) -> None:
    text = (
        "Tool\n----\n\n.. code-block:: console\n   :caption: x\n\n   $ tool a\n   helper\n\n"
        "Like this::\n\n  tool b\n\nThen text.\n\n.. code-block:: python\n\n   helper\n"
    )
    found = readme_uses.count(tree(tmp_path, {"docs/use.rst": text}))

    assert (found["tool"], found["helper"]) == (2, 0)


def test_asciidoc(tmp_path: Path) -> None:
    text = "= Tool\n\n----\ntool a\n----\n\n[source,ruby]\n----\nhelper\n----\n\n $ tool b\n"
    found = readme_uses.count(tree(tmp_path, {"README.adoc": text}))

    assert (found["tool"], found["helper"]) == (2, 0)


def test_only_documents_are_read(tmp_path: Path) -> None:
    shown = "```\ntool a\n```\n"
    files = {
        "docs/changelog.md": shown,
        "src/notes.md": shown,
        "README.py": shown,
        "LICENSE": shown,
    }

    assert not readme_uses.count(tree(tmp_path, files))


def test_equal_commands_are_ordered_by_use(tmp_path: Path) -> None:
    """The shape of a suite: many declared commands, none of them named like the repository."""
    suite = [candidate(name, DECLARED) for name in ("clean", "cut", "stat")]

    assert ordered(suite, "kit", {"stat": 2, "cut": 5}) == ["cut", "stat", "clean"]
    assert "its documents show it 5 times" in rank(suite, ["kit"], {"cut": 5})[0].command.evidence


def test_use_is_weaker_than_evidence_and_than_the_repositorys_name() -> None:
    found = [candidate("other", DECLARED), candidate("tool"), candidate("busy")]

    assert ordered(found, "tool", {"busy": 99}) == ["other", "tool", "busy"]


def test_the_name_that_adds_least_to_the_repositorys_comes_first() -> None:
    """The shape of tpoorten/dotPlotly: both scripts are shown equally often."""
    found = [candidate("longFormPlotter.R"), candidate("zipPlotter.R")]

    assert ordered(found, "plotter", {}) == ["zipPlotter.R", "longFormPlotter.R"]


def test_a_namesake_that_the_documents_hardly_show_does_not_come_first() -> None:
    suite = [candidate(name, DECLARED) for name in ("httpie", "http", "https")]

    assert ordered(suite, "httpie", {"http": 155, "httpie": 8})[0] == "http"
    assert ordered(suite, "httpie", {"http": 30, "httpie": 8})[0] == "httpie"
    assert ordered(suite, "httpie", {"http": 9})[0] == "httpie"
