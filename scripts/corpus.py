"""`make corpus`: real repositories from the bare link; what was found first, and whether it answers.

The corpus and the table of results are described in the project's contracts: each entry names a repository,
the command that people would expect, and what a run of it must print.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tests.git_server import GitServer, git, repository_from_tree
from tests.platform import Platform

RESULT = Path("build/corpus.json")

Entry = dict[str, Any]


@dataclass
class Row:
    """One line of the result."""

    repo: str
    commit: str | None = None
    state: str = "missing"
    first_command: str | None = None
    command_right: bool = False
    smoke_right: bool = False
    exit_code: int | None = None
    plans_tried: int = 0
    seconds: float = 0.0
    reason: str = ""


def find(folder: Path, repo: str) -> Path | None:
    """The work tree or bare repository in `folder` that is named like the last part of `repo`."""
    name = repo.rsplit("/", 1)[-1]
    places = (folder / name, folder / f"{name}.git", folder / repo, folder / repo.replace("/", "+"))
    return next((place for place in places if place.is_dir()), None)


def serve(source: Path, root: Path, name: str, commit: str | None) -> Path:
    """A bare copy below `root` whose `main` is the wanted commit (or the source's HEAD), tags kept."""
    if not (source / ".git").exists() and not (source / "HEAD").exists():
        return repository_from_tree(root, name, source)
    bare = root / f"{name}.git"
    git(
        "clone",
        "--quiet",
        "--bare",
        "--no-hardlinks",
        str(source.absolute()),
        str(bare),
        folder=root,
    )
    try:
        chosen = git("rev-parse", "--verify", f"{commit or 'HEAD'}^{{commit}}", folder=bare)
    except subprocess.CalledProcessError:  # a shallow copy of another moment
        chosen = git("rev-parse", "HEAD", folder=bare)
    git("update-ref", "refs/heads/main", chosen, folder=bare)
    git("symbolic-ref", "HEAD", "refs/heads/main", folder=bare)
    return bare


def is_right(command: dict[str, Any], entry: Entry) -> bool:
    """Whether its name, or the file or class that it runs, is one that the entry names."""
    wanted = [entry["command"], *also(entry)]
    wanted += [w.rsplit("/", 1)[-1] for w in wanted]
    words = [command["name"], *command["run"]]
    return any(word in wanted or word.rsplit("/", 1)[-1] in wanted for word in words)


def also(entry: Entry) -> list[str]:
    """Other names that count as the command."""
    given = entry.get("command_also") or []
    return [given] if isinstance(given, str) else list(given)


def holds(entry: Entry, stdout: bytes, stderr: bytes, outputs: Path) -> bool:
    """Whether the expected text stands where it should."""
    expect = str(entry["expect"]).encode()
    place = entry.get("expect_in", "any")
    if place == "output":
        file = outputs / "files" / entry["output_file"]
        return file.is_file() and expect in file.read_bytes()
    texts = {"stdout": stdout, "stderr": stderr, "any": stdout + stderr}
    return expect in texts[place]


def one(platform: Platform, link: str, entry: Entry, bare: Path, scratch: Path) -> Row:
    """Add the link, run the entry's example, judge both."""
    row = Row(entry["repo"])
    started = time.monotonic()
    added = json.loads(
        platform.cli(
            "add", link, "--name", scratch.name, "--wait", "--json", check=False, timeout=2400
        ).stdout
        or "{}"
    )
    row.seconds = round(time.monotonic() - started, 1)
    row.state, row.commit = added.get("state", "refused"), added.get("commit")
    row.reason = added.get("reason") or ""
    row.plans_tried = len(added.get("plans_tried") or [])
    commands = added.get("commands") or []
    if not commands or row.state != "ready":
        return row
    row.first_command = commands[0]["name"]
    row.command_right = is_right(commands[0], entry)
    used = next((c for c in commands if is_right(c, entry)), commands[0])
    run_example(platform, added["tool"], used["name"], entry, bare, scratch, row)
    return row


def run_example(
    platform: Platform,
    tool: str,
    command: str,
    entry: Entry,
    bare: Path,
    scratch: Path,
    row: Row,
) -> None:
    """Run what the entry says and fill in how it went."""
    options: list[str] = ["--command", command]
    inputs = scratch / "inputs"
    inputs.mkdir(parents=True)
    for name, text in (entry.get("files") or {}).items():
        (inputs / name).write_text(text)
    for name, path in (entry.get("files_from_repo") or {}).items():
        content = subprocess.run(
            ["git", "show", f"main:{path}"], cwd=bare, check=True, capture_output=True
        ).stdout
        (inputs / name).write_bytes(content)
    for file in sorted(inputs.iterdir()):
        options += ["--input", str(file)]
    for name, value in (entry.get("env") or {}).items():
        options += ["--env", f"{name}={value}"]
    if entry.get("stdin") is not None:
        options += ["--stdin", "-"]
    ran = platform.cli(
        "run",
        tool,
        *options,
        "--wait",
        "--json",
        "--",
        *entry.get("args", []),
        stdin=(entry.get("stdin") or "").encode(),
        check=False,
        timeout=1200,
    )
    try:
        run = json.loads(ran.stdout)
    except ValueError:
        row.reason = ran.stderr.decode(errors="replace").strip()
        return
    outputs = scratch / "outputs"
    platform.cli("outputs", run["id"], "--dir", str(outputs))
    row.exit_code = run["exit_code"]
    row.reason = row.reason or run.get("reason") or ""
    row.smoke_right = run["exit_code"] == entry.get("exit_code", 0) and holds(
        entry,
        (outputs / "stdout").read_bytes(),
        (outputs / "stderr").read_bytes(),
        outputs,
    )


def all_of(entries: Iterable[Entry], folder: Path, scratch: Path) -> list[Row]:
    """Every entry, two at a time, each told as soon as it is known."""
    served = scratch / "served"
    with (
        GitServer(served) as server,
        Platform(
            scratch / "platform", allow=(server.address,), builder_slots=2, adds_per_hour=100_000
        ) as platform,
        ThreadPoolExecutor(2) as pool,
    ):

        def judge(numbered: tuple[int, Entry]) -> Row:
            number, entry = numbered
            try:
                source = find(folder, entry["repo"])
                if source is None:
                    row = Row(entry["repo"], reason=f"not in {folder}")
                else:
                    # its own name is evidence for the ranking of commands
                    name = f"r{number}/{entry['repo'].rsplit('/', 1)[-1]}"
                    bare = serve(source, served, name, entry.get("commit"))
                    row = one(platform, server.link(name), entry, bare, scratch / name)
            except Exception as error:  # one bad repository must not hide the others
                row = Row(entry["repo"], state="error", reason=str(error)[:2000])
            marks = "".join("+" if x else "-" for x in (row.command_right, row.smoke_right))
            print(
                f"{marks} {row.repo}: {row.state}, first command {row.first_command}, "
                f"{row.seconds:g} s {row.reason[:200]}",
                file=sys.stderr,
                flush=True,
            )
            return row

        assert platform.token
        return list(pool.map(judge, enumerate(entries)))


def main() -> int:
    parser = argparse.ArgumentParser(prog="make corpus", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("corpus", type=Path)
    options = parser.parse_args()
    entries = json.loads(options.corpus.read_text())
    with tempfile.TemporaryDirectory(prefix="toolyard-corpus-") as scratch:
        rows = all_of(entries, options.folder, Path(scratch))
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps([asdict(row) for row in rows], indent=2) + "\n")
    right = sum(r.command_right for r in rows)
    smoke = sum(r.smoke_right for r in rows)
    print(f"{len(rows)} repositories: first command right {right}, example right {smoke}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
