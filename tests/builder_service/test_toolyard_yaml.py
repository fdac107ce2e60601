"""The wishes of a `toolyard.yaml` laid over what detection finds."""

from pathlib import Path

import pytest

from builder_service import toolyard_yaml
from builder_service.detect.finding import Facts, NoPlan
from builder_service.plan import identity
from shared.plan import Network, OwnDockerfile, Plan
from shared.toolyard_yaml import read
from shared.yaml_writing import written
from tests.builder_service.trees import ARGPARSE, Files, plan, tree

PROJECT = """
[project]
name = "two"
version = "1"
[project.scripts]
one = "two:one"
two = "two:two"
"""
TWO: Files = {"pyproject.toml": PROJECT, "two.py": "def one(): ...\ndef two(): ...\n"}


def wished(
    folder: Path,
    files: Files,
    text: str,
    *,
    command: str | None = None,
    runtime: str | None = None,
    network: Network | None = None,
) -> Plan:
    facts = Facts("two", command, None)
    return toolyard_yaml.candidates(
        tree(folder, files), facts, runtime=runtime, network=network, pasted=text
    ).plans[0]


def refused(folder: Path, files: Files, text: str) -> str:
    with pytest.raises(NoPlan) as caught:
        wished(folder, files, text)
    return str(caught.value)


def test_without_wishes_the_plan_is_the_one_that_was_found(tmp_path: Path) -> None:
    assert wished(tmp_path / "a", TWO, "") == plan(tmp_path / "b", TWO, "two")


def test_the_repositorys_own_file_is_read_and_what_is_left_out_is_found(tmp_path: Path) -> None:
    made = wished(tmp_path, {**TWO, "toolyard.yaml": "system_packages: [curl]\nenv: {A: b}\n"}, "")
    found = plan(tmp_path / "b", TWO, "two")

    assert made.system_packages == ["curl"]
    assert made.env == {**found.env, "A": "b"}
    assert (made.steps, made.commands, made.base) == (found.steps, found.commands, found.base)
    assert "toolyard.yaml: system_packages, env" in made.evidence


def test_the_owners_text_stands_instead_of_the_repositorys_file(tmp_path: Path) -> None:
    made = wished(
        tmp_path, {**TWO, "toolyard.yaml": "system_packages: [curl]"}, "start: repository"
    )

    assert (made.system_packages, made.start) == ([], "repository")


def test_a_link_out_of_the_repository_is_not_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("start: repository\n")
    files = tree(tmp_path / "repository", TWO)
    (tmp_path / "repository" / "toolyard.yaml").symlink_to(secret)

    assert toolyard_yaml.candidates(files, Facts("two")).plans[0].start == "empty"


@pytest.mark.parametrize("mode", ["off", "internet"])
def test_a_file_proposes_a_network_and_the_owners_own_stands(tmp_path: Path, mode: str) -> None:
    files = {**TWO, "toolyard.yaml": "network: internet"}
    chosen = Network.model_validate({"mode": mode})

    assert wished(tmp_path / "a", files, "").network.mode == "internet"
    assert wished(tmp_path / "b", files, "", network=chosen).network == chosen


def test_commands_are_named_in_the_wanted_order_and_new_ones_say_what_they_run(
    tmp_path: Path,
) -> None:
    text = "commands:\n- name: one\n- name: three\n  run: [python3, ./three.py, './']\n"

    made = wished(tmp_path, TWO, text)

    assert [command.name for command in made.commands] == ["one", "three"]
    assert made.commands[0] == plan(tmp_path / "b", TWO, "two").commands[1]
    assert made.commands[1].run == ["python3", "/app/three.py", "./"]
    assert made.commands[1].evidence == "toolyard.yaml"


def test_a_command_that_was_not_found_is_refused_with_its_line(tmp_path: Path) -> None:
    said = refused(tmp_path, TWO, "start: empty\ncommands:\n- name: one\n- name: nope\n")

    assert said.startswith("toolyard.yaml line 4: commands[1] needs run")
    assert "Found were two, one." in said


def test_the_wanted_entry_point_comes_first_among_the_files_commands(tmp_path: Path) -> None:
    text = "commands:\n- name: one\n- name: mine\n  run: [mine]\n"

    assert wished(tmp_path / "a", TWO, text, command="mine").commands[0].run == ["mine"]
    assert wished(tmp_path / "b", TWO, text, command="one").commands[0].name == "one"


def test_forms_are_kept_by_their_command(tmp_path: Path) -> None:
    text = "commands:\n- name: one\n  form: {fields: [{name: FILE, type: path}]}\n- name: two\n"

    made = wished(tmp_path, TWO, text)

    assert list(made.forms) == ["one"]
    assert made.forms["one"]["source"] == "toolyard.yaml"


def test_steps_replace_the_found_ones_and_are_never_root(tmp_path: Path) -> None:
    made = wished(tmp_path, TWO, "steps:\n- {name: all, argv: [make, -j2], files: [Makefile]}")

    assert [(step.name, step.argv, step.as_root) for step in made.steps] == [
        ("all", ["make", "-j2"], False)
    ]


def test_nothing_found_and_all_written_down_is_a_plan(tmp_path: Path) -> None:
    made = wished(
        tmp_path,
        {"x.awk": "{}"},
        "base: debian\nsystem_packages: [gawk]\ncommands:\n- name: r\n  run: [gawk, -f, ./x.awk]\n",
    )

    assert (made.base, made.runtime) == ("debian", "debian")
    assert made.commands[0].run == ["gawk", "-f", "/app/x.awk"]


def test_nothing_found_and_too_little_written_down_says_what_was_looked_at(tmp_path: Path) -> None:
    assert "No command was found" in refused(tmp_path, {"x.awk": "{}"}, "start: repository")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("start: empty\nbase: ubuntu", "toolyard.yaml line 2: base must be one of debian, "),
        ("runtime: cobol", "toolyard.yaml line 1: runtime must be one of python, "),
        ("start: empty\nversion: 2.6", "toolyard.yaml line 2: version cannot be 2.6"),
        ("steps: make", "toolyard.yaml line 1: steps must be a list of steps"),
    ],
)
def test_what_cannot_be_had_is_refused_with_its_line(
    tmp_path: Path, text: str, sentence: str
) -> None:
    assert refused(tmp_path, TWO, text).startswith(sentence)


def test_a_version_of_the_toolchain_chooses_its_base(tmp_path: Path) -> None:
    files = {"package.json": '{"name": "t", "bin": "t.js"}', "t.js": "#!/usr/bin/env node\n"}
    found = wished(tmp_path / "a", files, "")
    other = "24" if found.runtime_version == "22" else "22"

    made = wished(tmp_path / "b", files, f"version: {other}")

    assert (made.base, made.runtime_version) == (f"node{other}", other)


def test_wishes_about_the_build_pass_over_the_repositorys_dockerfile() -> None:
    own = Plan(
        runtime="dockerfile", base="python", dockerfile=OwnDockerfile(path="Dockerfile", text="")
    )

    assert toolyard_yaml.overridden(own, read("start: repository")).dockerfile is not None
    assert toolyard_yaml.overridden(own, read("system_packages: [curl]")).dockerfile is None


def test_what_does_not_change_the_image_does_not_change_its_identity(tmp_path: Path) -> None:
    def of(made: Plan) -> str:
        return identity(repository="r", commit="c", folder="", plan=made, base="sha256:1", scope="")

    found = wished(tmp_path / "a", TWO, "")
    reordered = wished(tmp_path / "b", TWO, "commands: [{name: two}, {name: one}]\nsmoke: [two]")
    changed = wished(tmp_path / "c", TWO, "system_packages: [curl]")

    assert of(reordered) == of(found)
    assert of(changed) != of(found)


def test_the_plan_as_text_gives_the_same_plan_again(tmp_path: Path) -> None:
    for number, files in enumerate((TWO, {"tool.py": ARGPARSE}, {"go.sh*": "#!/bin/sh\necho"})):
        found = wished(tmp_path / f"{number}a", files, "")

        again = wished(tmp_path / f"{number}b", files, written(found))

        assert again.model_copy(update={"evidence": found.evidence}) == found
