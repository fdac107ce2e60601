"""The one Debian base that all images grow from: the registry's where it answers, else made by debootstrap."""

import fcntl
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from shared.containers import RegistryUnavailable

TAG = "toolyard-base:debian"
SUITE = "bookworm"
REFERENCE = f"debian:{SUITE}-slim"
"""Asked for once on a host; from then on the base is what our own tag names."""
_INCLUDE = "ca-certificates,coreutils,perl-base"
_LEFT_OUT = ("./dev/*", "./proc/*", "./sys/*", "./etc/resolv.conf", "./etc/hostname", "./etc/hosts")
"""The host's own, or made by the engine for each container."""
_CACHES = ("var/cache/apt/archives", "var/lib/apt/lists", "var/log")


class BaseUnavailable(Exception):
    """The Debian base could not be made; the text says what to do."""


class _Images(Protocol):
    def image_id(self, reference: str) -> str | None: ...

    def import_image(self, archive: Path, tag: str, *, labels: dict[str, str]) -> str: ...

    def pull_image(self, reference: str, tag: str) -> str: ...

    def tag_image(self, image: str, tag: str) -> None: ...

    def remove_image(self, reference: str) -> None: ...


def ensure(
    containers: _Images,
    data: Path,
    progress: Callable[[str], None] = lambda line: None,
    reference: str = REFERENCE,
) -> str:
    """The base image's id; pulled, or made by debootstrap (about 30 s, needs root), where it is missing."""
    found = containers.image_id(TAG)
    if found:
        return found
    with _locked(data):
        return containers.image_id(TAG) or _had(containers, data, progress, reference)


def _had(containers: _Images, data: Path, progress: Callable[[str], None], reference: str) -> str:
    progress(f"Asking the registry for {reference}")
    try:
        return containers.pull_image(reference, TAG)
    except RegistryUnavailable as error:
        progress(f"The registry does not give it ({error}); making the base with debootstrap")
    return _make(containers, data, progress)


@contextmanager
def _locked(data: Path) -> Iterator[None]:
    data.mkdir(parents=True, exist_ok=True)
    with (data / "debian-base.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # two processes make one image between them
        yield


def _make(containers: _Images, data: Path, progress: Callable[[str], None]) -> str:
    if not shutil.which("debootstrap"):
        raise BaseUnavailable("debootstrap is missing: install the package debootstrap.")
    with tempfile.TemporaryDirectory(dir=data, prefix="debian-base.") as folder:
        root = Path(folder, "root")
        _run(
            [
                "debootstrap",
                "--force-check-gpg",  # without the keyring it would take an unsigned Debian
                "--variant=minbase",
                f"--include={_INCLUDE}",
                SUITE,
                str(root),
            ],
            progress,
        )
        for cache in _CACHES:
            for path in (root / cache).rglob("*"):
                if path.is_file() and not path.is_symlink():
                    path.unlink()
        archive = Path(folder, "root.tar")
        left_out = [f"--exclude={pattern}" for pattern in _LEFT_OUT]
        progress("Packing the base image")
        _run(
            ["tar", "-C", str(root), "--numeric-owner", *left_out, "-cf", str(archive), "."],
            progress,
        )
        progress("Importing the base image")
        return once(
            containers,
            TAG,
            lambda own: containers.import_image(archive, own, labels={"base": SUITE}),
        )


def once(containers: _Images, tag: str, make: Callable[[str], str]) -> str:
    """The image's id under its tag; of several installations that make it at once the first one's stays.

    Who came second would take the tag away, and all that was built on the first would be built again.
    """
    own = f"{tag}-{secrets.token_hex(4)}"
    made = make(own)
    if containers.image_id(tag) is None:
        containers.tag_image(made, tag)
    containers.remove_image(own)
    return containers.image_id(tag) or made


def _run(argv: list[str], progress: Callable[[str], None]) -> None:
    last = ""
    with subprocess.Popen(
        argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace"
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.strip():
                last = line.strip()
                progress(last)
    if process.returncode:
        raise BaseUnavailable(f"{argv[0]} failed with exit code {process.returncode}: {last}")
