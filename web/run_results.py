"""What a run left: stored where it came with the report, believed only where the store has it."""

import hashlib
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from shared.objects import AlreadyExists, BadKey, ObjectInfo, Objects
from shared.work import SMALL_BYTES, Manifest, RunReport
from web.refusals import Conflict, Invalid, TooLarge

_MANIFEST = "manifest"
_ONE_BY_ONE, _STATS_AT_ONCE = 8, 32
_Said = list[tuple[str, ObjectInfo | None]]
"""Keys that a report names, and what it says of them; None: only that they are there."""


def keep(report: RunReport, objects: Objects, prefix: str) -> RunReport:
    """The report, once all that it names is stored; refuses what is not this attempt's own.

    For the time before the transaction that ends the run: nobody reads any of it until then, and
    repeating it changes nothing.
    """
    contents = {prefix + check_name(name): data for name, data in report.contents.items()}
    said = _said(report)
    _check(report.manifest, said, contents, prefix)
    with _refusals():
        found = _found(objects, [key for key, _ in said if key not in contents])
        found |= {key: _info(data) for key, data in contents.items()}
        for key, info in said:
            if found[key] is None or info not in (None, found[key]):
                raise Invalid(
                    f"The object {key} is missing or differs from the report.", code="object"
                )
        manifest_key = report.manifest_key
        if report.manifest is not None and manifest_key is None:
            manifest_key = prefix + _MANIFEST
            contents[manifest_key] = report.manifest.model_dump_json().encode()  # as the last
        for key, data in contents.items():
            objects.put_bytes(key, data)
    return report.model_copy(update={"manifest_key": manifest_key, "contents": {}})


def check_name(name: str) -> str:
    """The name itself, unless it is not an attempt's to give."""
    if name.split("/")[0] == "live":
        raise Invalid("Names that begin with live/ are the live log's.")
    return name


def _said(report: RunReport) -> _Said:
    manifest = report.manifest
    if manifest is None:
        return []
    said: _Said = [(key, None) for key in (report.manifest_key, manifest.order) if key is not None]
    for stream in (manifest.stdout, manifest.stderr):
        if stream.key is not None:
            said.append((stream.key, ObjectInfo(stream.kept, stream.sha256)))
    return said + [(o.key, ObjectInfo(o.size, o.sha256)) for o in manifest.outputs]


def _check(manifest: Manifest | None, said: _Said, contents: dict[str, bytes], prefix: str) -> None:
    if sum(map(len, contents.values())) > SMALL_BYTES:
        raise TooLarge(
            f"A report brings at most {SMALL_BYTES} bytes of results; upload the others."
        )
    named = {key for key, _ in said}
    for key in named:
        if not key.startswith(prefix):
            raise Invalid(f"The object {key} does not belong to this attempt.", code="foreign_key")
    for key in contents:
        if key not in named or key == prefix + _MANIFEST:
            raise Invalid(f"The manifest does not name the object {key}.", code="object")
    for output in manifest.outputs if manifest else []:
        parts = output.path.split("/")
        if not output.path or "\0" in output.path or any(part in ("", ".", "..") for part in parts):
            raise Invalid(f"{output.path[:200]!r} is no path below the working folder.")


def _found(objects: Objects, keys: Sequence[str]) -> dict[str, ObjectInfo | None]:
    """Each object's facts; many are asked for at a time, since a store may be 20 ms away."""
    if len(keys) <= _ONE_BY_ONE:
        return {key: objects.stat(key) for key in keys}
    with ThreadPoolExecutor(_STATS_AT_ONCE) as pool:
        return dict(zip(keys, pool.map(objects.stat, keys), strict=True))


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except BadKey as error:
        raise Invalid(str(error)) from error
    except AlreadyExists as error:
        raise Conflict(f"Other bytes are stored as {error} already.", code="exists") from error


def _info(data: bytes) -> ObjectInfo:
    return ObjectInfo(len(data), hashlib.sha256(data).hexdigest())
