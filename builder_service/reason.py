"""Why a step failed, by the line of its output that tells most. Pure."""

import re
from collections.abc import Iterator, Sequence

_NOISE = re.compile(
    r"^npm (?:error|ERR!)\s*(?:$|code |errno |syscall |path |command |cwd |node |\S*\s*A complete log|Exit handler)|^npm (?:error|ERR!)[\s\d|^~]*$"
    r"|^make(?:\[\d+\])?: \*\*\* |^hint: |^gmake|^ninja: build stopped"
    r"|^(?:error|cause): (?:The build backend returned an error|Failed to build [`\"]|Call to `.*` failed)|^\[std(?:err|out)\]$"
    r"|\bCommand '\[.*\]' returned non-zero exit status"
)
"""Lines of tools that say that they failed, and not why."""
_HINTS = re.compile(r"^hint: .*", re.MULTILINE | re.DOTALL)
_COMPILER = re.compile(
    r"^[^\s:(][^:(]{0,200}(?::\d+){1,2}: (?:fatal )?error:|^[^\s:(]{1,200}\(\d+,\d+\): error |^error\[E\d+\]: "
)
_CMAKE = re.compile(
    r"^CMake Error(?: at [^\n]{1,200})?:(?:[^\n]+|(?:\n+[ \t]+[^\n]+){1,4})", re.MULTILINE
)
_TELLING = (
    "no solution found", "not found in the package registry", "no matching distribution", "e404",
    "error:", "npm error ", "fatal:", "unable to locate package", "cannot find", "failed",
)  # fmt: skip
_FIRST = ("are not known here as Debian packages", "fatal error:", "cannot find -l", "undefined reference")  # fmt: skip
_LONGEST = 400
_MOST_OF_AN_EXCEPTION = 4


def sentence(name: str, exit_code: int, said: str) -> str:
    """Why a step failed, in one sentence with the line that tells most."""
    told = _reason(said) or "it printed nothing"
    return f"The step “{name}” failed with exit code {exit_code}: {told[:_LONGEST]}"


def _reason(said: str) -> str:
    if "build backend returned an error" in said:
        said = _HINTS.sub("", said)  # whole paragraphs of advice, with examples
    plain = [line for line in said.splitlines() if line.strip() and not line.startswith("--- ")]
    lines = [line.strip() for line in plain if not _NOISE.search(line.strip())]
    lines = lines or [line.strip() for line in plain]
    found = _containing(lines, _FIRST)
    if not found and (cmake := _CMAKE.search(said)):
        found = " ".join(cmake[0].split())
    if not found:
        found = next((line for line in lines if _COMPILER.match(line)), "")
    return found or _exception(said) or _containing(lines, _TELLING) or (lines or [""])[-1]


def _containing(lines: Sequence[str], words: Sequence[str]) -> str:
    """The first line with the best of these words, and the next one where it is short."""
    for word in words:
        for index, line in enumerate(lines):
            if word.lower() in line.lower():
                following = lines[index + 1] if index + 1 < len(lines) and len(line) < 60 else ""
                if following.startswith("cause: "):
                    return following.removeprefix("cause: ")
                return f"{line} {'' if following.startswith('at ') else following}".strip()
    return ""


def _exception(said: str) -> str:
    """What the last of Python's tracebacks ends with, those left out that only pass on an exit code."""
    found = [one for one in _exceptions(said.splitlines()) if not _NOISE.search(one)]
    return found[-1] if found else ""


def _exceptions(lines: Sequence[str]) -> Iterator[str]:
    begun: int | None = None
    for number, line in enumerate(lines):
        at = len(line) - len(line.lstrip())
        if line.strip() == "Traceback (most recent call last):":
            begun = at
        elif begun is not None and line.strip() and at <= begun:
            text = [line.strip()]
            for more in lines[number + 1 : number + _MOST_OF_AN_EXCEPTION]:
                if len(more) - len(more.lstrip()) <= begun:
                    break
                text.append(more.strip())
            yield " ".join(text)
            begun = None
