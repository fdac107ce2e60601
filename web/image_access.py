"""What a worker may show to the image registry: its own tool's repository, while it holds the job."""

import re
from dataclasses import dataclass

from sqlalchemy.orm import Session

from shared.images import ImageRegistry, ImagesUnavailable, repository_of
from shared.schema.runs import Run
from shared.schema.tools import Build, Image, Version
from shared.work import BuildReport, ImageAccess
from web import leases
from web.leases import Hold
from web.refusals import Busy, Invalid

_LATER_SECONDS = 5.0
_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}")


@dataclass(frozen=True)
class Wanted:
    """Which way, and where."""

    tool_id: str
    repository: str
    push: bool
    image_bytes: int = 0


def wanted(session: Session, held: Hold, registry: ImageRegistry) -> Wanted | None:
    """What the holder of this job may ask the registry for; None: nothing; raises `LeaseLost`."""
    job = leases.hold(session, held, lock=False)
    assert isinstance(job, Run | Build)  # the route takes no other kind
    version = session.get_one(Version, job.version_id)
    if isinstance(job, Build):
        repository = registry.repository(version.tool_id)
        return Wanted(version.tool_id, repository, push=True) if repository else None
    repository = repository_of(version.image or "")
    if not repository or repository != registry.repository(version.tool_id):
        return None  # on one engine, or in a registry that is ours no longer: it is built again
    made = session.get(Image, version.identity) if version.identity else None
    size = made.size if made is not None else 0
    return Wanted(version.tool_id, repository, push=False, image_bytes=size)


def mint(registry: ImageRegistry, wanted: Wanted) -> ImageAccess:
    """The access; raises `Busy` while the registry's owner does not give any."""
    try:
        if wanted.push:
            return registry.push(wanted.tool_id)
        access = registry.pull(wanted.repository)
    except ImagesUnavailable as error:
        raise Busy(str(error), code="registry", retry_after=_LATER_SECONDS) from error
    return access.model_copy(update={"image_bytes": wanted.image_bytes})


def check_place(session: Session, held: Hold, report: BuildReport, registry: ImageRegistry) -> None:
    """Refuse a build whose image lies anywhere but in its own tool's repository."""
    if report.state != "succeeded":
        return
    job = leases.hold_unless_finished(session, held, lock=False)
    if not isinstance(job, Build):
        return
    repository = registry.repository(session.get_one(Version, job.version_id).tool_id)
    image = str(report.image)
    if not repository and not repository_of(image):
        return
    if not image.startswith(repository) or not _DIGEST.fullmatch(image[len(repository) :]):
        place = repository or "the worker's own engine"
        raise Invalid(f"The image must be a digest in {place}.", code="foreign_image")
