"""A help text as plain lines: without colours, overstrikes, tabs and the boxes of rich."""

import re
from collections.abc import Sequence

MOST_CHARACTERS = 256 * 1024
MOST_LINES = 8000
LONGEST_LINE = 4000

_ESCAPES = re.compile(r"\x1b\[[0-9;?:]{0,40}[ -/]{0,4}[@-~]|\x1b\][^\x07\x1b]{0,300}\x07?|\x1b.?")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f\u200b\ufeff]")
_TOP = re.compile(r"[╭┌┏+][─━-]\s?(?P<title>[^─━╭╮┌┐+]{0,80}?)\s?[─━-]{2,}[╮┐┓+]")
_BOTTOM = re.compile(r"[╰└┗+][─━-]{3,}[╯┘┛+]")
_SIDES = "│┃|"
_GAP = re.compile(r"\s{2,}")
_METAVAR_AND_BOUNDS = re.compile(r"(.+?)(?: (\[[^\]|]*\]))?")
_METAVAR = re.compile(
    r"<[^>]*>(?: \[[^\]|]*\])?|\[[^\]\s]*\|[^\]\s]*\]?|[A-Z][A-Z0-9_.|-]*(?: RANGE)?(?: \[[^\]]*\])?|\.\.\."
)


def lines(text: str) -> list[str]:
    """The lines that the other readers understand."""
    if "\x08" in text[:MOST_CHARACTERS]:
        text = _struck(text[:MOST_CHARACTERS])
    text = _ESCAPES.sub("", text[:MOST_CHARACTERS].replace("\r\n", "\n").replace("\r", "\n"))
    text = text.replace("\xa0", " ").replace("\u2028", "\n").replace("\x0c", "\n")
    plain = [
        _CONTROLS.sub("", line[:LONGEST_LINE].expandtabs(8)).rstrip()[:LONGEST_LINE]
        for line in text.split("\n", MOST_LINES)[:MOST_LINES]
    ]
    return _unboxed(plain)


def _struck(text: str) -> str:
    """Bold by overstriking, as pagers make it: `b<BS>b`."""
    kept: list[str] = []
    for char in text:
        if char == "\x08":
            if kept and kept[-1] != "\n":
                kept.pop()
        else:
            kept.append(char)
    return "".join(kept)


def _unboxed(plain: Sequence[str]) -> list[str]:
    out: list[str] = []
    box: list[str] | None = None
    for line in plain:
        bare = line.strip()
        if box is None:
            top = _TOP.fullmatch(bare)
            if top is None:
                out.append(line)
            else:
                box = []
                out += ["", f"{top['title'].strip() or 'Options'}:"]
        elif _BOTTOM.fullmatch(bare):
            out += [*_rows(box), ""]
            box = None
        elif len(bare) >= 2 and bare[0] in _SIDES and bare[-1] in _SIDES:
            box.append(bare[1:-1])
        else:  # no box after all
            out += [*box, line]
            box = None
    return out + (box or [])


def _rows(box: Sequence[str]) -> list[str]:
    """Each row of a box (its columns stand apart by two blanks) as one line of usual help."""
    starts = [_start(row) for row in box if row.strip()]
    if not starts:
        return []
    left = min(starts)
    marked = any(row.strip().startswith("* ") for row in box)
    first = left + 6 if marked else left
    rows: list[_Row] = []
    for row in box:
        if not row.strip():
            continue
        required = row.strip().startswith("* ")
        text = row.replace("*", " ", 1) if required else row
        at = _start(text)
        if required or not rows or at <= first:
            rows.append(_Row(text, required))
        else:
            rows[-1].go_on(text)
    return [row.line() for row in rows]


def _start(row: str) -> int:
    return len(row) - len(row.lstrip())


class _Row:
    def __init__(self, text: str, required: bool) -> None:
        self.names: list[str] = []
        self.metavar = ""
        self.metavar_at = -1
        self.required = required
        self.help: list[str] = []
        for at, cell in _cells(text):
            if not self.help_begun and (cell.startswith("-") or not self.names):
                self.names.append(cell)
            elif not self.help_begun and not self.metavar and _METAVAR.fullmatch(cell):
                self.metavar, bounds = _METAVAR_AND_BOUNDS.fullmatch(cell).groups()  # type: ignore[union-attr]
                self.metavar_at = at
                self.help += [bounds] if bounds else []
            else:
                self.help_begun = True
                self.help.append(cell)

    help_begun = False

    def go_on(self, text: str) -> None:
        for at, cell in _cells(text):
            if at == self.metavar_at:
                self.metavar += cell
            elif cell.startswith("--") and not self.help_begun:
                self.names.append(cell)
            else:
                self.help.append(cell)

    def line(self) -> str:
        names = self.names
        if names and names[0].startswith("-"):
            split = [name.split(",") for name in names]
            names = [name for part in split for name in part if name]
        if len(names) > 1 and not names[1].startswith("-"):
            names = names[:1]
        off = [name for name in names if name.startswith("--no-") and f"--{name[5:]}" in names]
        shown = ", ".join(name for name in names if name not in off)
        spec = " / ".join([shown, *off]) + (f" {self.metavar}" if self.metavar else "")
        help_ = " ".join(self.help)
        if self.required and "[required]" not in help_:
            help_ += " [required]"
        return f"  {spec}  {help_}".rstrip()


def _cells(text: str) -> list[tuple[int, str]]:
    found: list[tuple[int, str]] = []
    at = _start(text)
    rest = text[at:].rstrip()
    while rest:
        gap = _GAP.search(rest)
        found.append((at, rest[: gap.start()] if gap else rest))
        if gap is None:
            break
        at += gap.end()
        rest = rest[gap.end() :]
    return found
