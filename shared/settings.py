"""Settings from `TOOLYARD_…` variables; each service's `__main__` reads them once, all else gets arguments."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, field_validator

from shared import secret_store, secrets_open
from shared.database_login import DatabaseLogin
from shared.objects import bucket_of


class Settings(BaseModel):
    """What every process of an installation must know; a service's own settings extend this."""

    model_config = ConfigDict(frozen=True)

    data: Path = Path("data")
    port: int = 8080
    url: str = ""
    """Where web answers; workers call it. Empty: `http://127.0.0.1:<port>`."""
    database_url: str = ""
    """An SQLAlchemy URL. Empty: SQLite in the data folder."""
    database_password: str = ""
    """The name of the secret that is the database's password, where the URL has none."""
    bus_url: str = ""
    """`sqlite:///path` or `sns-sqs://<prefix>` (AWS's own variables say where). Empty: SQLite."""
    objects_url: str = ""
    """`s3://BUCKET[/PREFIX]` (AWS's own variables say where). Empty: a folder in the data folder."""
    people_role: str = ""
    """ARN of the role that people's own storage credentials are sessions of. Empty: none are given."""
    people_profile: str = ""
    """An AWS profile with the keys that assume it, for 12 hours instead of one."""
    secrets_url: str = ""
    """`secretsmanager://PREFIX` or `ssm://PREFIX`. Empty: files (0600) in the data folder."""
    log_json: bool = Field(default=False)
    traces_url: str = ""
    """An OTLP/HTTP endpoint, like `http://127.0.0.1:4318/v1/traces`. Empty: nothing is traced."""
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

    @field_validator("objects_url")
    @classmethod
    def _known_bucket(cls, value: str) -> str:
        if value:
            bucket_of(value)
        return value

    @field_validator("secrets_url")
    @classmethod
    def _known_store(cls, value: str) -> str:
        return secrets_open.check(value)

    def secret(self, name: str, make: Callable[[], str] = secret_store.random_text) -> str:
        """A secret of this installation, made at first use; raises `SecretsUnavailable`."""
        return secret_store.own(self._secrets(), name, make)

    def given_secret(self, name: str) -> str:
        """A secret that is not ours to make; raises `SecretsUnavailable` where there is none."""
        return secret_store.given(self._secrets(), name)

    @property
    def database_login(self) -> DatabaseLogin | None:
        """Where new connections get user and password from, when the URL has no password."""
        if not self.database_password:
            return None
        return DatabaseLogin(self._secrets(), self.database_password)

    @property
    def database_url_with_login(self) -> str:
        """For one short use (migration, backup); services give `database_login` to `Transactions`."""
        login = self.database_login
        return self.database_url if login is None else login.put_into(self.database_url)

    def _secrets(self) -> secrets_open.Remembered:
        return secrets_open.open_secrets(self.secrets_url, self.data.absolute())
