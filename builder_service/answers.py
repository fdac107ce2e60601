"""Whether what a program printed shows that it works: usage, a version, or output; not a loader's error."""

import re

_ANSI = re.compile(r"\x1b\[[0-9;?]*[ -/]*[@-~]|\x1b[()][A-Z0-9]|\r")

_BROKEN = re.compile(
    r"""
    ^(?:\S+:\ )?error\ while\ loading\ shared\ libraries
    | ^(?:\w+\.)*(?:ModuleNotFoundError|ImportError|SyntaxError|NameError|AttributeError)(?::|$)
    | ^\s*(?:Error|TypeError)?(?::\ )?\[?(?:Error:\ )?Cannot\ find\ (?:module|package)\b
    | \bERR_(?:MODULE_NOT_FOUND|UNSUPPORTED_DIR_IMPORT|REQUIRE_ESM|DLOPEN_FAILED|UNKNOWN_FILE_EXTENSION)\b
    | ^(?:Uncaught\ )?(?:SyntaxError|ReferenceError):
    | \b(?:GLIBC|GLIBCXX|CXXABI)_[\d.]+'?\ not\ found
    | No\ module\ named\ \S+
    | (?:line\ \d+|^\S*sh|^env|exec):\ .*(?:command\ not\ found|No\ such\ file\ or\ directory|Permission\ denied)
    | :\ bad\ interpreter:
    | (?:line\ \d+|^\S+:\ \d+):\ [Ss]yntax\ error
    | exec\ format\ error
    | ^Segmentation\ fault | ^Illegal\ instruction
    | DistributionNotFound | PackageNotFoundError
    | cannot\ load\ such\ file\ -- | Could\ not\ find\ (?:gem\ )?'\S+'\ .*(?:gem|in\ locally\ installed)
    | Can't\ locate\ \S+\ in\ @INC
    | there\ is\ no\ package\ called
    """,
    re.VERBOSE | re.MULTILINE | re.IGNORECASE,
)
_TRACE = re.compile(
    r"^Traceback \(most recent call last\):|^\s+at .+:\d+:\d+\)?$|^Exception in thread",
    re.MULTILINE,
)

_USAGE = re.compile(
    r"""
    \busage\b | \bsynopsis\b | ^\s*(?:options|commands|arguments|flags|subcommands|parameters)\s*:
    | (?:^|\s|[\[,|])--?h(?:elp)?\b | \btry\ .*--?h(?:elp)?\b
    | ^\s*(?:uso|utilisation|verwendung|aufruf|用法|使い方|использование)\b
    | \b(?:missing|requires?|required|expected|too\ few)\b.*\b(?:arguments?|argument|option|operand|parameter|command|file|input)s?\b
    | \bno\b.*\b(?:given|specified|provided|supplied)\b
    | \b(?:unknown|invalid|unrecognized|unrecognised|illegal|unexpected)\b.*\b(?:option|argument|flag|command|parameter)s?\b
    """,
    re.VERBOSE | re.MULTILINE | re.IGNORECASE,
)
_OPTION_LINE = re.compile(r"^\s{0,12}-{1,2}[A-Za-z][\w-]*(?:[ ,=\[<|].*)?$", re.MULTILINE)
_VERSION = re.compile(r"(?:^|[\sv(/@-])\d+\.\d+(?:\.\d+)*", re.MULTILINE)

# A tool that takes `help` for a file and says that there is none has started and read its arguments.
_NO_SUCH_FILE = re.compile(
    r"\bhelp\b.*(?:not exist|n't exist|not found|no such file|not a file|cannot|could not|can't)"
    r"|(?:no such file|not found|cannot|could not|can't|ENOENT).*\bhelp\b",
    re.IGNORECASE,
)


_LONGEST_LINE, _FIRST_LINES, _LAST_LINES = 400, 700, 300
_EMPTY_LINES = re.compile(r"\n{3,}")


def bounded(text: str) -> str:
    """The beginning and the end of it in lines of a usual length.

    On longer lines, or on long runs of empty ones, the patterns here would take hours.
    """
    lines = [line[:_LONGEST_LINE].rstrip() for line in text.splitlines()]
    if len(lines) > _FIRST_LINES + _LAST_LINES:
        lines = [*lines[:_FIRST_LINES], *lines[-_LAST_LINES:]]
    return _EMPTY_LINES.sub("\n\n", "\n".join(lines))


def breakage(text: str) -> str | None:
    """The line with a loader's error: an interpreter prints more after it."""
    lines = bounded(text).splitlines()
    return next((line.strip() for line in lines if _BROKEN.search(line)), None)


def answers(stdout: bytes, stderr: bytes, exit_code: int, argument: str | None) -> bool:
    """Whether this is the answer of a working tool to `argument` (None: the bare command)."""
    out = _ANSI.sub("", stdout.decode(errors="replace")).strip()
    err = _ANSI.sub("", stderr.decode(errors="replace")).strip()
    text = bounded(f"{out}\n{err}".strip())
    if not text or exit_code in (126, 127, 132, 134, 135, 137, 139):
        return False
    if _BROKEN.search(text):
        return False
    if argument == "help" and _NO_SUCH_FILE.search(text):
        return True
    if _TRACE.search(text):  # a crash; only a usage text beside the trace shows that it works
        return bool(re.search(r"^\s*usage\s*:", text, re.IGNORECASE | re.MULTILINE))
    if _USAGE.search(text) or len(_OPTION_LINE.findall(text)) >= 2:
        return True
    if argument == "--version":
        return exit_code == 0 and len(text.splitlines()) <= 12 and bool(_VERSION.search(text))
    # A tool without options: it ran to its end and printed something.
    return exit_code == 0 and bool(out)
