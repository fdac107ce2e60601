"""Arguments: command line or JSON to argv."""

import json
import shlex

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web import arguments
from web.arguments import BadArguments, parse

words = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=20)


@pytest.mark.parametrize(
    ("text", "argv"),
    [
        ("", []),
        ("  \t\n", []),
        ("-o out.txt", ["-o", "out.txt"]),
        ("'a b' \"c d\" e\\ f", ["a b", "c d", "e f"]),
        ("a''b \"\"", ["ab", ""]),
        ('"it\'s"', ["it's"]),
        (r'"\$HOME \x \""', [r"$HOME \x " + '"']),
        ("$HOME `id` $(id) *.txt ~ | ; & > < #x", None),
        ("-a \\\n  -b", ["-a", "-b"]),
        ("-a \\\r\n  -b", ["-a", "-b"]),
        ("a\u00a0b", ["a\u00a0b"]),
        ("5", ["5"]),
        ("true", ["true"]),
        ("[a-z]+ in.txt", ["[a-z]+", "in.txt"]),
        ("{print} in.txt", ["{print}", "in.txt"]),
        ("[abc]", ["[abc]"]),
    ],
)
def test_a_command_line_is_split_by_posix_quoting_and_nothing_is_expanded(
    text: str, argv: list[str] | None
) -> None:
    assert parse(text) == (text.split() if argv is None else argv)


@pytest.mark.parametrize(
    ("text", "argv"),
    [
        ("[]", []),
        ("{}", []),
        ('["-O", "out.txt"]', ["-O", "out.txt"]),
        ('{"0": "-O", "1": "out.txt"}', ["-O", "out.txt"]),
        ('{"1": "out.txt", "0": "-O"}', ["-O", "out.txt"]),
        ('{"0":"-O","1":"out.txt"}', ["-O", "out.txt"]),
        ("[1, 2.50, -3e5, true, false]", ["1", "2.50", "-3e5", "true", "false"]),
        ('["a\\tb", " c  d ", "\\"", "\\\\"]', ["a\tb", " c  d ", '"', "\\"]),
        ('["a\u00a0b\u2003"]', ["a\u00a0b\u2003"]),
        ("[" + "9" * 5000 + "]", ["9" * 5000]),
    ],
)
def test_json_lists_and_index_keyed_objects_are_argument_lists(text: str, argv: list[str]) -> None:
    assert parse(text) == argv


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a 'b", "single quote at character 3"),
        ('a "b c', "double quote at character 3"),
        ("a \\", "ends with a backslash"),
        ('["a"', "line 1, column"),
        ('{"0": }', "line 1, column"),
        ('{"a": "b"}', '"a" is no position'),
        ('{"00": "b"}', '"00" is no position'),
        ('{"0": "a", "2": "b"}', 'Position "1" is missing'),
        ('{"0": "a", "0": "b"}', "stands twice"),
        ('["a", ["b"]]', "Item 2 is a list"),
        ('{"0": {"a": 1}}', "Position 0 is an object"),
        ('["a", null]', "Item 2 is null"),
        ("[NaN]", "NaN is no JSON value"),
        ('["a\\u0000"]', "Argument 1 contains a NUL"),
        ('["\\ud800"]', "half of a character pair"),
        ("a\0b", "Argument 1 contains a NUL"),
        ('["a",' + "[" * 100_000, "nested too deeply"),
        ("x" * 140_000, "longer than 131071 bytes"),
        ("x " * 10_001, "There are 10001 arguments"),
        (("x" * 100_000 + " ") * 11, "longer than 1048576 bytes"),
    ],
)
def test_bad_arguments_are_refused_with_a_sentence_that_says_where(text: str, says: str) -> None:
    with pytest.raises(BadArguments, match=says.replace("(", r"\(")):
        parse(text)


@given(st.lists(words))
def test_what_join_writes_parse_reads_back(argv: list[str]) -> None:
    assert parse(arguments.join(argv)) == argv


@given(st.lists(words))
def test_a_json_list_of_any_strings_comes_through_unchanged(argv: list[str]) -> None:
    assert parse(json.dumps(argv)) == argv
    assert parse(json.dumps(argv, ensure_ascii=False, indent="\u2003\t\u00a0")) == argv
    assert parse(json.dumps({str(n): word for n, word in enumerate(argv)}, indent=4)) == argv


@given(st.text(st.characters(exclude_characters="\0\\[{", exclude_categories=["Cs"])))
def test_command_lines_without_backslash_mean_what_shlex_says(text: str) -> None:
    try:
        expected = shlex.split(text)
    except ValueError:
        with pytest.raises(BadArguments):
            parse(text)
    else:
        assert parse(text) == expected


@given(st.text(alphabet="ab \\\"'\n\t[]{}:,01", max_size=30))
def test_any_text_gives_a_list_or_a_sentence(text: str) -> None:
    try:
        argv = parse(text)
    except BadArguments as refusal:
        assert str(refusal).endswith(".")
    else:
        assert all(isinstance(word, str) for word in argv)
