"""What a build will do and what a tool may do, as data that is stored, shown and edited."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

RUNTIMES: dict[str, str] = {
    "python": "Python",
    "node": "Node",
    "go": "Go",
    "rust": "Rust",
    "java": "Java",
    "c": "C or C++",
    "ruby": "Ruby",
    "perl": "Perl",
    "r": "R",
    "shell": "Shell",
    "dockerfile": "Dockerfile",
}
"""What can be asked for as `Plan.runtime`, and what people call it."""

JsonForm = dict[str, object]
"""A form (`shared.form.Form`) as JSON."""


class Network(BaseModel):
    """Whom a sandbox may reach: nobody, the internet, or named hosts (`host` or `host:port`).

    Nothing of it is ignored: what a worker does not know may be what keeps a program in (decision 14).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["off", "internet", "hosts"] = "off"
    hosts: tuple[Annotated[str, Field(max_length=300)], ...] = Field(default=(), max_length=100)
    """Each is looked up before a run may start."""


class Command(BaseModel):
    """A way into the tool: what people type, what the container executes, and why we believe it."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    run: list[str] = Field(min_length=1)
    evidence: str


class Step(BaseModel):
    """One sandboxed container of a build, committed when it has exited with 0.

    `argv` runs in `/app` (a copy of the repository's folder); `as_root` is for Debian packages only.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str
    argv: list[str] = Field(min_length=1)
    as_root: bool = False
    env: dict[str, str] = {}
    files: list[str] | None = None
    """The files that it reads (its result is kept as long as they stay the same), a whole folder by a name that
    ends in `/`; None: the whole tree."""


class OwnDockerfile(BaseModel):
    """The repository's own Dockerfile as our sandbox carries it out: its bases mapped to ours, the mappings told."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    path: str
    text: str
    mapped: list[str] = []
    """One sentence a change: `debian:stable-slim stands for our Debian base`."""


class Plan(BaseModel):
    """How a repository becomes an image: a base, Debian packages, steps; and the commands found, best first."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    runtime: str
    """Language of the detector that made it: `python`, `go`, …, or `dockerfile`."""
    runtime_version: str = ""
    base: str
    """Name of the base image recipe, see `builder_service/base_recipes/`."""
    system_packages: list[str] = []
    steps: list[Step] = []
    commands: list[Command] = []
    network: Network = Network()
    env: dict[str, str] = {}
    evidence: list[str] = []
    """One short sentence a finding: `pyproject.toml (hatchling)`."""
    start: Literal["empty", "repository"] = "empty"
    """Where a run starts: in an empty folder, or in a writable copy of the repository (`/app`), for tools that
    read files beside themselves by a relative path. Inputs and outputs behave alike in both."""
    dockerfile: OwnDockerfile | None = None
    """The repository's own Dockerfile; then `base`, `system_packages` and `steps` are not used."""
    smoke: list[str] = []
    """A command line that must exit with 0 before the tool is ready; empty: its commands must answer."""
    forms: dict[str, JsonForm] = {}
    """Form fields declared by `toolyard.yaml`, by command name; they win over those read from `--help`."""
