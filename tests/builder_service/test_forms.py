"""What a built tool's commands answer to `--help` becomes their forms; containers are plain processes here."""

import itertools
import json
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from builder_service import forms as module
from builder_service import questions
from builder_service.forms import Heard, ask_others, forms
from builder_service.trial import trial
from shared.form import Form
from shared.plan import Command, Plan
from shared.work import Limits, Stream
from tests.fake_containers import FakeContainers
from tests.runner_service.worker import PlainFolders

TOOL = """#!/bin/sh
echo "$@" >> "{asked}"
case "$*" in
  --help) cat <<E
Usage: tool [options] [command]

Options:
  --level <n>  how far

Commands:
  remote  manage remotes
  show    show one
  odd     knows no help
  slow    takes its time
E
  ;;
  "remote --help") printf 'usage: tool remote <command>\\n\\nCommands:\\n  add  add one\\n  rm  remove one\\n' ;;
  "remote add --help") printf 'usage: tool remote add [-t TAG] NAME URL\\n\\n  -t TAG  follow it\\n' ;;
  "show --help") printf 'usage: tool show [FILE ...]\\n\\n  --json  as JSON\\n' >&2 ;;
  "slow --help") exec sleep 2 ;;
  *) exec "$0" --help ;;
esac
"""


@pytest.fixture
def tool(tmp_path: Path) -> Command:
    path = tmp_path / "tool"
    path.write_text(TOOL.replace("{asked}", str(tmp_path / "asked")))
    path.chmod(0o755)
    return Command(name="tool", run=[str(path)], evidence="a test")


@pytest.fixture
def steps(tmp_path: Path) -> Any:
    numbers = itertools.count()
    return SimpleNamespace(
        containers=FakeContainers(),
        clock=SimpleNamespace(monotonic=time.monotonic),
        log=SimpleNamespace(say=lambda text: None),
        later=lambda tidy: tidy(),
        work=PlainFolders(tmp_path / "work"),
        prefix="test",
        labels={},
        check=lambda: None,
        limits=Limits(),
        next_number=lambda: next(numbers),
    )


def made(
    steps: Any,
    notes: Path,
    *commands: Command,
    heard: dict[str, Heard] | None = None,
    plan: Plan | None = None,
) -> dict[str, Form]:
    plan = plan or Plan(runtime="shell", base="shell")
    found = forms("sha256:image", plan, commands, heard or {}, steps, notes)
    return {name: Form.model_validate(form) for name, form in found.items()}


def names(form: Form) -> list[str]:
    return [one.names[0] for one in form.fields]


def test_a_command_and_its_subcommands_are_asked_two_levels_deep(
    tool: Command, steps: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(questions, "SECONDS", 1.0)
    form = made(steps, tmp_path / "notes/1", tool)["tool"]
    assert names(form) == ["--level"]
    assert set(form.subcommands) == {"remote", "show", "slow", "odd"}
    assert names(form.subcommands["show"]) == ["--json", "FILE"]
    assert names(form.subcommands["remote"].subcommands["add"]) == ["-t", "NAME", "URL"]
    assert names(form.subcommands["slow"]) == []
    assert names(form.subcommands["odd"]) == []  # its parent's help is not its own
    assert form.subcommands["odd"].about == "knows no help"


def test_what_smoke_has_heard_is_not_asked_again(tool: Command, steps: Any, tmp_path: Path) -> None:
    heard = Heard("--help", b"usage: tool [-x] FILE\n", b"")
    assert names(made(steps, tmp_path / "notes", tool, heard={"tool": heard})["tool"]) == [
        "-x",
        "FILE",
    ]
    assert not (tmp_path / "asked").exists()


def test_what_was_made_for_an_image_is_kept(tool: Command, steps: Any, tmp_path: Path) -> None:
    heard = {"tool": Heard("--help", b"", b"usage: tool [-x] FILE\n")}
    first = made(steps, tmp_path / "notes", tool, heard=heard)
    assert made(steps, tmp_path / "notes", tool) == first
    assert not (tmp_path / "asked").exists()
    (tmp_path / "notes").write_text(json.dumps({"tool": {"fields": "broken"}}))
    assert made(steps, tmp_path / "notes", tool, heard=heard) == first


def test_declared_forms_win(tool: Command, steps: Any, tmp_path: Path) -> None:
    plan = Plan(runtime="shell", base="shell", forms={"tool": {"source": "toolyard.yaml"}})
    heard = {"tool": Heard("--help", b"usage: tool [-x] FILE\n", b"")}
    found = made(steps, tmp_path / "notes", tool, heard=heard, plan=plan)
    assert found["tool"].source == "toolyard.yaml"


def test_no_more_is_asked_than_the_limit(
    tool: Command, steps: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_ASKED", 3)
    made(steps, tmp_path / "notes", tool)
    asked = (tmp_path / "asked").read_text().splitlines()
    assert asked[0] == "--help"
    assert sorted(asked[1:]) == ["remote --help", "show --help"]


LONER = """#!/bin/sh
# ends the shell that asks it, and whatever it would have asked next
read -r _ _ _ parent _ </proc/$PPID/stat
kill -9 "$parent"
"""


def test_a_command_that_ends_its_container_spoils_no_other_answer(
    steps: Any, tmp_path: Path
) -> None:
    commands = []
    for name in ("loner", "one", "two", "three", "four"):
        path = tmp_path / name
        path.write_text(LONER if name == "loner" else f"#!/bin/sh\necho usage: {name} [-x] FILE\n")
        path.chmod(0o755)
        commands.append(Command(name=name, run=[str(path)], evidence="a test"))
    assert set(made(steps, tmp_path / "notes", *commands)) == {"one", "two", "three", "four"}


def test_others_are_asked_at_once_and_not_again(steps: Any, tmp_path: Path) -> None:
    asked = tmp_path / "asked"
    path = tmp_path / "plain"
    path.write_text(f"#!/bin/sh\necho asked >> {asked}\necho 'usage: plain [-x] FILE'\n")
    path.chmod(0o755)
    commands = [Command(name=name, run=[str(path)], evidence="a test") for name in ("a", "b", "c")]
    plan = Plan(runtime="shell", base="shell", commands=commands)
    heard = ask_others("sha256:image", plan, steps, tmp_path / "notes")
    assert set(heard) == {"b", "c"}
    heard["a"] = Heard("--help", b"usage: plain [-x] FILE\n", b"")
    found = made(steps, tmp_path / "notes", *commands, heard=heard, plan=plan)
    assert [names(found[name]) for name in ("a", "b", "c")] == [["-x", "FILE"]] * 3
    assert ask_others("sha256:image", plan, steps, tmp_path / "notes") == {}
    assert asked.read_text().split() == ["asked"] * 2


class _Slow(FakeContainers):
    def output(self, name: str) -> Iterator[tuple[Stream, bytes]]:
        time.sleep(0.2)
        assert name not in self.starts, "nobody listened when it started"
        return super().output(name)


def test_somebody_listens_before_the_program_starts(
    tool: Command, steps: Any, tmp_path: Path
) -> None:
    steps.containers = _Slow()
    assert trial("sha256:image", ["echo", "hello"], steps).out == b"hello\n"


def test_words_with_blanks_and_quotes_stay_words(steps: Any, tmp_path: Path) -> None:
    path = tmp_path / "it's a tool; exit"
    path.write_text('#!/bin/sh\n[ "$1" = "a b" ] && printf "usage: t [-q] NAME\\n"\n')
    path.chmod(0o755)
    command = Command(name="t", run=[str(path), "a b"], evidence="a test")
    assert names(made(steps, tmp_path / "notes", command)["t"]) == ["-q", "NAME"]


def test_a_tool_that_explains_nothing_has_no_form(steps: Any, tmp_path: Path) -> None:
    command = Command(name="t", run=["/bin/sh", "-c", "echo hello"], evidence="a test")
    assert made(steps, tmp_path / "notes", command) == {}


def test_forms_that_are_too_large_together_are_left_out(
    tool: Command, steps: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard = {"tool": Heard("--help", b"usage: tool [-x] FILE\n", b"")}
    assert set(made(steps, tmp_path / "notes", tool, heard=heard)) == {"tool"}
    monkeypatch.setattr(module, "MOST_BYTES", 100)
    assert made(steps, tmp_path / "other", tool, heard=heard) == {}


def test_only_the_first_commands_are_asked(tool: Command, steps: Any, tmp_path: Path) -> None:
    path = tmp_path / "plain"
    path.write_text("#!/bin/sh\necho 'usage: plain [-x] FILE'\n")
    path.chmod(0o755)
    commands = [
        Command(name=f"plain{n}", run=[str(path)], evidence="a test")
        for n in range(module.MOST_COMMANDS + 2)
    ]
    assert len(made(steps, tmp_path / "notes", *commands)) == module.MOST_COMMANDS
