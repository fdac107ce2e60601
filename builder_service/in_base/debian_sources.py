"""Source packages of Debian, fetched and unpacked without root: libraries where a registry does not answer."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

LISTS = Path("/usr/local/share/toolyard/apt.list")
"""The suite that the indexes were made from: newer than the base itself, for these are sources only."""
_STATE = Path("/tmp/toolyard-apt")  # noqa: S108 - inside the build container
_OPTIONS = ["-qq", "-o", "Debug::NoLocking=1", "-o", "Acquire::Retries=2", "-o", "Acquire::http::Timeout=30",
            "-o", f"Dir::State={_STATE}/state", "-o", "Dir::State::status=/dev/null", "-o", f"Dir::Cache={_STATE}/cache",
            "-o", f"Dir::Etc::sourcelist={LISTS}", "-o", "Dir::Etc::sourceparts=-", "-o", "APT::Sandbox::User="]  # fmt: skip


class Missing(Exception):
    """What is needed cannot be had; the text is a sentence for the user."""


def say(text: str) -> None:
    """A line of the build's log."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def index(path: Path) -> dict[str, list[str]]:
    """An index made with the base image from Debian's own lists of contents: thing, its packages."""
    found: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        thing, _, package = line.partition("\t")
        found.setdefault(thing, []).append(package.rpartition("/")[2])
    return found


class Archive:
    """Debian's packages whose names begin with `prefix`, and what they need of one another."""

    def __init__(self, prefix: str, target: Path) -> None:
        self.target = target
        self._needs: dict[str, list[str]] = {}
        self._provided: dict[str, str] = {}
        self._unpacked: set[str] = set()
        for folder in ("state/lists/partial", "cache/archives/partial", "packages"):
            (_STATE / folder).mkdir(parents=True, exist_ok=True)
        self._apt("update")
        for listing in (_STATE / "state/lists").glob("*_Packages*"):
            done = subprocess.run(
                ["/usr/lib/apt/apt-helper", "cat-file", str(listing)],
                check=True, capture_output=True, text=True,
            )  # fmt: skip
            for paragraph in done.stdout.split("\n\n"):
                if paragraph.startswith(f"Package: {prefix}"):
                    self._read(paragraph, prefix)

    def unpack(self, packages: Iterable[str]) -> list[str]:
        """Fetch and unpack these and all that they need, except what is there already; the new ones."""
        new: list[str] = []
        waiting = sorted(packages)
        while waiting:
            name = waiting.pop()
            name = name if name in self._needs else self._provided.get(name, "")
            if name and name not in self._unpacked:
                self._unpacked.add(name)
                new.append(name)
                waiting += self._needs[name]
        if not new:
            return []
        self._apt("download", *sorted(new))
        self.target.mkdir(parents=True, exist_ok=True)
        unpacked = []
        for archive in sorted((_STATE / "packages").glob("*.deb")):
            subprocess.run(["dpkg-deb", "-x", str(archive), str(self.target)], check=True)
            unpacked.append("=".join(archive.name.split("_")[:2]))
            archive.unlink()
        return unpacked

    def close(self) -> None:
        """Leave no list behind."""
        shutil.rmtree(_STATE, ignore_errors=True)

    def _read(self, paragraph: str, prefix: str) -> None:
        fields = dict(re.findall(r"^([\w-]+): (.*)$", paragraph, re.MULTILINE))
        name = fields["Package"]
        # of alternatives the first, as apt takes it; versions are those of one suite and fit
        needs = [
            re.split(r"[\s(:|]", each.strip())[0] for each in fields.get("Depends", "").split(",")
        ]
        self._needs[name] = [need for need in needs if need.startswith(prefix)]
        for each in fields.get("Provides", "").split(","):
            self._provided.setdefault(each.split("(")[0].strip(), name)

    def _apt(self, *words: str) -> None:
        done = subprocess.run(
            ["apt-get", *_OPTIONS, *words], check=False, cwd=_STATE / "packages", capture_output=True, text=True
        )  # fmt: skip
        if done.returncode:
            sys.stdout.write(done.stderr)
            raise Missing("Neither the language's registry nor Debian's packages can be reached.")
