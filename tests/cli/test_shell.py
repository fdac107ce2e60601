"""The commands against the real platform: what scripts rely on, exit codes first."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.git_server import GitServer, repository_from_files
from tests.platform import Platform

pytestmark = [pytest.mark.docker, pytest.mark.slow, pytest.mark.timeout(300)]

ENDS = """\
#!/bin/sh
# usage: ends exit N | signal NAME | sleep N | cat | both
case "$1" in
  exit) exit "$2" ;;
  signal) kill -s "$2" $$; sleep 5 ;;
  sleep) sleep "$2" ;;
  cat) cat; cat "$2" ;;
  both) echo out; echo err >&2; printf '\\000\\377' ;;
  *) echo "usage: ends exit N | signal NAME | sleep N | cat | both" ;;
esac
"""


@pytest.fixture(scope="module")
def tool(platform: Platform, git_server: GitServer) -> str:
    repository_from_files(git_server.root, "ends", {"ends.sh": ENDS}, executable=["ends.sh"])
    added = platform.json("add", git_server.link("ends"), "--name", "ends", "--wait", "--json")
    assert added["state"] == "ready"
    return str(added["tool"])


@pytest.mark.parametrize(
    ("arguments", "code", "facts"),
    [
        (["exit", "0"], 0, {"state": "succeeded", "exit_code": 0}),
        (["exit", "3"], 3, {"state": "failed", "exit_code": 3}),
        (["exit", "200"], 125, {"state": "failed", "exit_code": 200}),
        (["signal", "TERM"], 143, {"state": "failed", "signal": 15}),
    ],
)
def test_the_exit_code_is_the_tools_own(
    platform: Platform, tool: str, arguments: list[str], code: int, facts: dict[str, object]
) -> None:
    done = platform.cli("run", tool, "--wait", "--json", "--", *arguments, check=False)

    assert done.returncode == code, done.stderr
    printed = json.loads(done.stdout)
    assert {name: printed[name] for name in facts} == facts
    assert printed["argv"] == arguments


def test_a_run_over_its_time_is_124(platform: Platform, tool: str) -> None:
    done = platform.cli(
        "run", tool, "--timeout", "1", "--wait", "--json", "--", "sleep", "60", check=False
    )

    assert done.returncode == 124
    assert json.loads(done.stdout)["state"] == "timed_out"


def test_streams_stay_apart_and_byte_exact(platform: Platform, tool: str, tmp_path: Path) -> None:
    live = platform.cli("run", tool, "--wait", "--", "both")
    run = platform.json("runs", "--json")[0]["id"]
    again = platform.cli("logs", run)
    followed = platform.cli("logs", run, "--follow")
    platform.cli("outputs", run, "--dir", str(tmp_path / "got"))

    for done in (live, again, followed):
        assert done.stdout == b"out\n\x00\xff"
        assert b"err\n" in done.stderr
    assert (tmp_path / "got/stdout").read_bytes() == b"out\n\x00\xff"
    assert (tmp_path / "got/stderr").read_bytes() == b"err\n"


def test_files_and_standard_input_reach_the_tool_and_can_be_deleted_then(
    platform: Platform, tool: str, tmp_path: Path
) -> None:
    (tmp_path / "a b.txt").write_bytes(b"from the file\n")

    done = platform.cli(
        "run", tool, "--input", str(tmp_path / "a b.txt"), "--stdin", "-", "--wait", "--", "cat",
        "a b.txt", stdin=b"from standard input\n",
    )  # fmt: skip

    assert done.stdout == b"from standard input\nfrom the file\n"
    newest = platform.json("files", "--json", "--limit", "2")
    assert [(one["name"], one["runs"]) for one in newest] == [("stdin", 1), ("a b.txt", 1)]
    platform.cli("files", "delete", *(one["id"] for one in newest))
    left = platform.cli("files", "--json")
    assert not {one["id"] for one in newest} & {one["id"] for one in json.loads(left.stdout)}
    assert b" of 10,000,000,000 bytes that your plan keeps" in left.stderr


def test_a_cancelled_run_says_so_and_is_no_success(platform: Platform, tool: str) -> None:
    with ThreadPoolExecutor(1) as beside, platform.http() as api:
        waits = beside.submit(
            platform.cli, "run", tool, "--wait", "--json", "--", "sleep", "60", check=False
        )

        def newest() -> dict[str, str]:
            found: list[dict[str, str]] = api.get("/api/v1/runs?limit=1").json()["items"]
            return found[0] if found else {"state": "none yet"}

        platform.wait(lambda: newest()["state"] == "running", 30, "the run")
        platform.cli("cancel", newest()["id"])
        done = waits.result(60)

    assert done.returncode == 143, "ended by TERM"
    assert json.loads(done.stdout)["state"] == "cancelled"
    assert b"cancelled" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "no-such-tool", "--wait"], b"There is no tool 'no-such-tool'"),
        (["run", "ends@99", "--wait"], b"has no version 99"),
        (["run", "ends", "--command", "nope", "--wait"], b"nope"),
        (["run", "ends", "--input", "/nonexistent"], b"no file /nonexistent"),
        (["run", "ends", "--network", "internet", "--wait"], b"widen"),
        (["add", "not a link", "--wait"], b"link"),
        (["add", "http://127.0.0.1:1/x.git", "--wait"], b"Only public Git hosts"),
        (["logs", "run_unknown"], b"no such run"),
    ],
)
def test_a_refusal_is_a_sentence_and_an_error_of_ours(
    platform: Platform, tool: str, arguments: list[str], sentence: bytes
) -> None:
    done = platform.cli(*arguments, check=False)

    assert done.returncode in (1, 125)
    assert sentence in done.stderr
    assert b"Traceback" not in done.stderr


def test_a_link_without_a_tool_is_not_ready_and_says_what_was_looked_at(
    platform: Platform, git_server: GitServer
) -> None:
    repository_from_files(git_server.root, "notes", {"notes.txt": "nothing to run\n"})

    done = platform.cli("add", git_server.link("notes"), "--wait", "--json", check=False)

    assert done.returncode == 1
    printed = json.loads(done.stdout)
    assert printed["state"] == "failed"
    assert "notes.txt" in printed["reason"]


def test_a_second_platform_on_the_same_folder_is_refused(platform: Platform) -> None:
    done = platform.cli("up", check=False)

    assert done.returncode == 1
    assert b"already runs on the data folder" in done.stderr


def test_a_backup_of_the_running_platform_is_complete(platform: Platform, tmp_path: Path) -> None:
    platform.cli("admin", "backup", str(tmp_path / "backup"))

    assert (tmp_path / "backup" / "manifest.json").exists()
    refused = platform.cli("admin", "restore", str(tmp_path / "backup"), check=False)
    assert refused.returncode == 1
    assert b"already runs" in refused.stderr
