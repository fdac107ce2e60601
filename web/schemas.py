"""What the API takes and gives: its own models, so that tables can change without it."""

import re
from functools import cache
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from shared.form import Form
from shared.plan import Command, Network, Plan
from shared.work import PlanTried

_UNFIT = re.compile("[\x00\ud800-\udfff]")


class Given(BaseModel):
    """A request's body; unknown fields are refused, so that a typing error is not ignored."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _storable(cls, data: object) -> object:
        if _unfit(data):
            raise ValueError("text must not contain NUL or unpaired surrogate characters")
        return data


def _unfit(data: object) -> bool:
    """Whether some text in it could not be stored by every database."""
    if isinstance(data, str):
        return _UNFIT.search(data) is not None
    if isinstance(data, dict):
        return any(_unfit(key) or _unfit(value) for key, value in data.items())
    return isinstance(data, list) and any(_unfit(item) for item in data)


class Problem(BaseModel):
    code: str
    message: str
    details: dict[str, object] = {}


class ErrorAnswer(BaseModel):
    error: Problem


class Query(BaseModel):
    """What an address asks for; its schema is looked at with each request, and made once."""

    @classmethod
    def model_json_schema(cls, *args: Any, **how: Any) -> dict[str, Any]:
        return super().model_json_schema(*args, **how) if args or how else _plain_schema(cls)


@cache
def _plain_schema(query: type[Query]) -> dict[str, Any]:
    return super(Query, query).model_json_schema()


class Page(Given, Query):
    """How to walk through a list: `cursor` is the last answer's `next`."""

    model_config = ConfigDict(extra="ignore")

    cursor: str | None = Field(default=None, max_length=200)
    limit: int = Field(default=50, ge=1, le=200)


class Me(BaseModel):
    id: str
    email: str
    is_admin: bool
    plan: str


class NewToken(Given):
    """For the caller; or, without signing in first, for an e-mail address and password."""

    email: str | None = Field(default=None, max_length=254)
    password: str | None = Field(default=None, max_length=1024)
    name: str = Field(default="token", min_length=1, max_length=100)
    """What the token is for."""
    days: int | None = Field(default=None, ge=1, le=3650)
    """How long it holds; the installation's own default where left out."""


class TokenInfo(BaseModel):
    id: str
    name: str
    created_at: int
    expires_at: int | None


class IssuedToken(TokenInfo):
    token: str
    """Shown this once."""


class Tokens(BaseModel):
    items: list[TokenInfo]
    next: str | None = None


class NewTool(Given):
    """Only the link is required."""

    link: str = Field(max_length=2000)
    name: str | None = Field(default=None, max_length=200)
    description: str = Field(default="", max_length=10_000)
    ref: str | None = Field(default=None, max_length=500)
    folder: str = Field(default="", max_length=1000)
    runtime: str | None = Field(default=None, max_length=100)
    command: str | None = Field(default=None, max_length=200)
    overrides: str = Field(default="", max_length=70_000)
    """The text of a `toolyard.yaml`, instead of the repository's own."""
    network: Network | None = None
    private: bool = False


class NewPreview(Given):
    """Only the link is required."""

    link: str = Field(max_length=2000)
    ref: str | None = Field(default=None, max_length=500)
    folder: str = Field(default="", max_length=1000)
    runtime: str | None = Field(default=None, max_length=100)
    command: str | None = Field(default=None, max_length=200)
    overrides: str = Field(default="", max_length=70_000)
    """The text of a `toolyard.yaml`, instead of the repository's own."""


class PreviewInfo(BaseModel):
    """A look at a repository; `plan` is there once `state` is `succeeded`."""

    id: str
    state: str
    """`queued`, `leased`, `cloning`, `detecting`; then `succeeded`, `failed`, `timed_out` or `lost`."""
    link: str
    ref: str | None
    folder: str
    commit: str | None
    description: str
    plan: Plan | None
    plan_text: str
    """The plan as a `toolyard.yaml`, to be edited and given as `overrides`."""
    commands: list[Command]
    reason: str
    created_at: int
    finished_at: int | None


class ToolEdit(Given):
    """What is left out stays; link, ref, folder, runtime, command or overrides make a new version."""

    name: str = Field(default="", max_length=200)
    description: str = Field(default="", max_length=10_000)
    private: bool = False
    network: Network | None = None
    link: str = Field(default="", max_length=2000)
    ref: str | None = Field(default=None, max_length=500)
    folder: str = Field(default="", max_length=1000)
    runtime: str | None = Field(default=None, max_length=100)
    command: str | None = Field(default=None, max_length=200)
    overrides: str = Field(default="", max_length=70_000)


class VersionInfo(BaseModel):
    """One version and what its build found."""

    tool: str
    tool_id: str
    version: int
    id: str
    state: Literal["pending", "ready", "failed"]
    link: str
    ref: str | None
    folder: str
    runtime: str | None
    command: str | None
    overrides: str
    network: Network
    commit: str | None
    image: str | None
    commands: list[Command]
    plan: Plan | None
    plans_tried: list[PlanTried]
    licence: str
    reason: str
    created_at: int
    ready_at: int | None
    build_id: str | None


class ToolInfo(VersionInfo):
    """A tool as its newest ready version has it; `id` is the tool's."""

    description: str
    private: bool
    mine: bool
    readme: str = ""
    forms: dict[str, Form] = {}
    """Fields of each command that explained itself, by its name; left out of lists."""
    versions: int
    newest: int
    """Number of the newest version, ready or not."""
    newest_state: Literal["pending", "ready", "failed"]


class ToolList(BaseModel):
    items: list[ToolInfo]
    next: str | None


class VersionList(BaseModel):
    items: list[VersionInfo]
    next: str | None


class BuildInfo(BaseModel):
    id: str
    tool: str
    tool_id: str
    version: int
    state: str
    cancelling: bool
    reason: str
    created_at: int
    started_at: int | None
    finished_at: int | None


class BuildList(BaseModel):
    items: list[BuildInfo]
    next: str | None


class InputGiven(Given):
    file_id: str = Field(max_length=64)
    name: str | None = Field(default=None, max_length=1000)
    """What the tool sees it as; its own name where left out."""


class NewRun(Given):
    """Arguments come as `argv`, or as `line`: a command line, a JSON array or an index-keyed object."""

    tool: str = Field(max_length=200)
    """Name or id, with `@VERSION` if wanted."""
    version: int | None = Field(default=None, ge=1, le=1 << 31)
    line: str = Field(default="", max_length=200_000)
    argv: list[str] | None = Field(default=None, max_length=10_000)
    command: str | None = Field(default=None, max_length=200)
    inputs: list[InputGiven] = Field(default=[], max_length=1000)
    stdin: str | None = Field(default=None, max_length=64)
    """Id of an uploaded file."""
    env: dict[str, str] = {}
    timeout: int | None = None
    network: Network | None = None
    """No wider than the tool's."""


class OutputInfo(BaseModel):
    n: int
    path: str
    size: int
    sha256: str


class StreamInfo(BaseModel):
    """`size` bytes were written, the first `kept` can be read."""

    size: int
    kept: int
    sha256: str


class RunInfo(BaseModel):
    id: str
    tool: str
    tool_id: str
    version: int
    command: str
    line: str
    argv: list[str]
    env: dict[str, str]
    network: Network | None
    state: str
    cancelling: bool
    exit_code: int | None
    signal: int | None
    oom: bool
    reason: str
    seconds: float | None
    commit: str | None
    image: str | None
    created_at: int
    started_at: int | None
    finished_at: int | None
    position: int | None = None
    """While it is queued: 1 is next."""
    expected_seconds: float | None = None
    outputs: list[OutputInfo] = []
    skipped: list[str] = []
    streams: dict[str, StreamInfo] = {}


class RunList(BaseModel):
    items: list[RunInfo]
    next: str | None


class OutputList(BaseModel):
    items: list[OutputInfo]
    next: str | None


class FileInfo(BaseModel):
    id: str
    name: str
    size: int
    sha256: str
    """Of the bytes. With a dash, until they have been read once: of the SHA-256s of their parts."""
    created_at: int
    runs: int = 0
    """How many took it."""


class FileList(BaseModel):
    items: list[FileInfo]
    next: str | None
    stored_bytes: int
    """Of all uploads, unfinished ones too."""
    most_bytes: int
    """What the plan keeps."""
