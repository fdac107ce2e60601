"""What people type as arguments becomes an argv list: a command line or JSON, never a shell (DESIGN 3.11)."""

import json
import re
import shlex
from collections.abc import Sequence
from typing import Any, NoReturn

MAX_ARGUMENTS = 10_000
MAX_ARGUMENT_BYTES = 128 * 1024 - 1
"""Linux takes no longer single argument."""
MAX_TOTAL_BYTES = 1 << 20

_BLANK = " \t\r\n"
_INVISIBLE = "\ufeff\u200b\u2060"
_MEANT_AS_JSON = re.compile(r'\[\s*["\]]|\{\s*["}]')
_EXAMPLES = 'a list like ["-o", "out.txt"] or an object like {"0": "-o", "1": "out.txt"}'


class BadArguments(ValueError):
    """The text is no argument list; the sentence says where and what to do."""


def parse(text: str) -> list[str]:
    """The argument list that `text` means: command line, JSON list or index-keyed JSON object."""
    argv = _from_json(text)
    return check(_from_command_line(text) if argv is None else argv)


def join(argv: Sequence[str]) -> str:
    """A command line that `parse` reads as exactly this list."""
    return shlex.join(argv)


def check(argv: Sequence[str]) -> list[str]:
    """The list itself, or `BadArguments` where no program can be started with it."""
    if len(argv) > MAX_ARGUMENTS:
        raise BadArguments(
            f"There are {len(argv)} arguments; at most {MAX_ARGUMENTS} are possible."
        )
    total = 0
    for number, word in enumerate(argv, 1):
        if "\0" in word:
            raise BadArguments(f"Argument {number} contains a NUL character; take it out.")
        try:
            size = len(word.encode())
        except UnicodeEncodeError as error:
            raise BadArguments(
                f"Argument {number} contains half of a character pair (\\ud800 to \\udfff); "
                "write the whole character."
            ) from error
        if size > MAX_ARGUMENT_BYTES:
            raise BadArguments(
                f"Argument {number} is longer than {MAX_ARGUMENT_BYTES} bytes; "
                "put the text into a file and give the file as an input."
            )
        total += size
    if total > MAX_TOTAL_BYTES:
        raise BadArguments(
            f"The arguments are longer than {MAX_TOTAL_BYTES} bytes; "
            "put the text into a file and give the file as an input."
        )
    return list(argv)


# The command line


def _from_command_line(text: str) -> list[str]:
    words: list[str] = []
    word: list[str] | None = None
    at = 0
    while at < len(text):
        char = text[at]
        if char in _BLANK:
            if word is not None:
                words.append("".join(word))
                word = None
            at += 1
        elif char == "\\" and text[at + 1 : at + 2] == "\n":
            at += 2  # a continued line
        elif char == "\\" and text[at + 1 : at + 3] == "\r\n":
            at += 3
        elif char == "\\":
            if at + 1 == len(text):
                raise BadArguments(
                    "The line ends with a backslash. Take it out, or write \\\\ for a backslash."
                )
            word = _appended(word, text[at + 1])
            at += 2
        elif char == "'":
            end = text.find("'", at + 1)
            if end < 0:
                raise _unbalanced(text, at)
            word = _appended(word, text[at + 1 : end])
            at = end + 1
        elif char == '"':
            part, at = _double_quoted(text, at)
            word = _appended(word, part)
        else:
            word = _appended(word, char)
            at += 1
    if word is not None:
        words.append("".join(word))
    return words


def _appended(word: list[str] | None, part: str) -> list[str]:
    if word is None:
        return [part]
    word.append(part)
    return word


def _double_quoted(text: str, start: int) -> tuple[str, int]:
    part: list[str] = []
    at = start + 1
    while at < len(text):
        char = text[at]
        if char == '"':
            return "".join(part), at + 1
        following = text[at + 1 : at + 2]
        if char == "\\" and following == "\n":
            at += 2
        elif char == "\\" and following and following in '"\\$`':
            part.append(following)
            at += 2
        else:
            part.append(char)
            at += 1
    raise _unbalanced(text, start)


def _unbalanced(text: str, at: int) -> BadArguments:
    kind = "single" if text[at] == "'" else "double"
    seen = text[at : at + 20].replace("\n", " ")
    return BadArguments(
        f"The {kind} quote at character {at + 1} ({seen}) is never closed. "
        f"Close it, or write \\{text[at]} for the character itself."
    )


# JSON


def _from_json(text: str) -> list[str] | None:
    plain = _blank_outside_strings(text).strip()
    if plain[:1] not in ("[", "{"):
        return None  # a bare JSON string, number or word is a command line
    try:
        value = json.loads(
            plain,
            parse_int=_Literal,
            parse_float=_Literal,
            parse_constant=_no_constant,
            object_pairs_hook=_Pairs,
        )
    except json.JSONDecodeError as error:
        if not _MEANT_AS_JSON.match(plain):
            return None  # `[a-z]+ file` is a command line
        raise BadArguments(
            f"The JSON cannot be read at line {error.lineno}, column {error.colno}: {error.msg}. "
            f"Give {_EXAMPLES}, or a plain command line."
        ) from error
    except RecursionError as error:
        raise BadArguments(f"The JSON is nested too deeply. Give {_EXAMPLES}.") from error
    if isinstance(value, _Pairs):
        return _in_order(value)
    return [_as_text(item, f"Item {n}") for n, item in enumerate(value, 1)]


class _Literal(str):
    """A number, kept as it was written."""


class _Pairs(list[tuple[str, Any]]):
    """An object's members as they stand, repeated keys included."""


def _no_constant(name: str) -> NoReturn:
    raise BadArguments(f'{name} is no JSON value. Write it as text: "{name}".')


def _in_order(pairs: _Pairs) -> list[str]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise BadArguments(f'The key "{key}" stands twice. Give each position once.')
        found[key] = value
    wanted = [str(n) for n in range(len(found))]
    strange = next((key for key in found if not re.fullmatch(r"0|[1-9][0-9]{0,8}", key)), None)
    if strange is not None:
        raise BadArguments(
            f'The key "{strange[:40]}" is no position. Give {_EXAMPLES}, with positions from "0" on.'
        )
    missing = next((key for key in wanted if key not in found), None)
    if missing is not None:
        raise BadArguments(f'Position "{missing}" is missing. Number the arguments from "0" on.')
    return [_as_text(found[key], f"Position {key}") for key in wanted]


def _as_text(value: Any, where: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return str(value)
    kind = "null" if value is None else "an object" if isinstance(value, _Pairs) else "a list"
    raise BadArguments(
        f"{where} is {kind}; an argument is text, a number, true or false. "
        "Write it in quotes if the tool shall get it as text."
    )


def _blank_outside_strings(text: str) -> str:
    """Each pasted blank (NBSP, U+2003, byte order mark) outside of strings becomes a space."""
    out: list[str] = []
    inside = escaped = False
    for char in text:
        if inside:
            inside = char != '"' or escaped
            escaped = char == "\\" and not escaped
            out.append(char)
            continue
        inside = char == '"'
        out.append(" " if char not in _BLANK and (char.isspace() or char in _INVISIBLE) else char)
    return "".join(out)
