"""What the API takes and gives of uploads."""

from pydantic import BaseModel, Field

from web.schemas import Given

_SHA256 = r"^[0-9a-f]{64}$"


class NewUpload(Given):
    name: str = Field(max_length=1000)
    size: int = Field(ge=0, lt=1 << 50)
    sha256: str | None = Field(default=None, pattern=_SHA256)
    """For one form POST of up to 8 MiB; the bytes must have it."""


class UploadForm(BaseModel):
    """A multipart form: these fields first, then the bytes as the field `file`."""

    url: str
    fields: dict[str, str]


class StoredPart(BaseModel):
    number: int
    size: int
    sha256: str


class UploadInfo(BaseModel):
    id: str
    name: str
    size: int
    part_size: int
    """Of every part but the last."""
    parts: int
    stored: list[StoredPart]
    """The parts that are there; only where one upload is asked for."""
    form: UploadForm | None
    """Send this instead of parts."""
    created_at: int
    finished: bool


class UploadList(BaseModel):
    items: list[UploadInfo]
    next: str | None = None


class WantedPart(Given):
    number: int = Field(ge=1, le=10_000)
    sha256: str = Field(pattern=_SHA256)


class WantedParts(Given):
    parts: list[WantedPart] = Field(min_length=1, max_length=100)


class WholeUpload(Given):
    """What the client believes to have sent."""

    parts_sha256: str | None = Field(default=None, pattern=_SHA256)
    """SHA-256 over the SHA-256s (32 bytes each) of all parts; refused if others are there."""


class PartTarget(BaseModel):
    number: int
    url: str
    headers: dict[str, str]
    """To be sent with the PUT: they are part of the signature."""


class PartTargets(BaseModel):
    items: list[PartTarget]
