"""What the utility process is told by the environment."""

from pydantic import Field, field_validator

from archiver_service.settings import ArchiverSettings
from notifier.settings import NotifierSettings
from utility.scaling import ScalingSettings

PARTS = (
    "relay",
    "reaper",
    "scaler",
    "sweeper",
    "upload-sweeper",
    "file-hashes",
    "storage-denials",
    "archiver",
    "notifier",
)


class UtilitySettings(ArchiverSettings, NotifierSettings, ScalingSettings):
    """What its parts are told."""

    utility_parts: str = ",".join(PARTS)
    """Those that run here, comma-separated; a restore drill leaves out whatever deletes."""
    sweep_seconds: float = Field(default=3600.0, gt=0)
    """Between two looks for what nobody needs any more."""
    unused_file_days: int = Field(default=30, gt=0)
    """Uploads that no run has used for so long are deleted."""
    unfinished_upload_days: int = Field(default=7, gt=0)
    """Uploads that were begun and not finished for so long are given up."""

    @field_validator("utility_parts")
    @classmethod
    def _known_parts(cls, value: str) -> str:
        if unknown := sorted(set(value.split(",")) - set(PARTS)):
            raise ValueError(f"knows {', '.join(PARTS)}, and not {', '.join(unknown)}")
        return value
