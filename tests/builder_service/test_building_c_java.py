"""Real builds of C, C++ and Java fixtures, each with a library that Debian brings."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.builder_service.conftest import LIMITS, Bench
from tests.builder_service.test_building import run
from tests.git_server import repository_from_tree

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(900)]

FIXTURES = Path(__file__).parent / "fixtures"
PATIENT = LIMITS.model_copy(update={"wall_seconds": 800})
"""The first build of a language on a host makes its base image."""


@pytest.mark.parametrize(
    ("fixture", "command", "arguments", "said"),
    [
        ("c/make-cjson", "keys", ["/app/sample.json"], "libcjson-dev"),
        ("cpp/cmake-fmt", "columns", ["one", "two"], "libfmt-dev"),
        ("java/maven-commons-cli", "words", ["notes.txt"], "note: built by javac"),
    ],
)
def test_a_fixture_becomes_a_tool_that_answers(
    bench: Bench, tmp_path: Path, fixture: str, command: str, arguments: list[str], said: str
) -> None:
    name = fixture.replace("/", "-")
    repository_from_tree(bench.server.root, name, FIXTURES / fixture)
    mirror = "http://127.0.0.1:9/maven"  # nobody listens there, in a build's own network
    operator = replace(bench.operator, maven_mirror=mirror)
    attempt = bench.attempt(bench.server.link(name), operator=operator, limits=PATIENT)

    report = attempt.live()

    assert (report.state, report.commands[0].name) == ("succeeded", command), attempt.log
    assert ("127.0.0.1:9 does not answer" in attempt.log) is fixture.startswith("java")
    assert said in attempt.log
    assert report.image
    printed = run(bench, report.image, report.commands[0], arguments, tmp_path / "work")
    assert printed == (FIXTURES / fixture / "expected").read_text()


def test_a_c_repository_that_does_not_compile_gets_one_sentence(bench: Bench) -> None:
    files = {
        "Makefile": "tool: tool.c\n\t$(CC) -o $@ tool.c\n",
        "tool.c": "#include <nobody-has-this.h>\nint main(int argc, char **argv) { return 0; }\n",
    }
    report = bench.attempt(bench.repository("broken-c", files), limits=PATIENT).live()

    assert report.state == "failed"
    assert "fatal error: nobody-has-this.h: No such file or directory" in (report.reason or "")


def test_a_program_that_the_build_does_not_make_is_named_with_those_that_it_does(
    bench: Bench,
) -> None:
    files = {
        "Makefile": "all:\n\t./build.sh\n",
        "build.sh*": "#!/bin/sh\nexec cc -o other-name tool.c\n",
        "tool.c": "int main(int argc, char **argv) { return argc; }\n",
    }
    report = bench.attempt(bench.repository("other", files), limits=PATIENT).live()

    assert report.state == "failed"
    assert "made no program called" in (report.reason or "")
    assert "it made: other-name" in (report.reason or "")


def test_a_java_repository_that_does_not_compile_gets_one_sentence(bench: Bench) -> None:
    files = {
        "src/Tool.java": "public class Tool { public static void main(String[] args) { missing(args); } }"
    }
    report = bench.attempt(bench.repository("broken-java", files), limits=PATIENT).live()

    assert report.state == "failed"
    assert "src/Tool.java:1: error: cannot find symbol" in (report.reason or "")
