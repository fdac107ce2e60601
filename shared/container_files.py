"""Files of this host that containers are shown."""

import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from shared import sandbox_flags
from shared.containers import Sandbox

_OWN_NAMES = "127.0.0.1 localhost sandbox\n::1 localhost\n"


@dataclass(frozen=True)
class ContainerFiles:
    """Those of one installation's containers, in one folder."""

    folder: Path

    def environment(self, sandbox: Sandbox) -> Path | None:
        """A build's environment as a file: proxies and index settings must not stay in the image."""
        if sandbox.kind != "build" or not sandbox.env:
            return None
        self._make()
        path = self._environment_of(sandbox.name)
        path.touch(mode=0o600)
        path.write_text(sandbox_flags.env_file(sandbox.env))
        os.chown(path, sandbox_flags.UID, -1)
        path.chmod(0o400)
        return path

    def names(self, sandbox: Sandbox) -> Path | None:
        """The same file for all brief ones, for which the engine writes none."""
        if not sandbox_flags.at_once(sandbox):
            return None
        path = self.folder / "hosts"
        if not path.exists():
            self._make()
            new = path.with_name(f".hosts-{secrets.token_hex(8)}")
            new.write_text(_OWN_NAMES)
            new.chmod(0o444)
            new.replace(path)
        return path

    def forget(self, name: str) -> None:
        """Take away what that container alone was shown."""
        self._environment_of(name).unlink(missing_ok=True)

    def _make(self) -> None:
        self.folder.mkdir(mode=0o711, parents=True, exist_ok=True)

    def _environment_of(self, name: str) -> Path:
        return self.folder / f"{name}.env"
