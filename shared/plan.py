"""What a build will do and what a tool may do, as data that is stored, shown and edited."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Network(BaseModel):
    """Whom a sandbox may reach: nobody, the internet, or named hosts (`host` or `host:port`)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    mode: Literal["off", "internet", "hosts"] = "off"
    hosts: tuple[str, ...] = ()


class Command(BaseModel):
    """A way into the tool: what people type, what the container executes, and why we believe it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    run: list[str] = Field(min_length=1)
    evidence: str


class Step(BaseModel):
    """One sandboxed container of a build, committed when it has exited with 0.

    `argv` runs in `/app` (a copy of the repository's folder); `as_root` is for Debian packages only.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    argv: list[str] = Field(min_length=1)
    as_root: bool = False
    env: dict[str, str] = {}
    files: list[str] | None = None
    """The files that it reads (its result is kept as long as they stay the same); None: the whole tree."""


class Plan(BaseModel):
    """How a repository becomes an image: a base, Debian packages, steps; and the commands found, best first."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    runtime: str
    """Language of the detector that made it: `python`, `node`, `shell`."""
    runtime_version: str = ""
    base: str
    """Name of the base image recipe, see `builder_service/bases.py`."""
    system_packages: list[str] = []
    steps: list[Step] = []
    commands: list[Command] = []
    network: Network = Network()
    env: dict[str, str] = {}
    evidence: list[str] = []
    """One short sentence a finding: `pyproject.toml (hatchling)`."""
