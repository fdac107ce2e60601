"""What archiver is told by the environment."""

from pydantic import Field

from shared.settings import Settings


class ArchiverSettings(Settings):
    """`TOOLYARD_GRACE_SECONDS`: how long results stay hot where the plan does not keep them."""

    grace_seconds: int = Field(default=3 * 24 * 3600, ge=0)
