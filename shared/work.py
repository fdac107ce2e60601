"""The worker API's bodies: what a builder or runner is given, and what it reports."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_serializer

from shared.plan import Command, JsonForm, Network, Plan

Kind = Literal["run", "build", "preview"]
Stream = Literal["stdout", "stderr"]
RunPhase = Literal["staging", "starting", "running", "finalizing"]
BuildPhase = Literal["cloning", "detecting", "building", "smoking", "publishing"]
PreviewPhase = Literal["cloning", "detecting"]
ObjectName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._/-]{0,199}$")]
"""Like `stdout` or `o/17`: of an object under its attempt's own prefix."""
SMALL_BYTES = 64 << 10
SMALL_OBJECTS = 8
"""What a run's report may bring, all together: a request an object would cost more than its bytes."""


class Body(BaseModel):
    """Unknown fields are ignored: the other side may be of the next release (decision 14)."""

    model_config = ConfigDict(extra="ignore")


class Limits(Body):
    """What one container may use; bytes and seconds."""

    cpus: float = 1.0
    memory_bytes: int = 1 << 30
    pids: int = 256
    wall_seconds: int = 600
    log_bytes: int = 64 << 20
    """Kept of each stream; the rest is counted and dropped."""
    disk_bytes: int = 1 << 30
    """The working folder of a run (outputs and inputs together), or what a build may add."""
    output_files: int = 10_000
    disk_files: int = 500_000
    """Files and folders that a build may add."""


BUILD_LIMITS = Limits(
    cpus=2.0, memory_bytes=4 << 30, pids=1024, wall_seconds=1200, disk_bytes=10 << 30
)


class Lease(Body):
    """Who holds a job: every later call repeats `fence` and carries `token` as its bearer."""

    id: str
    fence: int
    attempt: str
    """Random; names containers and the prefix of this attempt's objects."""
    token: str
    lease_seconds: float
    heartbeat_seconds: float
    account: str


class InputFile(Body):
    """A file to stage: `name` is a base name, unique in the run; `url` gives the bytes."""

    name: str
    size: int
    sha256: str
    url: str


class RunAssignment(Lease):
    kind: Literal["run"] = "run"
    prefix: str
    """Begins the key of each of this attempt's objects; the object's name follows."""
    image: str
    """Image id (`sha256:…`) or registry digest; never a tag that can move."""
    argv: list[str]
    """The command's own words and the arguments, ready for exec."""
    start: Literal["empty", "repository"] = "empty"
    """What `/work` holds besides the inputs, see `shared.plan.Plan.start`."""
    env: dict[str, str] = {}
    network: Network
    limits: Limits
    inputs: list[InputFile] = []
    stdin: InputFile | None = None
    report_bytes: int = 0
    """So much of the results may come with the report; a web of before decision 15 takes none."""


class SourceCredential(Body):
    """What the clone shows to its Git host; on the wire only, never in a log, argument or image."""

    host: str
    """`host:port`; it is shown to no other."""
    username: str
    secret: SecretStr

    @field_serializer("secret", when_used="json")
    def _on_the_wire(self, secret: SecretStr) -> str:
        return secret.get_secret_value()


class SourceSnapshot(Body):
    """A version's source as it was kept when it was built first, and what only its history told."""

    file: InputFile
    commit: str
    version: str = ""
    """As the repository's tags gave it; empty where no back end had asked."""


class BuildAssignment(Lease):
    kind: Literal["build"] = "build"
    link: str
    ref: str | None = None
    folder: str = ""
    runtime: str | None = None
    """Wanted runtime, or None: detected."""
    command: str | None = None
    """Wanted command name, or None: the best found."""
    network: Network | None = None
    """Wanted network, or None: proposed by detection."""
    overrides: str = ""
    """`toolyard.yaml` text that replaces the repository's own; empty: the repository's, if any."""
    snapshot: SourceSnapshot | None = None
    """The version's own source, to build from instead of the link."""
    credential: SourceCredential | None = None
    """For a private repository; used for cloning only."""
    scope: str = ""
    """Empty for public tools; else the account whose private images this build may share."""
    repository: str = ""
    """Where in the registry its image belongs; empty: it stays on the builder's engine."""
    limits: Limits = BUILD_LIMITS


class PreviewAssignment(Lease):
    """A repository to look at; nothing of it is built or started."""

    kind: Literal["preview"] = "preview"
    link: str
    ref: str | None = None
    folder: str = ""
    runtime: str | None = None
    command: str | None = None
    overrides: str = ""
    """`toolyard.yaml` text, as in `BuildAssignment`."""
    commit_only: bool = False
    """Only the newest commit of link and ref is asked for."""
    credential: SourceCredential | None = None
    """For a private repository; used for cloning only."""
    wall_seconds: float = 60.0


class ClaimRequest(Body):
    kind: Kind
    id: str
    worker: str
    """`host id:boot id`, the same for a successor of a killed worker on the same host."""


class Heartbeat(Body):
    fence: int


class ImageRequest(Body):
    """A worker wants to push its build's image, or to pull its run's."""

    fence: int


class ImageAccess(Body):
    """What a worker shows to the registry: for one repository, a quarter of an hour; never in a log, argument or image."""

    repository: str
    """`host/prefix/tool`, without tag or digest."""
    username: str = ""
    """Empty: `secret` is a bearer token, else it is a password."""
    secret: SecretStr
    image_bytes: int = 0
    """The image's size unpacked, where it is known."""

    @field_serializer("secret", when_used="json")
    def _on_the_wire(self, secret: SecretStr) -> str:
        return secret.get_secret_value()


class Directive(Body):
    """What the worker must do next; on `lost` it ends the container and publishes nothing."""

    directive: Literal["continue", "cancel", "lost"]


class PhaseReport(Body):
    fence: int
    phase: str
    detail: str = ""


class LogAccepted(Body):
    """The offset that the next chunk of this stream must start at."""

    next: int


class UploadRequest(Body):
    """Objects of this attempt that will be put to the store itself."""

    fence: int
    objects: list["UploadObject"] = Field(max_length=1000)


class UploadObject(Body):
    name: ObjectName
    size: int = Field(ge=0)
    sha256: str = Field(pattern=r"^[0-9a-f]{64}$")


class UploadTargets(Body):
    """`urls[name]` takes one PUT with `headers[name]`; `keys[name]` is the object's key."""

    urls: dict[str, str]
    keys: dict[str, str]
    headers: dict[str, dict[str, str]] = {}
    """Part of what was signed; a name without any is left out."""


class KeptStream(Body):
    """A whole stream: `size` bytes were written, the first `kept` are in the object."""

    size: int
    kept: int
    sha256: str
    key: str | None = None


class OutputFile(Body):
    """A new or changed file: its path below the working folder, as the tool named it."""

    path: str
    size: int
    sha256: str
    key: str


class Manifest(Body):
    """Everything a run left; web stores it last, as the object `manifest`."""

    stdout: KeptStream
    stderr: KeptStream
    outputs: list[OutputFile] = []
    skipped: list[str] = []
    """Sentences on what was not kept (links, devices, over the limit)."""
    order: str | None = None
    """Key of a JSON list: how many bytes of stdout came, then of stderr, then of stdout …

    Missing where stdout, then stderr is the order, or where it is not known.
    """


class PastPhase(Body):
    """A phase that began `ago` seconds before the report, and was too short to be told by itself."""

    phase: RunPhase
    ago: float = Field(ge=0)


class RunReport(Body):
    """The end of a run; `signal` is set instead of `exit_code` when a signal ended the program."""

    model_config = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    fence: int
    state: Literal["succeeded", "failed", "timed_out", "cancelled"]
    exit_code: int | None = None
    signal: int | None = None
    oom: bool = False
    reason: str = ""
    seconds: float = 0.0
    manifest: Manifest | None = None
    manifest_key: str | None = None
    """Of a manifest that the worker has stored itself, as those of before decision 15 do."""
    contents: dict[ObjectName, bytes] = Field(default={}, max_length=SMALL_OBJECTS)
    """Objects that the manifest names and nobody has uploaded: web stores them."""
    untold: list[PastPhase] = Field(default=[], max_length=4)


class PlanTried(Body):
    """One plan of a build and, if it failed, the sentence that says why."""

    plan: Plan
    reason: str = ""


class Provenance(Body):
    """What made an image, for whoever wants to check or repeat it."""

    repository: str
    commit: str
    identity: str
    bases: dict[str, str]
    """Digests of our base images that it stands on, by name; several for a Dockerfile's stages."""
    builder_version: str
    source_sha256: str
    """Of the source snapshot."""
    version: str = ""
    """As the repository's tags gave it; empty where no back end has asked."""


class BuildReport(Body):
    """The end of a build."""

    fence: int
    state: Literal["succeeded", "failed", "timed_out", "cancelled"]
    reason: str = ""
    commit: str | None = None
    identity: str | None = None
    """Hash of everything that makes the image (DESIGN 3.7)."""
    image: str | None = None
    image_bytes: int = 0
    plan: Plan | None = None
    plans_tried: list[PlanTried] = []
    commands: list[Command] = []
    description: str = ""
    readme: str = ""
    licence: str = ""
    source_key: str | None = None
    forms: dict[str, JsonForm] = {}
    """The form of each command that explained itself, by the command's name."""
    sbom_key: str | None = None
    provenance: Provenance | None = None
    reused: bool = False
    """The image existed already; nothing was built."""


class PreviewReport(Body):
    """The end of a look at a repository: its plan, or the sentence that says why there is none."""

    fence: int
    state: Literal["succeeded", "failed", "timed_out", "cancelled"]
    reason: str = ""
    commit: str | None = None
    plan: Plan | None = None
    description: str = ""


class Release(Body):
    """The worker gives the job back; a hand-back while draining costs no attempt."""

    fence: int
    reason: str
    costs_attempt: bool = True


class KeptImage(Body):
    """A tool's image as web knows it: what it was made of, and its id."""

    identity: str = Field(pattern=r"^[A-Za-z0-9_.-]{1,100}$")
    image: str


class CollectRequest(Body):
    """A worker's disk is too full: so many bytes of images have to go."""

    worker: str
    bytes_wanted: int = Field(gt=0)
    kept: list[str] = Field(default=[], max_length=1000)
    """Identities that could not be removed just now; others are offered instead."""


class ImagesToCollect(Body):
    """Least recently used first; empty when everything left is needed."""

    images: list[KeptImage]


class CollectedImages(Body):
    """They are gone from the worker's disk."""

    worker: str
    images: list[KeptImage] = Field(max_length=1000)
