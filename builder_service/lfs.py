"""Files of Git LFS in place of their pointers: the link's own host says where each lies, the clone's limits hold."""

import base64
import hashlib
import json
import re
import shutil
import ssl
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from builder_service.failures import BuildFailed, Cancelled
from builder_service.git import Git, TooBig, TooSlow
from builder_service.resolve import Lookup, pin, system_lookup
from shared.git_link import BadLink, parse

_POINTER = re.compile(
    rb"version https://git-lfs\.github\.com/spec/v1\n(?:ext-\d-[^\n]{1,200}\n)*oid sha256:([0-9a-f]{64})\nsize (\d{1,15})\n"
)
_LONGEST_POINTER = 1024
_MOST = 1000
"""Files of one repository."""
_BATCH = 100
_LONGEST_ANSWER = 4 << 20
_SECONDS = 30.0
_TYPE = "application/vnd.git-lfs+json"
_OURS = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding"})


class _Odd(Exception):
    """The host's answer cannot be used; the text completes a sentence."""


@dataclass
class Lfs:
    """Fills one checked-out tree; `left` is what the clone may still write."""

    git: Git
    left: int
    allowed: Collection[str] = ()
    lookup: Lookup = system_lookup

    def fill(self, tree: Path) -> list[str]:
        """What was left as a pointer, as notes; raises `TooSlow` or `Cancelled`."""
        found = pointers(tree)
        if not found:
            return []
        number = sum(len(paths) for paths in found.values())
        total = sum(size * len(paths) for (_, size), paths in found.items())
        many = f"{number} file{'' if number == 1 else 's'}, {total / (1 << 20):.1f} MiB"
        try:
            if total > self.left or number > _MOST:
                raise _Odd(f"they are too much ({many})")
            wanted = list(found)
            with self._client() as client:
                for at in range(0, len(wanted), _BATCH):
                    self._take(client, wanted[at : at + _BATCH], found)
        except (TooBig, TooSlow):
            raise
        except (_Odd, BadLink, BuildFailed, httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            return [f"Left files of Git LFS as pointers: {error}"[:400]]
        return [f"Fetched from Git LFS: {many}."]

    def _client(self) -> httpx.Client:
        trusted = ssl.create_default_context(cafile=self.git.ca)
        proxy = self.git.proxy or None
        # A kept connection is known by its address: the certificate of the next name would go unread.
        alone = httpx.Limits(max_keepalive_connections=0)
        return httpx.Client(
            verify=trusted, proxy=proxy, trust_env=False, timeout=_SECONDS, limits=alone
        )

    def _take(
        self,
        client: httpx.Client,
        wanted: list[tuple[str, int]],
        found: Mapping[tuple[str, int], list[Path]],
    ) -> None:
        sizes = dict(wanted)
        for one in self._batch(client, wanted):
            oid = str(one.get("oid"))
            if oid not in sizes:
                raise _Odd("the host answers for other files than it was asked for")
            action = _table(one.get("actions")).get("download")
            if not isinstance(action, dict):
                why = str(_table(one.get("error")).get("message"))
                raise _Odd(f"the host does not give {oid[:12]}: {why[:200]}")
            content = self._download(client, action, oid, sizes[oid])
            for path in found[oid, sizes.pop(oid)]:
                shutil.copyfile(content, path)
        if sizes:
            raise _Odd("the host does not answer for all files")

    def _batch(
        self, client: httpx.Client, wanted: list[tuple[str, int]]
    ) -> list[dict[str, object]]:
        body = {
            "operation": "download",
            "transfers": ["basic"],
            "objects": [{"oid": oid, "size": size} for oid, size in wanted],
        }
        headers = {"Accept": _TYPE, "Content-Type": _TYPE}
        shown = self.git.credential
        if shown is not None and shown.host == self.git.link.authority:
            pair = f"{shown.username}:{shown.secret.get_secret_value()}".encode()
            headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        url = f"{self.git.link.url.removesuffix('.git')}.git/info/lfs/objects/batch"
        with self._open(client, "POST", url, headers, json.dumps(body).encode()) as answer:
            said = b"".join(self._read(answer, _LONGEST_ANSWER))
        try:
            objects = _table(json.loads(said)).get("objects")
        except (ValueError, RecursionError):
            objects = None
        if not isinstance(objects, list):
            raise _Odd("the host's answer is not understood")
        return [_table(one) for one in objects]

    def _download(
        self, client: httpx.Client, action: Mapping[str, object], oid: str, size: int
    ) -> Path:
        headers = {
            str(name)[:200]: str(value)[:4000]
            for name, value in _table(action.get("header")).items()
            if str(name).lower() not in _OURS
        }
        target = self.git.folder / "lfs-object"
        sha = hashlib.sha256()
        with (
            self._open(client, "GET", str(action.get("href")), headers) as answer,
            target.open("wb") as out,
        ):
            for data in self._read(answer, size):
                sha.update(data)
                out.write(data)
        if sha.hexdigest() != oid:
            raise _Odd(f"the host sent other bytes than {oid[:12]}")
        return target

    @contextmanager
    def _open(
        self,
        client: httpx.Client,
        method: str,
        url: str,
        headers: dict[str, str],
        body: bytes | None = None,
    ) -> Iterator[httpx.Response]:
        """The answer of a host that may be reached, connected to the address that was checked."""
        self._check()
        parts = urlsplit(url)
        link = parse(f"{parts.scheme}://{parts.netloc}/owner/name", self.allowed)
        address = pin(link, self.allowed, self.lookup)
        headers |= {"Host": parts.netloc, "Accept-Encoding": "identity"}
        request = httpx.URL(url) if self.git.proxy else httpx.URL(url).copy_with(host=address)
        with client.stream(
            method, request, headers=headers, content=body, extensions={"sni_hostname": link.host}
        ) as answer:
            if answer.status_code != httpx.codes.OK:
                raise _Odd(f"{link.host} answers {answer.status_code}")
            yield answer

    def _read(self, answer: httpx.Response, most: int) -> Iterator[bytes]:
        size = 0
        for data in answer.iter_raw(1 << 16):
            self._check()
            size += len(data)
            if size > most:
                raise _Odd("the host sends more than it said")
            yield data

    def _check(self) -> None:
        if self.git.cancelled.is_set():
            raise Cancelled
        if time.monotonic() > self.git.deadline:
            raise TooSlow("The repository's files of Git LFS could not be fetched in time.")
        self.git.on_progress()


def _table(value: object) -> dict[str, object]:
    """What a host says, where it is what it should be."""
    return value if isinstance(value, dict) else {}


def pointers(tree: Path) -> dict[tuple[str, int], list[Path]]:
    """The tree's files that are pointers, by the digest and size of what they stand for."""
    found: dict[tuple[str, int], list[Path]] = {}
    if not any(_speaks_of_lfs(path) for path in tree.rglob(".gitattributes")):
        return found
    for path in tree.rglob("*"):
        if path.is_symlink() or not path.is_file() or path.stat().st_size > _LONGEST_POINTER:
            continue
        if pointer := _POINTER.fullmatch(path.read_bytes()):
            found.setdefault((pointer[1].decode(), int(pointer[2])), []).append(path)
    return found


def _speaks_of_lfs(path: Path) -> bool:
    return (
        not path.is_symlink() and path.is_file() and b"filter=lfs" in path.read_bytes()[: 1 << 20]
    )
