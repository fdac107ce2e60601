"""A real registry (Debian's docker-registry) that believes only one certificate's tokens."""

import shutil
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import httpx

from cli.servers import free_port
from shared import registry_tokens


class Registry:
    """A context manager; `key` is the secret that its tokens are signed with."""

    def __init__(self, folder: Path, *, realm: str = "") -> None:
        """`realm`: where clients are sent for tokens."""
        self.folder = folder
        self._realm = realm
        self.key = registry_tokens.new_key()
        self.address = f"127.0.0.1:{free_port()}"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def place(self) -> str:
        """`host:port/prefix`."""
        return f"{self.address}/toolyard"

    def __enter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        certificate = self.folder / "certificate.pem"
        certificate.write_text(registry_tokens.certificate_of(self.key))
        config = self.folder / "registry.yml"
        config.write_text(
            "version: 0.1\nlog: {level: info}\n"
            f"storage: {{filesystem: {{rootdirectory: {self.folder}/store}}}}\n"
            f"http: {{addr: '{self.address}'}}\n"
            f"auth: {{token: {{realm: '{self._realm or f'http://{self.address}/'}', service: toolyard, "
            f"issuer: toolyard, rootcertbundle: {certificate}}}}}\n"
        )
        with (self.folder / "log").open("ab") as log:
            self._process = subprocess.Popen(
                ["docker-registry", "serve", str(config)], stdout=log, stderr=log
            )
        for _ in range(200):
            try:
                httpx.get(f"http://{self.address}/v2/", trust_env=False)
                return self
            except httpx.TransportError:
                time.sleep(0.1)
        raise AssertionError("the registry did not start: " + (self.folder / "log").read_text())

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
            self._process = None

    def lose(self) -> None:
        """Everything that it holds is gone; it knows so after a new start."""
        self.stop()
        shutil.rmtree(self.folder / "store", ignore_errors=True)
        self.__enter__()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()
