"""Clones from a server of a test, and repositories that no client would write."""

import subprocess
import threading
from pathlib import Path

from builder_service.fetch import Fetched, Source, fetch
from builder_service.git import CloneLimits
from shared.git_link import parse
from tests.git_server import (
    ENVIRONMENT,
    GitServer,
    git,
)


def fetched(
    server: GitServer,
    name: str,
    into: Path,
    *,
    ref: str | None = None,
    folder: str = "",
    limits: CloneLimits | None = None,
    cancelled: threading.Event | None = None,
) -> Fetched:
    """A clone from that server."""
    allowed = {server.address}
    source = Source(allowed=allowed, limits=limits or CloneLimits(seconds=30))
    link = parse(server.link(name), allowed)
    return fetch(link, ref, folder, into, source, cancelled=cancelled)


def commit_entries(bare: Path, entries: list[tuple[str, str, bytes]]) -> None:
    """A commit of exactly these (mode, path, content), as no honest git would write them."""
    lines = []
    for mode, path, content in entries:
        blob = subprocess.run(
            ["git", "hash-object", "-w", "--stdin"], cwd=bare, env=ENVIRONMENT, input=content, capture_output=True, check=True
        ).stdout.decode().strip()  # fmt: skip
        kind = "commit" if mode == "160000" else "blob"
        sha = "1" * 40 if mode == "160000" else blob
        lines.append(f"{mode} {kind} {sha}\t{path}")
    tree = subprocess.run(
        ["git", "mktree", "--missing"], cwd=bare, env=ENVIRONMENT, input="\n".join(lines).encode(), capture_output=True, check=True
    ).stdout.decode().strip()  # fmt: skip
    commit = git("commit-tree", tree, "-m", "hostile", folder=bare)
    git("update-ref", "refs/heads/main", commit, folder=bare)


def bare_repository(server: GitServer, name: str) -> Path:
    bare = server.root / f"{name}.git"
    bare.mkdir()
    git("init", "--quiet", "--bare", "--initial-branch=main", folder=bare)
    return bare
