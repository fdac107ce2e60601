"""One running platform for all tests that need the real thing, and repositories for it to build."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.git_server import GitServer, repository_from_tree
from tests.platform import ROOT, Platform


@pytest.fixture(scope="session")
def git_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GitServer]:
    """Serves `examples/` and whatever a test adds below its `root`; the platform may build from it."""
    with GitServer(tmp_path_factory.mktemp("git")) as server:
        for tree in sorted(p for p in (ROOT / "examples").iterdir() if p.is_dir()):
            repository_from_tree(server.root, tree.name, tree)
        yield server


@pytest.fixture(scope="session")
def platform(
    git_server: GitServer,
    whole_database: Callable[[], dict[str, Any]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Platform]:
    """The embedded platform: folders, the local engine, and SQLite if nothing else is asked for."""
    folder: Path = tmp_path_factory.mktemp("platform")
    with Platform(folder, allow=(git_server.address,), **whole_database()) as running:
        yield running
