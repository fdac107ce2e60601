"""Settings from `TOOLYARD_…` variables; each service's `__main__` reads them once, all else gets arguments."""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field


class Settings(BaseModel):
    """What every process of an installation must know; a service's own settings extend this."""

    model_config = ConfigDict(frozen=True)

    data: Path = Path("data")
    port: int = 8080
    url: str = ""
    """Where web answers; workers call it. Empty: `http://127.0.0.1:<port>`."""
    database_url: str = ""
    """An SQLAlchemy URL. Empty: SQLite in the data folder."""
    bus_url: str = ""
    """`sqlite:///path` or `sns-sqs://<prefix>` (AWS's own variables say where). Empty: SQLite."""
    log_json: bool = Field(default=False)
    lease_seconds: float = Field(default=45.0, gt=0)
    """How long a worker holds a job without a heartbeat."""
    heartbeat_seconds: float = Field(default=10.0, gt=0)
    reaper_seconds: float = Field(default=5.0, gt=0)
    """Between two looks for expired leases."""

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Self:
        """The fields found as `TOOLYARD_<FIELD>`; raises `pydantic.ValidationError` with the field's name."""
        found = {
            name: environ["TOOLYARD_" + name.upper()]
            for name in cls.model_fields
            if environ.get("TOOLYARD_" + name.upper())
        }
        settings = cls.model_validate(found)
        data = settings.data.absolute()
        return settings.model_copy(
            update={
                "data": data,
                "url": settings.url or f"http://127.0.0.1:{settings.port}",
                "database_url": settings.database_url or f"sqlite:///{data}/toolyard.db",
                "bus_url": settings.bus_url or f"sqlite:///{data}/bus.db",
            }
        )

    def secret(self, name: str) -> str:
        """A secret of this installation, made at first use in `<data>/secrets/<name>` (0600)."""
        folder = self.data / "secrets"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / name
        new = folder / f".{name}.{os.getpid()}.{secrets.token_hex(4)}"
        if not path.exists():
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_urlsafe(32))
            try:
                os.link(new, path)  # fails when another process was first; its secret stands
            except FileExistsError:
                pass
            finally:
                new.unlink()
        return path.read_text().strip()
