"""What each real tool is asked, and what it must answer."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Example:
    """One run of a tool from `sources.py`; `command` is also what must be found first."""

    tool: str
    command: str
    arguments: tuple[str, ...]
    stdout: str
    """Text that must stand in standard output."""
    files: dict[str, str] = field(default_factory=dict)
    stdin: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    """Files that it must leave, and a text that each must contain."""


EXAMPLES = (
    Example(
        "tabulate",
        "tabulate",
        ("--header", "--format", "github", "--sep", ",", "people.csv"),
        "| Ada    |    36 |",
        files={"people.csv": "name,age\nAda,36\n"},
    ),
    Example(
        "isort",
        "isort",
        ("messy.py",),
        "Fixing /work/messy.py",
        files={"messy.py": "import sys\nimport os\n"},
        outputs={"messy.py": "import os\nimport sys\n"},
    ),
    Example(
        "sqlparse",
        "sqlformat",
        ("--reindent", "--keywords", "upper", "-"),
        "SELECT a,\n       b\nFROM t",
        stdin="select a, b from t",
    ),
    Example(
        "docutils",
        "docutils",
        ("--writer=html5", "note.rst", "out.html"),
        "",
        files={"note.rst": "Title\n=====\n\n*word*\n"},
        outputs={"out.html": "<em>word</em>"},
    ),
    Example("cowsay", "cowsay", ("two words",), "< two words >"),
    Example(
        "prettyjson",
        "prettyjson",
        ("--nocolor=1", "data.json"),
        "greeting: hello",
        files={"data.json": '{"greeting": "hello"}'},
    ),
    Example(
        "csvtojson",
        "csvtojson",
        ("people.csv",),
        '{"name":"Ada","age":"36"}',
        files={"people.csv": "name,age\nAda,36\n"},
    ),
    Example(
        "autopep8",
        "autopep8.py",
        ("messy.py",),
        "x = 1\n",
        files={"messy.py": "x=1\n"},
    ),
)
