"""What kind of value a field takes, by its metavar, its names and its default."""

import re
from typing import Literal

Value = Literal["text", "integer", "number", "path"]

_INTEGERS = {
    "int", "integer", "int32", "int64", "uint", "uint16", "uint32", "uint64", "num", "n", "number", "count",
    "integer range", "jobs", "port", "natural", "nr",
}  # fmt: skip
_NUMBERS = {
    "float",
    "float32",
    "float64",
    "double",
    "seconds",
    "secs",
    "percent",
    "float range",
    "decimal",
    "ratio",
}
_PATHS = re.compile(
    r"(?:.*[-_. ])?(?:file|files|path|paths|dir|directory|directories|dirs|folder|folders|filename|filenames|fname|pathname"
    r"|infile|outfile|src|input|inputs|output|outfiles|infiles|dest|destination)\d?|[\w-]*file|[\w-]*path|[\w-]*directory",
    re.I,
)
_PATH_FILES = re.compile(r"[\w*-]+\.(?:txt|csv|json|ya?ml|toml|fa|fq|fast[aq]|gz|bam|sam|bed|vcf|xml|html?|png|svg|pdf|md|ini|cfg|tsv|wav|mp[34])", re.I)  # fmt: skip
_NO_PATHS = re.compile(
    r".*(?:pattern|regex|glob|format|type|mode|name-separator|ext|suffix|prefix|encoding)s?$", re.I
)
_SAYS_PATH = re.compile(
    r"\b(?:path (?:to|of|for) (?!a regex)|filesystem path|(?:input|output|config(?:uration)?|log) (?:file|directory|folder)"
    r"|(?:to|from) (?:a |the |this |given )?file\b|file to (?:read|write|use|load)|directory (?:to|where|in which|for))", re.I,
)  # fmt: skip


def value_kind(
    metavar: str, names: tuple[str, ...], default: str | None, *, positional: bool, help_: str = ""
) -> Value:
    """A guess that only chooses the input element: the line takes any text."""
    bare = metavar.strip("<>[]{}=. ").rstrip(".").strip()
    low = bare.lower()
    if low in _INTEGERS:
        return "integer"
    if low in _NUMBERS:
        return "number"
    if _is_path(bare) or _PATH_FILES.fullmatch(bare):
        return "path"
    plain = low in ("", "text", "string", "str", "value", "arg", "name", "strings", "stringarray")
    if positional or not plain:
        return "text"
    for name in names:
        if _is_path(name.lstrip("-")) and low not in ("name",):
            return "path"
    if _SAYS_PATH.search(help_[:90]):
        return "path"
    if default is not None and re.fullmatch(r"-?\d{1,18}", default):
        return "integer"
    if default is not None and re.fullmatch(r"-?\d{1,18}\.\d{1,18}", default):
        return "number"
    return "text"


def _is_path(name: str) -> bool:
    name = name.replace("/", "_")
    return (
        len(name) <= 60
        and bool(_PATHS.fullmatch(name) or re.fullmatch(r"[a-z]+(?:Dir|File|Path)", name))
        and not _NO_PATHS.fullmatch(name)
    )
