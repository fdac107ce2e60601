"""Shell repositories: decoy manifests, programs that scripts call, files beside them, mixed repositories."""

import json
from pathlib import Path

from builder_service.detect import heredocs
from tests.builder_service.trees import names, plan

SHELL = '#!/bin/sh\necho "$1"\n'


def test_a_package_json_that_publishes_a_shell_script_is_a_decoy(tmp_path: Path) -> None:
    package = {"name": "@me/tool", "bin": {"tool": "tool.sh"}, "devDependencies": {"eslint": "8"}}
    made = plan(
        tmp_path, {"package.json": json.dumps(package), "tool.sh*": SHELL, "lint.js": "x"}, "x"
    )

    assert (made.runtime, made.steps) == ("shell", [])
    assert made.commands[0].name == "tool"
    assert made.commands[0].run == ["sh", "/app/tool.sh"]
    assert "in bin of package.json" in made.evidence[0]


def test_a_package_json_with_dependencies_is_none(tmp_path: Path) -> None:
    package = {"name": "tool", "bin": {"tool": "cli.js"}, "dependencies": {"a": "1"}}
    made = plan(tmp_path, {"package.json": json.dumps(package), "cli.js": "#!/usr/bin/env node\n", "run.sh*": SHELL})  # fmt: skip

    assert made.runtime == "node"


def test_a_makefile_that_installs_and_a_gemfile_for_the_site_are_decoys(tmp_path: Path) -> None:
    files = {
        "Makefile": "install:\n\tinstall -m 755 tool $(PREFIX)/bin\n",
        "Gemfile": "gem 'jekyll'\n",
        "package.json": json.dumps({"scripts": {"lint": "eslint ."}}),
        "tool*": SHELL,
    }

    assert plan(tmp_path, files).runtime == "shell"


def test_programs_in_printed_texts_are_not_called(tmp_path: Path) -> None:
    text = "#!/bin/bash\nPING_BIN=ping\ncat <<END\nfile whatever\nhost names\nEND\njq . | sed x\ncat <<-'E'\n\tnmap\n\tE\n$1\n"
    made = plan(tmp_path, {"tool*": text})

    assert made.system_packages == ["iputils-ping", "jq"]


def test_a_script_that_sources_a_file_relative_to_its_start(tmp_path: Path) -> None:
    files = {"tool*": '#!/bin/bash\n. ./lib/more.sh\necho "$1"\n', "lib/more.sh": "x=1\n"}
    own = {
        **files,
        "tool*": '#!/bin/bash\n. "$(dirname "$0")/lib/more.sh"\n[ -f lib/more.sh ]\necho $1\n',
    }

    assert plan(tmp_path / "a", files).start == "repository"
    assert plan(tmp_path / "b", own).start == "empty"


def test_what_the_documents_show_most_comes_first(tmp_path: Path) -> None:
    files = {"one*": SHELL, "two*": SHELL, "README.md": "```\n$ ./two x\n$ ./one\n$ two y\n```\n"}

    assert names(plan(tmp_path, files, "kit")) == ["two", "one"]


def test_here_documents() -> None:
    assert heredocs.without("a <<E | b\nx\nE\nc\n") == "a <<E | b\n\nc\n"
    assert heredocs.without("a << 'E'\nE\nc\n") == "a << 'E'\n\nc\n"
    assert heredocs.without("x=$((1<<2))\nb\n") == "x=$((1<<2))\nb\n"
