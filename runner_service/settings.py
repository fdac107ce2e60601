"""What a runner is told by `TOOLYARD_…` variables."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from shared.heartbeats import SILENCE_SECONDS
from shared.settings import Settings


class RunnerSettings(Settings):
    """All of it has defaults that fit one machine."""

    runner_slots: int = Field(default=2, ge=1, le=64)
    worker_host: str = Field(default="", pattern=r"^[A-Za-z0-9._-]{0,64}$")
    """What this machine is called; on EC2 the instance id, which the scaler protects. Empty: its own id."""
    runner_state: Path | None = None
    """Where runs are remembered across a restart. Empty: `runner` in the data folder."""
    runner_drain_seconds: float = Field(default=60.0, ge=0)
    """How long SIGTERM waits for running programs."""
    runner_leave: Literal["running", "released"] = "running"
    """What then happens to the others: a successor on this host adopts them, or they are handed back."""
    runner_silence_seconds: float = Field(default=SILENCE_SECONDS, gt=0)
    """A running program is ended when web has not answered for so long."""
    runner_disk_full: float = Field(default=0.9, gt=0, le=1)
    """Nothing is claimed while the disk is fuller than this."""
    image_disk_percent: float = Field(default=80.0, gt=0, le=100)
    """Pulled images that no run uses are removed while the engine's disk would be fuller than this."""
    crash: str = ""
    """Fault tests only: `name:nth,…`, see `shared/crashpoints.py`."""

    @property
    def state(self) -> Path:
        return (self.runner_state or self.data / "runner").absolute()
