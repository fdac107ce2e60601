"""A stopped run's streams and files into the object store, the manifest last."""

import hashlib
import itertools
import json
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
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
    KeptStream,
    Manifest,
    OutputFile,
    RunAssignment,
    Stream,
    UploadObject,
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
    ) -> tuple[Manifest, str]:
        """Everything that the run left, and the key of its manifest; `folder` is for what describes it."""
        with ThreadPoolExecutor(_PARALLEL, thread_name_prefix="upload") as pool:
            streams = self._streams(spool, ended, pool)
            outputs = list(self._outputs(found, pool))
            order = self._order(ended, folder / "order.json", pool)
        for stream, kept in streams.items():
            if stream in ended.incomplete:
                skipped.add(f"some of {stream} was lost while no worker was there to read it")
            elif kept.size > kept.kept:
                skipped.add(f"{stream} is {kept.size} bytes long; the first {kept.kept} were kept")
        manifest = Manifest(
            stdout=streams["stdout"],
            stderr=streams["stderr"],
            outputs=outputs,
            skipped=skipped.sentences(),
            order=order,
        )
        crashpoint("runner.before_manifest")
        return manifest, self._manifest(manifest, folder / "manifest.json")

    def _streams(
        self, spool: Spool, ended: Ended, pool: ThreadPoolExecutor
    ) -> dict[Stream, KeptStream]:
        kept = {
            s: KeptStream(
                size=max(ended.sizes[s], spool.kept(s)), kept=spool.kept(s), sha256=spool.sha256(s)
            )
            for s in STREAMS
        }
        objects: list[Object] = []
        try:
            for stream, now in kept.items():
                if now.kept:
                    upload = UploadObject(name=stream, size=now.kept, sha256=now.sha256)
                    objects.append((upload, spool.path(stream).open("rb")))
            keys = self._upload(objects, pool)
        finally:
            for _, file in objects:
                file.close()
        return {s: now.model_copy(update={"key": keys.get(s)}) for s, now in kept.items()}

    def _outputs(self, found: Iterator[Found], pool: ThreadPoolExecutor) -> Iterator[OutputFile]:
        numbers = itertools.count()
        while batch := list(itertools.islice(found, _AT_ONCE)):
            objects: list[Object] = [
                (
                    UploadObject(name=f"o/{next(numbers)}", size=one.size, sha256=one.sha256),
                    os.fdopen(one.descriptor, "rb"),
                )
                for one in batch
            ]
            try:
                keys = self._upload(objects, pool)
            finally:
                for _, file in objects:
                    file.close()
            for one, (upload, _) in zip(batch, objects, strict=True):
                yield OutputFile(
                    path=to_text(one.path),
                    size=one.size,
                    sha256=one.sha256,
                    key=keys[upload.name],
                )
            log.debug("outputs_stored", count=len(batch), last=shown(batch[-1].path))

    def _manifest(self, manifest: Manifest, path: Path) -> str:
        with ThreadPoolExecutor(1) as pool:
            return self._small("manifest", manifest.model_dump_json().encode(), path, pool)

    def _order(self, ended: Ended, path: Path, pool: ThreadPoolExecutor) -> str | None:
        if len(ended.order) <= len(STREAMS):
            return None  # one stream, then the other: what readers assume anyway
        return self._small("order", json.dumps(ended.order).encode(), path, pool)

    def _small(self, name: str, data: bytes, path: Path, pool: ThreadPoolExecutor) -> str:
        """Key of an object of these bytes; `path` is for them."""
        path.write_bytes(data)
        digest = hashlib.sha256(data).hexdigest()
        upload = UploadObject(name=name, size=len(data), sha256=digest)
        with path.open("rb") as file:
            return self._upload([(upload, file)], pool)[name]

    def _upload(self, objects: list[Object], pool: ThreadPoolExecutor) -> dict[str, str]:
        """Keys by name, when all are stored."""
        if not objects:
            return {}
        for attempt in itertools.count(1):
            targets = self._patiently(
                lambda: self._control.uploads("run", self._lease, [upload for upload, _ in objects])
            )
            puts = [
                pool.submit(self._put, targets.urls[upload.name], file) for upload, file in objects
            ]
            try:
                for put in puts:
                    put.result()
            except Refused as error:
                if attempt >= _TRIES:
                    raise
                log.warning("upload_refused", reason=str(error))  # an expired URL: ask for new ones
                for put in puts:
                    put.exception()
            else:
                crashpoint("runner.after_upload")
                return targets.keys
        raise AssertionError("unreachable")

    def _put(self, url: str, file: BinaryIO) -> None:
        self._patiently(lambda: self._control.put(url, file))

    def _patiently(self, call: Callable[[], T]) -> T:
        return through_outages(call, stop=self._give_up)
