"""The entries of a section: what stands left (`-o, --output FILE`) and the help that belongs to it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from builder_service.help.sections import indent

_GAP = re.compile(r"\s{2,}|\s:\s")
_OPTION = re.compile(r"-{1,2}[\w?#@\[]")
_DEFAULT_FIRST = re.compile(r"((?:-\w, )?--[\w-]{1,60})=(\S{0,80}): (\S.*)")
DEEPER = 6
"""Long options without a short one stand that much further right at most."""


@dataclass
class Entry:
    """`spec` is empty where only help was found."""

    spec: str
    at: int
    lines: list[str] = field(default_factory=list)
    gap: bool = False
    """Whether spec and help stood apart on one line or on two."""

    @property
    def help(self) -> str:
        return " ".join(line for line in self.lines if line)


def is_option(text: str) -> bool:
    """Whether the text begins like an option."""
    return bool(_OPTION.match(text))


def options(lines: Sequence[str]) -> list[Entry]:
    """The options of a section."""
    starts = [indent(line) for line in lines if is_option(line.strip())]
    if not starts:
        return []
    base = min(starts)
    help_at = _help_column(lines, base)
    found: list[Entry] = []
    blanks = 1
    prose_at = -1
    for line in lines:
        text = line.strip()
        at = indent(line)
        if not text:
            blanks += 1
            prose_at = -1
            continue
        if not found and not is_option(text):
            prose_at = -1 if text.endswith(":") or text[0] == "-" else at
        elif not found and at == prose_at:
            pass  # a wrapped sentence that happens to go on with an option's name
        elif is_option(text) and at <= base + DEEPER and (help_at is None or at < help_at):
            spec, help_, gap = split(text)
            found.append(Entry(spec, at, [help_] if help_ else [], gap))
        elif found and at > found[-1].at and not (blanks and at <= base + 1):
            last = found[-1]
            if not last.lines and not last.gap and _spec_goes_on(last.spec, text):
                spec, help_, gap = split(text)
                last.spec, last.gap = f"{last.spec} {spec}", gap
                last.lines += [help_] if help_ else []
            else:
                last.gap = last.gap or not last.lines
                last.lines.append(text)
        blanks = 0
    return found


def _spec_goes_on(spec: str, text: str) -> bool:
    """A specification that ends in the middle (`-o,` or `--a {x,`) is wrapped."""
    return spec.endswith((",", "|", "/")) and (is_option(text) or spec.count("{") > spec.count("}"))


def split(text: str) -> tuple[str, str, bool]:
    """Left side, help, and whether they stood apart."""
    klog = _DEFAULT_FIRST.match(text)
    if klog:  # pflag's older `--x=false: help`, where the default stands as the value
        names, value, rest = klog.groups()
        value = "" if value in ("true", "false") else "=VALUE"
        return names + value, f"{rest} [default: {klog[2]}]", True
    at = 0
    while gap := _GAP.search(text, at):
        rest = text[gap.end() :]
        left = text[: gap.start()]
        if is_option(rest) and (left.endswith((",", "|", "/")) or _only_names(left, rest)):
            at = gap.end()  # columns of names: `-o,  --output` or `-o   --output FILE`
            continue
        return left, rest.strip().removeprefix(": "), True
    return text, "", False


def _only_names(left: str, rest: str) -> bool:
    if re.fullmatch(r"-\w \S+", left) and re.fullmatch(r"--\S+", rest):
        return True
    return len(left) < 4 and all(is_option(word) for word in left.split())


def _help_column(lines: Sequence[str], base: int) -> int | None:
    """Where help begins in most of the entries; further left no help begins."""
    columns: dict[int, int] = {}
    for line in lines:
        text = line.strip()
        if not is_option(text) or indent(line) > base + DEEPER:
            continue
        _, help_, gap = split(text)
        if gap and help_:
            at = line.rfind(help_)
            if at > 0:
                columns[at] = columns.get(at, 0) + 1
    if not columns:
        return None
    return max(columns, key=lambda column: (columns[column], -column))


def named(lines: Sequence[str]) -> list[Entry]:
    """Entries that begin with a word instead of an option: arguments or commands."""
    starts = [
        indent(line) for line in lines if line.strip() and indent(line) and _word(line.strip())
    ]
    if not starts:
        return []
    base = starts[0]
    found: list[Entry] = []
    closed = False
    for line in lines:
        text = line.strip()
        if not text:
            continue
        at = indent(line)
        if is_option(text) and at <= base + DEEPER:
            closed = True
        elif at == base and _word(text):
            spec, help_, gap = split(text)
            found.append(Entry(spec, at, [help_] if help_ else [], gap))
            closed = False
        elif found and at > base and not closed:
            found[-1].lines.append(text)
            found[-1].gap = True
    return found


def _word(text: str) -> bool:
    return text[0].isalnum() or text[0] in "<[{_@."
