"""What every implementation of the objects port promises."""

import hashlib
import os
import threading
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from shared.objects import AlreadyExists, NotFound, ObjectInfo, Objects
from shared.objects_disk import BadKey, BadSignature, DiskObjects, Grant, WrongBytes
from tests.contracts.stores import disk_store, s3_store
from tests.fake_objects import MemoryObjects


@pytest.fixture(params=["disk", "memory", "ministack", "moto"])
def objects(request: pytest.FixtureRequest, tmp_path: Path) -> Objects:
    if request.param == "memory":
        return MemoryObjects()
    if request.param == "disk":
        return disk_store(tmp_path).objects
    endpoint = request.getfixturevalue(request.param)
    return s3_store(endpoint, provisioned=request.param == "ministack").objects


@pytest.fixture
def disk(tmp_path: Path) -> DiskObjects:
    return DiskObjects(tmp_path / "objects", "key", "http://127.0.0.1:1")


def written(tmp_path: Path, data: bytes) -> Path:
    path = tmp_path / f"source-{hashlib.sha256(data).hexdigest()[:8]}"
    path.write_bytes(data)
    return path


def test_what_was_put_comes_back_with_size_and_hash(objects: Objects, tmp_path: Path) -> None:
    data = bytes(range(256)) * 5000
    info = objects.put("runs/a/b/stdout", written(tmp_path, data))
    assert info == ObjectInfo(len(data), hashlib.sha256(data).hexdigest())
    assert objects.stat("runs/a/b/stdout") == info
    objects.get("runs/a/b/stdout", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == data
    with objects.open("runs/a/b/stdout") as file:
        file.seek(1000)
        assert file.read(10) == data[1000:1010]


def test_bytes_are_put_as_a_file_is(objects: Objects, tmp_path: Path) -> None:
    info = objects.put("k", written(tmp_path, b"one"))
    assert objects.put_bytes("k", b"one") == info
    with pytest.raises(AlreadyExists):
        objects.put_bytes("k", b"two")
    assert objects.put_bytes("empty", b"") == objects.stat("empty")


def test_an_object_is_written_once(objects: Objects, tmp_path: Path) -> None:
    objects.put("k", written(tmp_path, b"one"))
    assert objects.put("k", written(tmp_path, b"one")).size == 3
    with pytest.raises(AlreadyExists):
        objects.put("k", written(tmp_path, b"two"))
    with objects.open("k") as file:
        assert file.read() == b"one"


def test_a_key_may_lie_below_another(objects: Objects, tmp_path: Path) -> None:
    objects.put("o/17", written(tmp_path, b"below"))
    objects.put("o", written(tmp_path, b"above"))
    with objects.open("o") as above, objects.open("o/17") as below:
        assert (above.read(), below.read()) == (b"above", b"below")


def test_every_object_is_listed_with_its_time(objects: Objects, tmp_path: Path) -> None:
    before = time.time_ns() // 1_000_000
    for key in ("runs/b/x/o/1", "runs/a/y/stdout", "runs/b/x/o", "files/f", "k"):
        objects.put(key, written(tmp_path, key.encode()))
    objects.delete("k")

    found = list(objects.walk())

    keys = [one.key for one in found]
    assert sorted(keys) == ["files/f", "runs/a/y/stdout", "runs/b/x/o", "runs/b/x/o/1"]
    assert abs(keys.index("runs/b/x/o") - keys.index("runs/b/x/o/1")) == 1
    # S3 tells whole seconds.
    assert all(before - 1_050 <= one.stored_at <= before + 60_000 for one in found)


def test_a_missing_key_is_not_found_and_deleting_it_is_fine(
    objects: Objects, tmp_path: Path
) -> None:
    assert objects.stat("a/b") is None
    with pytest.raises(NotFound):
        objects.open("a/b")
    with pytest.raises(NotFound):
        objects.get("a/b", tmp_path / "x")
    objects.delete("a/b")


def test_deleted_objects_are_gone_and_can_be_written_again(
    objects: Objects, tmp_path: Path
) -> None:
    objects.put("a/b", written(tmp_path, b"one"))
    objects.delete("a/b")
    assert objects.stat("a/b") is None
    objects.put("a/b", written(tmp_path, b"two"))
    with objects.open("a/b") as file:
        assert file.read() == b"two"


def test_an_empty_object_is_an_object(objects: Objects, tmp_path: Path) -> None:
    assert objects.put("empty", written(tmp_path, b"")).size == 0
    assert objects.stat("empty") == ObjectInfo(0, hashlib.sha256(b"").hexdigest())


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/a",
        "a/",
        "a//b",
        "..",
        "a/../b",
        "a/.b",
        ".in/x",
        "a\0b",
        "a b",
        "a@",
        "a\n",
        "ä",
        "x" * 600,
    ],
)
def test_keys_that_are_paths_elsewhere_are_refused(disk: DiskObjects, key: str) -> None:
    for use in (disk.open, disk.stat, disk.delete):
        with pytest.raises(BadKey):
            use(key)
    with pytest.raises(BadKey):
        disk.presign_get(key, seconds=1)


def test_links_in_the_way_are_never_followed(disk: DiskObjects, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret@").mkdir()
    (outside / "secret@" / ("0" * 64)).write_bytes(b"secret")
    (tmp_path / "objects" / "link").symlink_to(outside)
    (tmp_path / "objects" / "file@").mkdir()
    (tmp_path / "objects" / "file@" / ("0" * 64)).symlink_to(outside / "secret@" / ("0" * 64))
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        disk.open("link/secret")
    with pytest.raises(OSError, match="Too many levels"):
        disk.open("file")
    with pytest.raises(OSError, match=r"Not a directory|Too many levels"):
        disk.put("link/new", written(tmp_path, b"x"))
    assert sorted(path.name for path in outside.iterdir()) == ["secret@"]


def test_streams_must_have_the_announced_size_and_hash(disk: DiskObjects, tmp_path: Path) -> None:
    right = hashlib.sha256(b"abc").hexdigest()
    for data, size, sha256 in ((b"abcd", 3, right), (b"ab", 3, right), (b"abd", 3, right)):
        with written(tmp_path, data).open("rb") as source, pytest.raises(WrongBytes):
            disk.receive("k", source, size=size, sha256=sha256)
    assert disk.stat("k") is None
    assert list((tmp_path / "objects" / ".incoming").iterdir()) == []
    with written(tmp_path, b"abc").open("rb") as source:
        assert disk.receive("k", source, size=3, sha256=right).sha256 == right


def test_of_two_writers_of_other_bytes_one_wins_whole(disk: DiskObjects, tmp_path: Path) -> None:
    outcomes: list[str] = []
    start = threading.Barrier(8)

    def write(n: int) -> None:
        path = written(tmp_path, str(n).encode() * 10_000)
        start.wait()
        with suppress(AlreadyExists):
            outcomes.append(disk.put("a/b/c", path).sha256)

    threads = [threading.Thread(target=write, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 1
    with disk.open("a/b/c") as file:
        assert hashlib.sha256(file.read()).hexdigest() == outcomes[0]


def test_objects_are_private_on_the_disk(disk: DiskObjects, tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        disk.put("a/b", written(tmp_path, b"x"))
    finally:
        os.umask(old)
    for path in (tmp_path / "objects", *(tmp_path / "objects").rglob("*")):
        assert path.stat().st_mode & 0o077 == 0, path


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.at = 1_000_000_000_000

    def now_ms(self) -> int:
        return self.at

    def monotonic(self) -> float:
        return self.at / 1000

    def sleep(self, seconds: float) -> None:
        self.at += int(seconds * 1000)


def granted(url: str, method: str) -> tuple[Grant, str]:
    parts = urlsplit(url)
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    grant = Grant(
        method,
        parts.path.removeprefix("/objects/"),
        int(query["expires"]),
        size=int(query["size"]) if "size" in query else None,
        sha256=query.get("sha256"),
        filename=query.get("filename"),
    )
    return grant, query["signature"]


def test_a_signature_holds_for_exactly_what_was_signed_until_it_expires(tmp_path: Path) -> None:
    clock = Clock()
    disk = DiskObjects(tmp_path / "o", "key", "http://127.0.0.1:1/", clock)
    url = disk.presign_put("a/b", size=3, sha256="0" * 64, seconds=60).url
    assert url.startswith("http://127.0.0.1:1/objects/a/b?")
    grant, signature = granted(url, "PUT")
    disk.verify(grant, signature)
    for change in (
        {"method": "GET"},
        {"key": "a/c"},
        {"expires": grant.expires + 1},
        {"size": 4},
        {"sha256": "1" * 64},
        {"filename": "x"},
    ):
        with pytest.raises(BadSignature):
            disk.verify(Grant(**{**grant.__dict__, **change}), signature)
    with pytest.raises(BadSignature):
        disk.verify(grant, "ä" * 64)
    with pytest.raises(BadSignature):
        DiskObjects(tmp_path / "o", "other key", "http://127.0.0.1:1").verify(grant, signature)
    clock.at += 60_000
    disk.verify(grant, signature)
    clock.at += 1000
    with pytest.raises(BadSignature, match="expired"):
        disk.verify(grant, signature)


def test_a_download_keeps_any_file_name(disk: DiskObjects) -> None:
    for name in ("a b.txt", "ü\n\r.txt", '"; x="', "\ud800"):
        grant, signature = granted(disk.presign_get("a", seconds=9, filename=name), "GET")
        disk.verify(grant, signature)
