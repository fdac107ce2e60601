"""What has been built, by identity: nothing is built twice, and the least recently used goes first (DESIGN 3.7)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from shared.db import now_ms
from shared.schema.runs import Run
from shared.schema.tools import Image, Version
from web import jobs, run_states


@dataclass(frozen=True)
class Candidate:
    """An image on a disk, and when it was last used."""

    identity: str
    size: int
    last_used_at: int


def to_collect(
    images: Sequence[Candidate], *, in_use: Collection[str], used: int, total: int, threshold: float
) -> list[str]:
    """The identities to remove, least recently used first, until at most `threshold` of the disk is used."""
    too_much = used - int(total * threshold)
    chosen: list[str] = []
    for image in sorted(images, key=lambda i: (i.last_used_at, i.identity)):
        if too_much <= 0:
            break
        if image.identity not in in_use:
            chosen.append(image.identity)
            too_much -= image.size
    return chosen


def in_use(session: Session) -> set[str]:
    """Identities that unfinished runs need."""
    unfinished = sorted(run_states.WAITING | run_states.ACTIVE)
    return {
        identity
        for identity in session.scalars(
            select(Version.identity)
            .join(Run, Run.version_id == Version.id)
            .where(Run.state.in_(unfinished), Version.identity.is_not(None))
            .distinct()
        )
        if identity is not None
    }


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


def mark_collected(session: Session, identities: Collection[str]) -> None:
    """They are gone from the disk; the next run of their versions builds them again."""
    session.execute(
        update(Image)
        .where(Image.identity.in_(sorted(identities)), Image.collected_at.is_(None))
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
