"""A stopped run's streams and files: small ones go with the report, the others into the object store."""

import hashlib
import itertools
import json
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO, TypeVar

import structlog

from runner_service.file_names import shown, to_text
from runner_service.outputs import Found, Skipped
from runner_service.record import Ended
from runner_service.spool import Spool
from shared.control import Control, Refused, through_outages
from shared.crashpoints import crashpoint
from shared.stream_order import STREAMS
from shared.work import (
    SMALL_OBJECTS,
    KeptStream,
    Manifest,
    OutputFile,
    RunAssignment,
    Stream,
    UploadObject,
    UploadTargets,
)

T = TypeVar("T")
log = structlog.get_logger()
_AT_ONCE = 64
_PARALLEL = 4
_TRIES = 3
Object = tuple[UploadObject, BinaryIO]


class Publisher:
    """Uploads under one attempt's own prefix; a repetition sends the very same bytes."""

    def __init__(self, lease: RunAssignment, control: Control, give_up: threading.Event) -> None:
        self._lease = lease
        self._control = control
        self._give_up = give_up

    def publish(
        self, spool: Spool, ended: Ended, found: Iterator[Found], skipped: Skipped, folder: Path
    ) -> tuple[Manifest, dict[str, bytes]]:
        """Everything that the run left, and what of it the report has to bring; all else is stored.

        `folder` is for what describes it.
        """
        outputs: list[OutputFile] = []
        with ExitStack() as last:
            objects: list[Object] = []
            while batch := list(itertools.islice(found, _AT_ONCE)):
                with ExitStack() as these:
                    files = [these.enter_context(os.fdopen(o.descriptor, "rb")) for o in batch]
                    some = [self._output(len(outputs) + n, one) for n, one in enumerate(batch)]
                    outputs += [output for output, _ in some]
                    batched = [(one, file) for (_, one), file in zip(some, files, strict=True)]
                    if len(batch) == _AT_ONCE:
                        self._upload(batched)
                    else:  # the last ones go with what describes them
                        objects += batched
                        last.push(these.pop_all())
                log.debug("outputs_read", count=len(batch), last=shown(batch[-1].path))
            streams = self._streams(spool, ended)
            for stream, kept in streams.items():
                if kept.key:
                    file = last.enter_context(spool.path(stream).open("rb"))
                    one = UploadObject(name=stream, size=kept.kept, sha256=kept.sha256)
                    objects.append((one, file))
            order = None
            if len(ended.order) > len(
                STREAMS
            ):  # else one stream, then the other: as readers assume
                order = self._key("order")
                objects.append(_written("order", ended.order, folder / "order.json", last))
            _tell_what_was_lost(streams, ended, skipped)
            manifest = Manifest(
                stdout=streams["stdout"],
                stderr=streams["stderr"],
                outputs=outputs,
                skipped=skipped.sentences(),
                order=order,
            )
            small, others = _shared_out(objects, self._lease.report_bytes)
            contents = {one.name: _bytes(file) for one, file in small}
            if others:
                self._upload(others)
        crashpoint("runner.after_upload")
        return manifest, contents

    def _key(self, name: str) -> str:
        return self._lease.prefix + name

    def _output(self, number: int, found: Found) -> tuple[OutputFile, UploadObject]:
        name = f"o/{number}"
        size, sha256 = found.size, found.sha256
        return (
            OutputFile(path=to_text(found.path), size=size, sha256=sha256, key=self._key(name)),
            UploadObject(name=name, size=size, sha256=sha256),
        )

    def _streams(self, spool: Spool, ended: Ended) -> dict[Stream, KeptStream]:
        return {
            s: KeptStream(
                size=max(ended.sizes[s], spool.kept(s)),
                kept=spool.kept(s),
                sha256=spool.sha256(s),
                key=self._key(s) if spool.kept(s) else None,
            )
            for s in STREAMS
        }

    def _upload(self, objects: Sequence[Object]) -> None:
        """Returns when all are stored."""
        wanted = [one for one, _ in objects]
        with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="upload") as pool:
            for attempt in itertools.count(1):
                targets = self._patiently(lambda: self._control.uploads("run", self._lease, wanted))
                puts = [pool.submit(self._put, targets, one.name, file) for one, file in objects]
                try:
                    for put in puts:
                        put.result()
                except Refused as error:
                    if attempt >= _TRIES:
                        raise
                    log.warning("upload_refused", reason=str(error))  # an expired URL: ask anew
                    for put in puts:
                        put.exception()
                else:
                    return

    def _put(self, targets: UploadTargets, name: str, file: BinaryIO) -> None:
        url, headers = targets.urls[name], targets.headers.get(name)
        self._patiently(lambda: self._control.put(url, file, headers))

    def _patiently(self, call: Callable[[], T]) -> T:
        return through_outages(call, stop=self._give_up)


def _shared_out(objects: list[Object], most: int) -> tuple[list[Object], list[Object]]:
    """The smallest, which together have at most so many bytes, and the others."""
    objects = sorted(objects, key=lambda each: each[0].size)
    count = 0
    for one, _ in objects[:SMALL_OBJECTS]:
        most -= one.size
        count += most >= 0
    return objects[:count], objects[count:]


def _bytes(file: BinaryIO) -> bytes:
    file.seek(0)  # whoever computed its hash has read it
    return file.read()


def _written(name: str, what: list[int], path: Path, opened: ExitStack) -> Object:
    """An object of this JSON, which `path` holds."""
    data = json.dumps(what).encode()
    path.write_bytes(data)
    digest = hashlib.sha256(data).hexdigest()
    upload = UploadObject(name=name, size=len(data), sha256=digest)
    return upload, opened.enter_context(path.open("rb"))


def _tell_what_was_lost(streams: dict[Stream, KeptStream], ended: Ended, skipped: Skipped) -> None:
    for stream, kept in streams.items():
        if stream in ended.incomplete:
            skipped.add(f"some of {stream} was lost while no worker was there to read it")
        elif kept.size > kept.kept:
            skipped.add(f"{stream} is {kept.size} bytes long; the first {kept.kept} were kept")
