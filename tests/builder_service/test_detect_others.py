"""Shell repositories, mixed ones, wishes of the owner, and nothing at all."""

import re
from pathlib import Path
from typing import Any

import pytest

from builder_service.detect.finding import Facts, NoPlan
from builder_service.detect.tree import Tree
from builder_service.plan import candidates, identity
from shared.plan import Command, Network
from tests.builder_service.trees import ARGPARSE, NODE, names, package, plan, tree


def test_an_executable_without_extension(tmp_path: Path) -> None:
    """The shape of holman/spark."""
    made = plan(
        tmp_path,
        {
            "spark*": '#!/usr/bin/env bash\necho "$@"\n',
            "spark-test.sh*": "#!/bin/bash\n",
            "README.md": "x",
        },
        "spark",
    )

    assert made.runtime == "shell"
    assert made.commands[0].run == ["bash", "/app/spark"]
    assert names(made)[-1] == "spark-test.sh"


def test_programs_that_a_script_calls_are_installed(tmp_path: Path) -> None:
    made = plan(
        tmp_path,
        {
            "tool*": '#!/bin/sh\n# needs ffmpeg? no\ncurl -s x | jq . | bc\nwhile true; do xmllint "$1"; done\n'
        },
    )

    assert made.system_packages == ["bc", "curl", "jq", "libxml2-utils"]
    assert made.network.mode == "internet"


def test_a_library_that_others_source_is_no_command(tmp_path: Path) -> None:
    made = plan(tmp_path, {"tool*": "#!/bin/bash\n. lib.sh\n", "lib.sh": "helper() { echo $1; }\n"})

    assert names(made) == ["tool"]


def test_a_python_repository_with_a_package_json_for_its_site_is_python(tmp_path: Path) -> None:
    made = plan(
        tmp_path,
        {
            "pyproject.toml": '[project]\nname="tool"\n[project.scripts]\ntool="t:m"\n[build-system]\nrequires=[]',
            "package.json": package(scripts={"start": "node site.js"}),
            "site.js": "x",
        },
    )

    assert made.runtime == "python"


def test_a_node_repository_with_python_helpers_is_node(tmp_path: Path) -> None:
    made = plan(
        tmp_path,
        {
            "package.json": package(bin="c.js"),
            "c.js": NODE,
            "scripts/release.py": ARGPARSE,
            "setup.sh*": "#!/bin/sh\n",
        },
    )

    assert made.runtime == "node"


def test_a_shell_tool_with_a_python_test_is_shell(tmp_path: Path) -> None:
    made = plan(tmp_path, {"tool*": "#!/bin/sh\necho $1\n", "test/check.py": ARGPARSE})

    assert made.runtime == "shell"


def test_a_wanted_command_comes_first(tmp_path: Path) -> None:
    files = {"aaa.py": ARGPARSE, "tool.py": ARGPARSE, "deep/other.py": "print(1)\n"}

    assert names(plan(tmp_path, files, command="aaa.py"))[0] == "aaa.py"
    assert plan(tmp_path, files, command="deep/other.py").commands[0].run == [
        "/opt/venv/bin/python",
        "/app/deep/other.py",
    ]
    assert plan(tmp_path, files, command="python deep/other.py --fast").commands[0].run[-2:] == [
        "/app/deep/other.py",
        "--fast",
    ]
    assert plan(tmp_path, files, command="black").commands[0].run == ["/opt/venv/bin/black"]


def test_a_wanted_command_that_is_not_there_is_refused_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(NoPlan, match=r"no command missing\.py\. Found were: tool\.py"):
        plan(tmp_path, {"tool.py": ARGPARSE}, command="missing.py")
    with pytest.raises(NoPlan, match="unbalanced quotes"):
        plan(tmp_path, {"tool.py": ARGPARSE}, command='tool.py "x')


def test_a_wanted_runtime_is_respected_and_an_unknown_one_refused(tmp_path: Path) -> None:
    files = {"tool.py": ARGPARSE, "tool.js*": NODE + "process.argv"}

    assert plan(tmp_path, files, runtime="node").runtime == "node"
    with pytest.raises(NoPlan, match="Choose one of python, node, shell"):
        plan(tmp_path, files, runtime="cobol")


def test_without_an_entry_point_it_says_what_was_looked_at_and_asks(tmp_path: Path) -> None:
    with pytest.raises(NoPlan) as refusal:
        plan(tmp_path, {"lib/a.py": "def f(): pass\n", "package.json": package(), "NOTES.md": "x"})

    text = str(refusal.value)
    assert "lib/a.py" in text and "package.json: no bin" in text and "shell's #! line" in text
    assert "Say which command to use" in text


def test_files_are_never_read_through_links(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text('[project]\nname="stolen"\n')
    inside = tmp_path / "repo"
    inside.mkdir()
    (inside / "pyproject.toml").symlink_to("../secret")
    found = Tree(inside)

    assert found.files == []
    assert found.text("pyproject.toml") == found.text("../secret") == ""


def test_the_identity_changes_with_what_makes_the_image_and_nothing_else(tmp_path: Path) -> None:
    made = plan(tmp_path, {"tool.py": ARGPARSE})
    facts: dict[str, Any] = {
        "repository": "r",
        "commit": "c",
        "folder": "",
        "plan": made,
        "base": "b",
        "scope": "",
    }
    same = identity(**facts)

    reordered = made.model_copy(
        update={
            "commands": [Command(name="x", run=["x"], evidence="y")],
            "evidence": ["z"],
            "network": Network(mode="internet"),
        }
    )
    assert identity(**facts | {"plan": reordered}) == same
    for change in (
        {"commit": "d"},
        {"base": "e"},
        {"scope": "acc"},
        {"folder": "f"},
        {"repository": "s"},
        {"plan": made.model_copy(update={"system_packages": ["x"]})},
    ):
        assert identity(**facts | change) != same


@pytest.mark.parametrize(
    ("files", "language"),
    [
        ({"app/Main.hs": "main = pure ()\n" * 50, "tool.cabal": "name: tool\n"}, "Haskell"),
        ({"bin/phpthing": "#!/usr/bin/env php\n", "src/A.php": "<?php\n" * 90}, "PHP"),
        ({"src/Main.hs": "main = pure ()\n" * 90, "check.sh*": "#!/bin/sh\necho $1\n"}, "Haskell"),
        ({"analysis.ipynb": "{}" * 90}, "Jupyter notebooks"),
    ],
)
def test_a_language_that_is_not_built_is_named(
    tmp_path: Path, files: dict[str, str], language: str
) -> None:
    with pytest.raises(NoPlan, match=f"it holds mostly {language}, .* Add a Dockerfile"):
        plan(tmp_path, files)


def test_a_tool_beside_more_of_another_language_stays_a_tool(tmp_path: Path) -> None:
    named = {"tool*": "#!/bin/sh\necho $1\n", "lib/x.php": "<?php\n" * 90}
    notebooks = {"count.py": ARGPARSE, "look.ipynb": "{}" * 9000}

    assert names(plan(tmp_path / "named", named)) == ["tool"]
    assert names(plan(tmp_path / "notebooks", notebooks)) == ["count.py"]


def test_hidden_folders_hold_no_tool(tmp_path: Path) -> None:
    files = {".dev/check.py": ARGPARSE, ".devcontainer/start.sh*": "#!/bin/sh\necho $1\n"}

    with pytest.raises(NoPlan, match="No command was found"):
        plan(tmp_path, files)


def test_a_hidden_script_comes_after_the_others(tmp_path: Path) -> None:
    script = "#!/bin/sh\necho $1\n"
    files = {".functions*": script, "zoom.sh*": script}

    assert names(plan(tmp_path, files, "x")) == ["zoom.sh", ".functions"]


def test_a_part_of_the_repositorys_name_speaks_for_a_command(tmp_path: Path) -> None:
    files = {"aaa.py": ARGPARSE, "vep.py": ARGPARSE}

    assert names(plan(tmp_path, files, "ensembl-vep"))[0] == "vep.py"


def test_documents_that_show_a_script_without_its_extension_count(tmp_path: Path) -> None:
    script = "#!/bin/bash\necho $1\n"
    files = {"src/aaa.sh*": script, "src/seek.sh*": script, "README.md": "```sh\nseek foo\n```\n"}

    assert names(plan(tmp_path, files, "extras"))[0] == "seek.sh"


POINTER = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 12345\n"
LFS = {".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n"}


def test_files_in_git_lfs_are_told_in_the_plan_and_in_a_refusal(tmp_path: Path) -> None:
    files = {**LFS, "model/a.bin": POINTER, "model/b.bin": POINTER}
    said = "2 files are kept in Git LFS and not fetched, so only pointers are there: model/a.bin, model/b.bin."

    assert plan(tmp_path / "tool", {**files, "tool.py": ARGPARSE}).evidence[-1] == said
    with pytest.raises(NoPlan, match=re.escape(said)):
        plan(tmp_path / "none", files)


@pytest.mark.parametrize(
    "files",
    [
        {**LFS, "a.bin": "the content itself, fetched by whoever made the copy" * 4},
        {"pointer.txt": POINTER},  # an example of one: no rule makes it a pointer
    ],
)
def test_nothing_is_told_where_git_lfs_is_not_used(tmp_path: Path, files: dict[str, str]) -> None:
    made = plan(tmp_path, {**files, "tool.py": ARGPARSE})

    assert not any("Git LFS" in line for line in made.evidence)


def test_helper_scripts_are_no_second_plan_beside_a_declared_command(tmp_path: Path) -> None:
    helper = "#!/bin/sh\necho $1\n"
    manifest = '[project]\nname="t"\n[project.scripts]\nt="t:m"\n[build-system]\nrequires=[]'
    declared = tree(tmp_path / "declared", {"pyproject.toml": manifest, "shots.sh*": helper})
    plain = tree(tmp_path / "plain", {"look.py": ARGPARSE, "shots.sh*": helper})

    assert [one.runtime for one in candidates(declared, Facts("t")).plans] == ["python"]
    assert [one.runtime for one in candidates(plain, Facts("t")).plans] == ["python", "shell"]


@pytest.mark.parametrize("aside", ["tar.sh", "clean", "bump-version.sh"])
def test_what_packs_or_serves_other_scripts_stands_last(tmp_path: Path, aside: str) -> None:
    script = "#!/bin/sh\necho $1\n"
    files = {f"{aside}*": script, "zoom.sh*": script}

    assert names(plan(tmp_path / "two", files, "x")) == ["zoom.sh", aside]
    assert names(plan(tmp_path / "named", files, aside.partition(".")[0]))[0] == aside
