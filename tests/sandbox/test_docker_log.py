"""A log that is read again and again gives each entry once."""

import io
import struct

from shared.docker_log import LogReader, frames
from shared.work import Stream

Entry = tuple[Stream, bytes]


def entries(*pairs: tuple[int, str], stream: Stream = "stdout") -> list[Entry]:
    return [(stream, b"T%03d " % at + text.encode()) for at, text in pairs]


def text(found: list[Entry]) -> str:
    return b"".join(data for _, data in found).decode()


def test_frames_are_taken_apart_and_a_torn_one_ends_the_stream() -> None:
    wire = b"".join(
        struct.pack(">BxxxL", number, len(data)) + data for number, data in ((1, b"a\0"), (2, b"b"))
    )

    assert list(frames(io.BytesIO(wire + b"\1\0\0"))) == [("stdout", b"a\0"), ("stderr", b"b")]


def test_each_entry_is_given_once() -> None:
    reader = LogReader()

    first = list(reader.new(entries((1, "a"), (1, "b"))))
    second = list(reader.new(entries((1, "a"), (1, "b"), (1, "c"), (2, " d"))))

    assert text(first) == "ab"
    assert text(second) == "c d"


def test_streams_are_counted_apart() -> None:
    reader = LogReader()
    list(reader.new(entries((1, "a")) + entries((2, "x"), stream="stderr")))

    found = list(
        reader.new(entries((1, "a"), (3, "b")) + entries((2, "x"), (2, "y"), stream="stderr"))
    )

    assert found == [("stdout", b"b"), ("stderr", b"y")]


def test_after_a_rotation_time_tells_what_is_new() -> None:
    reader = LogReader()
    list(reader.new(entries((1, "a"), (2, "b"), (3, "c"))))

    rotated = list(reader.new(entries((3, "c"), (4, "d"), (5, "e"))))
    again = list(reader.new(entries((3, "c"), (4, "d"), (5, "e"), (6, "f"))))

    assert (text(rotated), text(again)) == ("de", "f")
