"""The program that installs Debian packages, as far as it can be told without Debian's archive."""

import subprocess
from pathlib import Path

from builder_service import bases


def exit_code(*words: str) -> int:
    """Without any program in its path, so that nothing happens beyond the shell's own decisions."""
    return subprocess.run(
        ["/bin/bash", "-ec", bases.APT, "bash", *words],
        env={"PATH": "/nonexistent"},
        capture_output=True,
        check=False,
    ).returncode


def test_nothing_is_installed_when_what_it_is_for_is_there(tmp_path: Path) -> None:
    complete = tmp_path / "complete"
    wish = ("--unless", str(complete), "--known", "ruby-x")

    assert exit_code(*wish) == 127  # it went on to look for the archive
    complete.touch()
    assert exit_code(*wish) == 0
