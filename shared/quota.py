"""Working folders that can hold so many bytes and files, and no more."""

import os
import secrets
import shutil
import subprocess
import tempfile
from pathlib import Path

from shared import loop_device
from shared.sandbox_flags import UID

_MIB = 1 << 20
_OWN = 16
"""Files that the file system needs for itself."""


class QuotaUnavailable(Exception):
    """A working folder with a limit cannot be made here; the text says why."""


class Quotas:
    """Folders below one root: `<name>.img` is what `<name>` is mounted from.

    Everything about a folder is in its name, so that a successor finds and ends what was begun.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._templates = root / "templates"

    def path(self, name: str) -> Path:
        return self._root / name

    def make(self, name: str, size: int, files: int) -> Path:
        """The folder, made if it is not there yet, given to the sandbox's user."""
        folder = self.path(name)
        if os.path.ismount(folder):
            return folder
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        try:
            try:
                image = self._image(name)
                self._copy(self._template(size, files), image)
                loop_device.mount_image(image, folder)
            except (OSError, subprocess.CalledProcessError):
                options = f"size={size},nr_inodes={files + _OWN},uid={UID},gid={UID},mode=0755"
                loop_device.mount("tmpfs", folder, "tmpfs", options)
        except OSError as error:
            self.remove(name)
            raise QuotaUnavailable(
                f"No working folder with a size limit could be mounted ({error.strerror}):"
                " run this service as root on a host with loop devices."
            ) from error
        return folder

    def remove(self, name: str) -> None:
        """Unmount and delete; a missing one is fine."""
        folder = self.path(name)
        loop_device.unmount(folder)
        self._image(name).unlink(missing_ok=True)
        shutil.rmtree(folder, ignore_errors=True)

    def tidy(self) -> None:
        """Take away templates that a killed process left half made; for the only user of this root."""
        if not self._templates.exists():
            return
        for path in self._templates.iterdir():
            if path.is_dir():
                loop_device.unmount(path)
                path.rmdir()
            elif path.name.startswith("."):
                path.unlink()

    def names(self) -> list[str]:
        """Folders that exist, also those that a dead worker left."""
        if not self._root.exists():
            return []
        found = {path.name.removesuffix(".img") for path in self._root.iterdir()}
        return sorted(found - {"templates"})

    def _image(self, name: str) -> Path:
        return self._root / f"{name}.img"

    def _template(self, size: int, files: int) -> Path:
        """An empty file system of that size; formatting takes long, copying its few blocks does not."""
        template = self._templates / f"{size}-{files}.img"
        if template.exists():
            return template
        self._templates.mkdir(mode=0o700, parents=True, exist_ok=True)
        new = self._templates / f".{secrets.token_hex(8)}"
        inodes = files + _OWN
        with new.open("wb") as file:
            # besides the promised bytes: inodes, bitmaps and extents
            file.truncate(size + inodes * 256 + size // 64 + 4 * _MIB)
        subprocess.run(
            [
                *("mkfs.ext4", "-q", "-F", "-m", "0", "-N", str(inodes)),
                *("-O", "^has_journal,^resize_inode,uninit_bg", "-b", "4096"),
                *("-E", f"lazy_itable_init=1,nodiscard,root_owner={UID}:{UID}", str(new)),
            ],
            check=True,
            capture_output=True,
        )
        with tempfile.TemporaryDirectory(dir=self._templates) as folder:
            loop_device.mount_image(new, Path(folder))
            Path(folder, "lost+found").rmdir()
            loop_device.unmount(Path(folder))
        new.rename(template)
        return template

    @staticmethod
    def _copy(template: Path, image: Path) -> None:
        """The template's blocks; its holes stay holes."""
        with template.open("rb") as source, image.open("wb") as target:
            size = os.fstat(source.fileno()).st_size
            target.truncate(size)
            end = 0
            while end < size:
                try:
                    start = os.lseek(source.fileno(), end, os.SEEK_DATA)
                except OSError:
                    break  # only a hole is left
                end = os.lseek(source.fileno(), start, os.SEEK_HOLE)
                os.lseek(source.fileno(), start, os.SEEK_SET)
                os.lseek(target.fileno(), start, os.SEEK_SET)
                left = end - start
                while left:
                    left -= os.copy_file_range(source.fileno(), target.fileno(), left)
