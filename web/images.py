"""What has been built, by identity: nothing is built twice, and the least recently used goes first (DESIGN 3.7)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shared.db import now_ms
from shared.images import repository_of
from shared.schema.runs import Run
from shared.schema.tools import Build, Image, Version
from shared.work import CollectRequest, ImagesToCollect, KeptImage
from web import build_states, jobs, run_states

AT_ONCE = 100
"""Images that one answer names at most; the worker asks again."""


@dataclass(frozen=True)
class Candidate:
    """An image on a disk, and when it was last used."""

    identity: str
    size: int
    last_used_at: int


def to_collect(
    images: Sequence[Candidate], *, in_use: Collection[str], bytes_wanted: int
) -> list[str]:
    """The identities to remove, least recently used first, until so many bytes are free."""
    chosen: list[str] = []
    for image in sorted(images, key=lambda i: (i.last_used_at, i.identity)):
        if bytes_wanted <= 0 or len(chosen) >= AT_ONCE:
            break
        if image.identity not in in_use:
            chosen.append(image.identity)
            bytes_wanted -= image.size
    return chosen


def in_use(session: Session) -> set[str]:
    """Identities that unfinished runs and builds need."""
    found: set[str] = set()
    for job, states in ((Run, run_states), (Build, build_states)):
        unfinished = sorted(states.WAITING | states.ACTIVE)
        found |= {
            identity
            for identity in session.scalars(
                select(Version.identity)
                .join(job, job.version_id == Version.id)
                .where(job.state.in_(unfinished), Version.identity.is_not(None))
                .distinct()
            )
            if identity is not None
        }
    return found


def choose(session: Session, request: CollectRequest) -> ImagesToCollect:
    """The images that a worker may remove now, least recently used first."""
    rows = {
        row.identity: row
        for row in session.scalars(select(Image).where(Image.collected_at.is_(None)))
    }
    chosen = to_collect(
        [Candidate(row.identity, row.size, row.last_used_at) for row in rows.values()],
        in_use=in_use(session) | set(request.kept),
        bytes_wanted=request.bytes_wanted,
    )
    return ImagesToCollect(
        images=[KeptImage(identity=identity, image=rows[identity].image) for identity in chosen]
    )


def find(session: Session, identity: str) -> Image | None:
    """The registered image of this identity that has not been collected."""
    image = session.get(Image, identity)
    return image if image is not None and image.collected_at is None else None


def register(session: Session, identity: str, image: str, size: int) -> None:
    """Note what was built; the same identity again replaces a collected or older image."""
    now = jobs.clock(session)
    row = session.get(Image, identity)
    if row is None:
        row = Image(identity=identity, image=image, size=size, built_at=now, last_used_at=now)
        session.add(row)
    row.image, row.size, row.last_used_at, row.collected_at = image, size, now, None
    session.flush()


def touch(session: Session, identity: str) -> None:
    """It has been used just now."""
    session.execute(
        update(Image)
        .where(Image.identity == identity)
        .values(last_used_at=now_ms())
        .execution_options(synchronize_session=False)
    )


def mark_collected(session: Session, gone: Collection[KeptImage]) -> None:
    """They are gone from the disk; the next run of their versions builds them again.

    One that has been built again meanwhile has another id, and stays; so does one that a registry
    keeps, of which the disk had a copy only.
    """
    for one in sorted(gone, key=lambda one: one.identity):
        if repository_of(one.image):
            continue
        session.execute(
            update(Image)
            .where(
                Image.identity == one.identity,
                Image.image == one.image,
                Image.collected_at.is_(None),
            )
            .values(collected_at=now_ms())
            .execution_options(synchronize_session=False)
        )


def is_collected(session: Session, version: Version) -> bool:
    """Whether this ready version's image has been removed since it was built."""
    if version.identity is None:
        return False
    return (
        session.scalar(
            select(Image.identity).where(
                Image.identity == version.identity, Image.collected_at.is_not(None)
            )
        )
        is not None
    )
