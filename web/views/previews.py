"""What a page shows of an output: decided by its bytes, never by what the tool calls it; bounded."""

import csv
import io
from dataclasses import dataclass
from itertools import islice
from pathlib import PurePosixPath
from typing import Literal

HEAD_BYTES = 64 * 1024
TABLE_BYTES = 256 * 1024
ROWS, COLUMNS, CELL = 200, 40, 400
IMAGE_BYTES = 20_000_000
_DELIMITERS = {".csv": ",", ".tsv": "\t", ".tab": "\t", ".bed": "\t", ".vcf": "\t", ".gff": "\t"}

Kind = Literal["text", "table", "image", "none"]


@dataclass(frozen=True)
class Preview:
    """What to show: text, a table's rows, an image by URL, or nothing and why."""

    kind: Kind
    text: str = ""
    rows: tuple[tuple[str, ...], ...] = ()
    note: str = ""
    media_type: str = ""


def image_type(head: bytes) -> str | None:
    """The media type of a PNG, JPEG, GIF or WebP by its first bytes; else None."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "image/png"
    if head.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "image/webp"
    return None


def looks(path: str) -> Literal["table", "image", "archive", "text", "file"]:
    """The icon for a name; decides nothing else."""
    suffix = PurePosixPath(path).suffix.lower()
    if suffix in _DELIMITERS:
        return "table"
    if suffix in (".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".pdf"):
        return "image"
    if suffix in (".zip", ".gz", ".tar", ".xz", ".zst", ".bz2"):
        return "archive"
    if suffix in (".txt", ".md", ".log", ".json", ".xml", ".html", ".yaml", ".yml", ".fa", ".fq"):
        return "text"
    return "file"


def wanted_bytes(path: str) -> int:
    """How much of a file its preview needs."""
    return TABLE_BYTES if PurePosixPath(path).suffix.lower() in _DELIMITERS else HEAD_BYTES


def of(path: str, head: bytes, size: int) -> Preview:
    """The preview of a file whose first bytes are `head`."""
    if not head:
        return Preview("none", note="The file is empty.")
    media_type = image_type(head)
    if media_type:
        if size > IMAGE_BYTES:
            return Preview("none", note="The image is too large to show. Download it.")
        return Preview("image", media_type=media_type)
    text = _text(head, whole=len(head) >= size)
    if text is None:
        return Preview("none", note="These bytes are no text. Download the file to open it.")
    delimiter = _DELIMITERS.get(PurePosixPath(path).suffix.lower())
    if delimiter:
        rows = _rows(text, delimiter, whole=len(head) >= size)
        if rows is not None:
            return rows
    shown = text[:HEAD_BYTES]
    note = "" if len(head) >= size and shown == text else "The beginning only. Download the rest."
    return Preview("text", text=shown, note=note)


def _text(head: bytes, *, whole: bool) -> str | None:
    if b"\0" in head:
        return None
    for cut in range(1 if whole else 4):  # a character may be cut at the end
        try:
            return head[: len(head) - cut].decode("utf-8-sig")
        except UnicodeDecodeError:
            continue
    latin = head.decode("latin-1")
    strange = sum(1 for c in latin if ord(c) < 32 and c not in "\t\n\r\f\x1b")
    return latin if strange * 50 < len(latin) else None


def _rows(text: str, delimiter: str, *, whole: bool) -> Preview | None:
    if not whole:
        text = text.rpartition("\n")[0] or text
    try:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        read = list(islice(reader, ROWS + 2))  # the header, and one more than is shown
    except csv.Error:
        return None
    if not read or max(map(len, read)) < 2:
        return None
    rows = [tuple(cell[:CELL] for cell in row[:COLUMNS]) for row in read[: ROWS + 1]]
    short = len(read) > len(rows) or not whole
    wide = max(map(len, read)) > COLUMNS
    parts = [f"{len(rows) - 1} rows"] * short + [f"{COLUMNS} columns"] * wide
    note = f"The first {' and '.join(parts)}. Download the rest." if parts else ""
    return Preview("table", rows=tuple(rows), note=note)
