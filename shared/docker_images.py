"""Images on the Docker engine; containers of an installation and their images share one connection."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from docker.errors import APIError

from shared import sandbox_flags
from shared.containers import EngineRefused, ImageGone, RegistryUnavailable, Storage
from shared.docker_engine import DockerEngine, calling
from shared.docker_registry import RegistryCalls
from shared.work import ImageAccess


class DockerImages:
    """The images' part of the containers port."""

    def __init__(self, installation: str, engine: DockerEngine) -> None:
        self.installation = installation
        self._engine = engine

    def image_id(self, reference: str) -> str | None:
        found = self._image(reference)
        return str(found["Id"]) if found else None

    def image_size(self, reference: str) -> int:
        found = self._image(reference)
        if found is None:
            raise ImageGone(reference)
        return int(found["Size"])

    def storage(self) -> Storage:
        disk = shutil.disk_usage(str(self._engine.info()["DockerRootDir"]))
        return Storage(used=disk.used, total=disk.used + disk.free)

    def _image(self, reference: str) -> dict[str, Any] | None:
        with calling():
            try:
                found: dict[str, Any] = self._engine.quick.inspect_image(reference)  # type: ignore[no-untyped-call]
            except APIError as error:
                if error.status_code == 404:
                    return None
                raise
        return found

    def import_image(self, archive: Path, tag: str, *, labels: dict[str, str]) -> str:
        ours = {sandbox_flags.INSTALLATION: self.installation} | {
            sandbox_flags.LABEL + key: value for key, value in labels.items()
        }
        repository, _, version = tag.rpartition(":")
        changes = [f'LABEL "{key}"="{value}"' for key, value in ours.items()]
        with calling():
            self._engine.slow.import_image(
                str(archive), repository=repository, tag=version, changes=changes
            )
        made = self.image_id(tag)
        if made is None:
            raise EngineRefused(f"The archive {archive.name} did not become an image.")
        return made

    def pull_image(self, reference: str, tag: str) -> str:
        name, _, version = reference.rpartition(":")
        repository, _, own = tag.rpartition(":")
        with calling():
            try:
                self._engine.slow.pull(name, tag=version)
                self._engine.slow.tag(reference, repository, own)
            except APIError as error:
                raise RegistryUnavailable(str(error.explanation or error)) from error
        pulled = self.image_id(tag)
        if pulled is None:
            raise RegistryUnavailable(f"{reference} was pulled and is not there")
        return pulled

    def push_image(
        self,
        image: str,
        access: ImageAccess,
        tag: str,
        *,
        seconds: float,
        check: Callable[[], None] | None = None,
    ) -> str:
        self.tag_image(image, f"{access.repository}:{tag}")
        digest = RegistryCalls(self._engine, access, seconds, check).push(tag)
        return f"{access.repository}@{digest}"

    def fetch_image(
        self,
        reference: str,
        access: ImageAccess,
        *,
        seconds: float,
        check: Callable[[], None] | None = None,
    ) -> None:
        RegistryCalls(self._engine, access, seconds, check).pull(reference)
        if self.image_id(reference) is None:
            raise RegistryUnavailable(f"{reference} was pulled and is not there")

    def tag_image(self, image: str, tag: str) -> None:
        repository, _, version = tag.rpartition(":")
        with calling():
            try:
                self._engine.quick.tag(image, repository, version)
            except APIError as error:
                if error.status_code == 404:
                    raise ImageGone(image) from error
                raise

    def remove_image(self, reference: str) -> None:
        with calling():
            try:
                self._engine.slow.remove_image(reference, force=False)
            except APIError as error:
                if error.status_code not in (404, 409):
                    raise
