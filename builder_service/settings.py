"""What a builder is told by `TOOLYARD_…` variables."""

from pathlib import Path

from pydantic import Field, field_validator

from shared.egress import parse_allow
from shared.heartbeats import SILENCE_SECONDS
from shared.settings import Settings


class BuilderSettings(Settings):
    """All of it has defaults that fit one machine."""

    builder_slots: int = Field(default=1, ge=1, le=16)
    preview_slots: int = Field(default=2, ge=1, le=16)
    """Repositories that are looked at at once, beside the builds."""
    worker_host: str = Field(default="", pattern=r"^[A-Za-z0-9._-]{0,64}$")
    """What this machine is called; on EC2 the instance id, which the scaler protects. Empty: its own id."""
    builder_state: Path | None = None
    """Where clones, locks and notes of kept steps lie. Empty: `builder` in the data folder."""
    builder_drain_seconds: float = Field(default=0.0, ge=0)
    """How long SIGTERM waits for builds before they are handed back."""
    builder_silence_seconds: float = Field(default=SILENCE_SECONDS, gt=0)
    """A build is given up when web has not answered for so long."""
    builder_disk_full: float = Field(default=0.9, gt=0, le=1)
    """Nothing is claimed while the disk is fuller than this."""
    image_disk_percent: float = Field(default=80.0, gt=0, le=100)
    """Kept steps and unused images are removed while the engine's disk is fuller than this."""
    image_check_seconds: float = Field(default=600.0, gt=0)
    """Between two looks at that disk; each build's end is another one."""
    build_allow: str = ""
    """`host:port,…` that clones and builds may reach although private or reserved."""
    build_ca: Path | None = None
    """A file of certificates that build steps and clones trust."""
    build_proxy: str = ""
    build_python_index: str = ""
    build_node_registry: str = ""
    build_maven_mirror: str = ""
    """The repository that Maven asks instead of the central one and all others."""
    build_go_proxy: str = ""
    build_gem_source: str = ""
    build_cpan_mirror: str = ""
    build_cran_mirror: str = ""
    clone_bytes: int = Field(default=1 << 30, gt=0)
    clone_files: int = Field(default=100_000, gt=0)
    clone_seconds: float = Field(default=300.0, gt=0)

    @field_validator("build_allow")
    @classmethod
    def _readable(cls, text: str) -> str:
        parse_allow(text)
        return text

    @property
    def state(self) -> Path:
        return (self.builder_state or self.data / "builder").absolute()

    @property
    def allowed(self) -> frozenset[str]:
        """The allow set as links are compared with it."""
        return frozenset(f"{host}:{port}" for host, port in parse_allow(self.build_allow))
