"""Real builds of Ruby, Perl, R and shell fixtures, each with something that Debian brings."""

from pathlib import Path

import pytest

from builder_service import bases
from builder_service.detect import perl_names, ruby_names, shell_programs
from tests.builder_service.conftest import Bench
from tests.builder_service.test_building import run
from tests.git_server import repository_from_tree

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(900)]

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.mark.parametrize(
    ("fixture", "command", "arguments"),
    [
        ("ruby/gem-kramdown", "outline", ["/app/sample.md"]),
        ("perl/makefile-text-csv", "columns", ["--column", "name", "/app/sample.csv"]),
        ("r/rscripts-jsonlite", "longest.R", ["/app/sample.json"]),
        ("shell/jq-decoys", "keys", ["/app/sample.json"]),
    ],
)
def test_a_fixture_becomes_a_tool_that_answers(
    bench: Bench, tmp_path: Path, fixture: str, command: str, arguments: list[str]
) -> None:
    name = fixture.replace("/", "-")
    repository_from_tree(bench.server.root, name, FIXTURES / fixture)
    attempt = bench.attempt(bench.server.link(name))

    report = attempt.live()

    assert (report.state, report.commands[0].name) == ("succeeded", command), attempt.log
    assert report.image
    printed = run(bench, report.image, report.commands[0], arguments, tmp_path / "work")
    assert printed == (FIXTURES / fixture / "expected").read_text()


@pytest.mark.parametrize(
    ("name", "files", "sentence"),
    [
        (
            "broken-ruby",
            {
                "Gemfile": "gem 'nobody-has-this'\n",
                "tool.rb*": "#!/usr/bin/env ruby\nrequire 'nobody-has-this'\np ARGV\n",
            },
            "and neither does Debian: nobody-has-this",
        ),
        (
            "broken-perl",
            {"tool*": "#!/usr/bin/perl\nuse Nobody::Has::This;\nprint @ARGV;\n"},
            "and neither does Debian: Nobody::Has::This",
        ),
        (
            "broken-r",
            {"tool.R*": "#!/usr/bin/env Rscript\nlibrary(nobodyHasThis)\ncommandArgs()\n"},
            "and neither does Debian: nobodyHasThis",
        ),
    ],
)
def test_a_dependency_that_nobody_has_gets_one_sentence(
    bench: Bench, name: str, files: dict[str, str], sentence: str
) -> None:
    report = bench.attempt(bench.repository(name, files)).live()

    assert report.state == "failed"
    assert sentence in (report.reason or "")
    assert "\n" not in (report.reason or "")


def test_debian_has_every_package_that_our_maps_name(bench: Bench, tmp_path: Path) -> None:
    gems = [ruby_names.debian(gem) for gem in ruby_names.PACKAGED]
    system = [package for packages in ruby_names.SYSTEM.values() for package in packages]
    named = sorted({*gems, *system, *perl_names.CURATED, *shell_programs.PACKAGES.values()})
    script = bases.APT.partition('if [ "$1" = "--known" ]')[0] + (
        'apt-cache pkgnames > /tmp/names; for name in "$@"; do grep -qxF -e "$name" /tmp/names || '
        'echo "missing: $name"; done'
    )
    with bench.steps(tmp_path / "log") as steps:
        image = bases.ensure("debian", steps, bench.data, bench.data / "builder")
        argv = ["bash", "-ec", script, "bash", *named, "no-such-package"]
        bench.containers.remove(steps.run("names", image, argv, as_root=True))
    said = (tmp_path / "log").read_text()

    assert [line for line in said.splitlines() if "missing:" in line] == [
        "missing: no-such-package"
    ]
