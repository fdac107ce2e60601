"""Whether a program's words show that it works, told by the words of real programs."""

import pytest

from builder_service.answers import answers, breakage

WORKS = {
    "argparse": (
        b"usage: photon.py [-h] [-u ROOT]\n\noptions:\n  -h, --help  show\n",
        b"",
        0,
        "--help",
    ),
    "argparse without arguments": (
        b"",
        b"usage: hello [-h] file\nhello: error: the following arguments are required: file\n",
        2,
        None,
    ),
    "click": (
        b"Usage: flask [OPTIONS] COMMAND [ARGS]...\n\nOptions:\n  --version\n",
        b"",
        0,
        "--help",
    ),
    "seqtk on stderr, exit 1": (
        b"",
        b"\nUsage:   seqtk <command> <arguments>\nVersion: 1.4-r130-dirty\n",
        1,
        None,
    ),
    "getopt": (b"", b"spark: illegal option -- -\n", 1, "--help"),
    "version only": (b"svgo 4.0.0\n", b"", 0, "--version"),
    "bare version": (b"1.2.3\n", b"", 0, "--version"),
    "coloured": (b"\x1b[1mUSAGE\x1b[0m\n  tool [flags]\n", b"", 0, "--help"),
    "options without the word": (
        b"tool does things\n\n  -a, --all   all\n  -b, --bold  bold\n",
        b"",
        1,
        "-h",
    ),
    "commander": (b"Usage: svgo [options] [INPUT...]\n", b"", 0, "-h"),
    "missing file": (b"", b"Error: missing input file\n", 1, None),
    "German": (b"Aufruf: werkzeug DATEI\n", b"", 1, None),
    "no options at all": (b"hello world\n", b"", 0, None),
    "usage beside a trace": (
        b"Usage: old.py FILE\n",
        b"Traceback (most recent call last):\n  x\nIndexError: list index out of range\n",
        1,
        None,
    ),
    "try help": (
        b"",
        b"dd: unrecognized operand\nTry 'dd --help' for more information.\n",
        1,
        None,
    ),
    "help taken for a file": (b"", b"Error: File 'help' does not exist\n", 1, "help"),
    "help not found, by a trace": (
        b"",
        b"Traceback (most recent call last):\n  x\nFileNotFoundError: [Errno 2] No such file or directory: 'help'\n",
        1,
        "help",
    ),
    "docopt": (b"Usage:\n  naval_fate ship new <name>...\n", b"", 1, None),
}
BROKEN = {
    "nothing": (b"", b"", 0, "--help"),
    "only a newline": (b"\n", b"", 0, "--help"),
    "import": (b"", b"Traceback (most recent call last):\n  File \"x\", line 1\nModuleNotFoundError: No module named 'requests'\n", 1, "--help"),
    "import with usage after it": (b"usage: x\n", b"ImportError: libGL.so.1: cannot open shared object file\n", 1, "--help"),
    "loader": (b"", b"x: error while loading shared libraries: libz.so.1: cannot open\n", 127, "--help"),
    "node module": (b"", b"Error: Cannot find module 'commander'\nRequire stack:\n", 1, "--help"),
    "node esm": (b"", b"Error [ERR_MODULE_NOT_FOUND]: Cannot find package 'x' imported from /app/cli.js\n", 1, "--help"),
    "python syntax": (b"", b"  File \"/app/x.py\", line 3\n    print 'x'\nSyntaxError: Missing parentheses in call to 'print'\n", 1, "--help"),
    "crash": (b"", b"Traceback (most recent call last):\n  File \"x\"\nKeyError: 'HOME'\n", 1, None),
    "node crash": (b"", b"TypeError: x is not a function\n    at Object.<anonymous> (/app/x.js:1:1)\n", 1, None),
    "ruby": (b"usage: x\n", b"kernel_require.rb:85:in `require': cannot load such file -- kramdown (LoadError)\n\tfrom x:3\n", 1, "--help"),
    "perl": (b"usage: x\n", b"Can't locate File/Next.pm in @INC (you may need to install the File::Next module) at x line 3.\n", 2, "--help"),
    "r": (b"usage: x\n", "Error in library(optparse) : there is no package called \u2018optparse\u2019\nExecution halted\n".encode(), 1, "--help"),
    "missing program": (b"", b"/app/x: line 3: jq: command not found\n", 127, "--help"),
    "shell syntax": (b"usage: x\n", b"/app/x: line 2: syntax error near unexpected token `then'\n/app/x: line 2: `if then'\n", 2, "--help"),
    "env": (b"", b"env: 'python2': No such file or directory\n", 127, "--help"),
    "glibc": (b"", b"x: /lib/libc.so.6: version `GLIBC_2.38' not found\n", 1, "--help"),
    "killed": (b"usage: x\n", b"", 137, "--help"),
    "segfault": (b"", b"Segmentation fault (core dumped)\n", 139, None),
    "an error that says nothing": (b"", b"failed\n", 1, None),
    "another file is missing": (b"", b"cannot open settings.ini: no such file\n", 1, "help"),
    "metadata": (b"", b"importlib.metadata.PackageNotFoundError: No package metadata was found for x\n", 1, "--version"),
}  # fmt: skip


@pytest.mark.parametrize("name", WORKS)
def test_this_is_an_answer(name: str) -> None:
    assert answers(*WORKS[name])


@pytest.mark.parametrize("name", BROKEN)
def test_this_is_no_answer(name: str) -> None:
    assert not answers(*BROKEN[name])


def test_the_line_that_names_the_missing_part_is_found_above_the_trace() -> None:
    trace = "kernel_require.rb:85:in `require': cannot load such file -- kramdown (LoadError)\n\tfrom bin/x:3\n"

    assert breakage(trace) == trace.splitlines()[0]
    assert breakage("usage: x\n") is None
