"""The Debian base is made once, and says what is missing where it cannot be."""

from pathlib import Path

import pytest

from shared import debian_base
from shared.containers import RegistryUnavailable
from shared.debian_base import BaseUnavailable


class Images:
    """Remembers what was imported."""

    def __init__(self, found: str | None = None, *, registry: bool = False) -> None:
        self.tags = {debian_base.TAG: found} if found else {}
        self.registry = registry
        self.meanwhile: str | None = None
        """What another installation has made while this one did."""
        self.imported: list[str] = []
        self.asked: list[str] = []

    def image_id(self, reference: str) -> str | None:
        return self.tags.get(reference)

    def import_image(self, archive: Path, tag: str, *, labels: dict[str, str]) -> str:
        self.imported.append(tag)
        self.tags[tag] = "sha256:new"
        if self.meanwhile:
            self.tags[debian_base.TAG] = self.meanwhile
        return "sha256:new"

    def tag_image(self, image: str, tag: str) -> None:
        self.tags[tag] = image

    def remove_image(self, reference: str) -> None:
        del self.tags[reference]

    def pull_image(self, reference: str, tag: str) -> str:
        self.asked.append(reference)
        if not self.registry:
            raise RegistryUnavailable("no such host")
        self.tags[tag] = "sha256:pulled"
        return self.tags[tag]


def _command(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


def test_an_existing_base_is_used(tmp_path: Path) -> None:
    images = Images("sha256:old")

    assert debian_base.ensure(images, tmp_path) == "sha256:old"
    assert (images.imported, images.asked) == ([], [])


def test_the_registrys_is_taken_where_it_answers(tmp_path: Path) -> None:
    images = Images(registry=True)

    assert debian_base.ensure(images, tmp_path) == "sha256:pulled"
    assert (images.imported, images.asked) == ([], ["debian:bookworm-slim"])


def test_a_missing_one_is_made_and_told_about(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _command(
        tmp_path, "debootstrap", 'for last; do :; done; mkdir -p "$last/etc"; echo "I: given $1"'
    )
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    images, told = Images(), []

    assert debian_base.ensure(images, tmp_path / "data", told.append) == "sha256:new"
    assert images.tags == {debian_base.TAG: "sha256:new"}
    assert (
        told[1] == "The registry does not give it (no such host); making the base with debootstrap"
    )
    assert told[2] == "I: given --force-check-gpg"
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["debian-base.lock"]


def test_of_two_that_are_made_at_once_the_first_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each installation has a lock of its own, and all of them one engine."""
    _command(tmp_path, "debootstrap", 'for last; do :; done; mkdir -p "$last/etc"')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    images = Images()
    images.meanwhile = "sha256:first"

    assert debian_base.ensure(images, tmp_path / "data") == "sha256:first"
    assert images.tags == {debian_base.TAG: "sha256:first"}


def test_a_failure_says_the_last_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _command(tmp_path, "debootstrap", "echo 'E: no mirror'; exit 3")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")

    with pytest.raises(BaseUnavailable, match="exit code 3: E: no mirror"):
        debian_base.ensure(Images(), tmp_path)


def test_without_debootstrap_it_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    with pytest.raises(BaseUnavailable, match="install the package debootstrap"):
        debian_base.ensure(Images(), tmp_path)
