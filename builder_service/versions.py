"""The version that a version-from-tag back end would compute, from tags and distance alone."""

import re
from collections.abc import Iterable

from packaging.version import InvalidVersion, Version

_PREFIX = re.compile(r"^(?:.*?[-_/])?v?(?=\d)", re.IGNORECASE)


def of_tag(tag: str) -> Version | None:
    """The version that a tag names: `v1.2`, `name-1.2`, `release/1.2rc1`."""
    for text in (tag, tag.removeprefix("v"), _PREFIX.sub("", tag, count=1)):
        try:
            return Version(text)
        except InvalidVersion:
            continue
    return None


def best(tags: Iterable[str]) -> Version | None:
    """The highest version among tags; a final one before pre-releases of later ones."""
    found = [version for tag in tags if (version := of_tag(tag)) is not None]
    final = [version for version in found if not version.is_prerelease]
    return max(final or found, default=None)


def describe(tag: Version | None, distance: int | None, commit: str) -> str:
    """`1.2` on the tag, `1.3.dev4+gabc1234` four commits after it (setuptools-scm's default scheme)."""
    if tag is not None and distance == 0:
        return str(tag)
    if tag is None:
        following = "0.1"
    elif tag.is_prerelease and tag.pre is not None:
        following = f"{tag.base_version}{tag.pre[0]}{tag.pre[1] + 1}"
    else:
        release = list(tag.release)
        release[-1] += 1
        following = ".".join(str(part) for part in release)
    return f"{following}.dev{distance or 0}+g{commit[:7]}"


def environment(version: str) -> dict[str, str]:
    """The variables by which back ends take a version that was computed elsewhere."""
    public = Version(version).public
    return {
        "SETUPTOOLS_SCM_PRETEND_VERSION": version,
        "PBR_VERSION": public,
        "PDM_BUILD_SCM_VERSION": version,
        "POETRY_DYNAMIC_VERSIONING_BYPASS": version,
        "UV_DYNAMIC_VERSIONING_BYPASS": version,
        "DUNAMAI_VERSION": version,
    }
