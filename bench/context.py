"""What a measurement may use: a scratch folder, and one platform with one tool, started at first need."""

import contextlib
import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx

from tests.git_server import GitServer, repository_from_files
from tests.platform import Platform

HELLO = "#!/bin/sh\necho hello\n"


@dataclass(frozen=True)
class Hello:
    """The smallest tool there is: it prints one line."""

    id: str
    image: str
    run: list[str]
    """What its container executes."""


class Context:
    """Shared by all measurements of one `make bench`; `stack` ends what they started."""

    def __init__(self, scratch: Path, stack: contextlib.ExitStack) -> None:
        self.scratch = scratch
        self.stack = stack

    @cached_property
    def git(self) -> GitServer:
        """Repositories that the platform may build from."""
        return self.stack.enter_context(GitServer(self.scratch / "git"))

    @cached_property
    def platform(self) -> Platform:
        """A running embedded platform; only the rates, which are no part of speed, are out of the way."""
        running = Platform(
            self.scratch / "platform", allow=(self.git.address,), runs_per_minute=1_000_000
        )
        return self.stack.enter_context(running)

    @cached_property
    def hello(self) -> Hello:
        """Built once."""
        repository_from_files(self.git.root, "hello", {"hello.sh": HELLO}, executable=["hello.sh"])
        tool = self.platform.json("add", self.git.link("hello"), "--wait", "--json")
        return Hello(tool["id"], tool["image"], tool["commands"][0]["run"])


def submit(api: httpx.Client, tool: str) -> str:
    """Ask for a run of the tool; its id."""
    answer = api.post("/api/v1/runs", json={"tool": tool, "argv": []})
    answer.raise_for_status()
    return str(answer.json()["id"])


def finished(api: httpx.Client, run: str) -> dict[str, Any]:
    """Follow the run to its end, as a reader of its page does."""
    with api.stream("GET", f"/api/v1/runs/{run}/events", timeout=300) as stream:
        stream.raise_for_status()
        ended = False
        for line in stream.iter_lines():
            if line == "event: end":
                ended = True
            elif ended and line.startswith("data:"):
                end: dict[str, Any] = json.loads(line.removeprefix("data:"))
                return end
    raise AssertionError(f"the events of {run} stopped before its end")
