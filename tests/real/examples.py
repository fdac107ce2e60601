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
    exit_code: int = 0


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
    # setup.py alone, a module as the tool; what it finds makes it exit with 1
    Example(
        "pycodestyle",
        "pycodestyle",
        ("messy.py",),
        "messy.py:1:2: E225 missing whitespace around operator",
        files={"messy.py": "x=1\n"},
        exit_code=1,
    ),
    # no manifest: a package with __main__
    Example(
        "pyflakes",
        "pyflakes",
        ("unused.py",),
        "'os' imported but unused",
        files={"unused.py": "import os\n"},
        exit_code=1,
    ),
    # setup.cfg
    Example(
        "pyupgrade",
        "pyupgrade",
        ("--exit-zero-even-if-changed", "old.py"),
        "",
        files={"old.py": "x = set(())\n"},
        outputs={"old.py": "x = set()"},
    ),
    # a console script that needs an extra
    Example(
        "python-dotenv",
        "dotenv",
        ("-f", "settings", "get", "NAME"),
        "Ada",
        files={"settings": "NAME=Ada\n"},
    ),
    # setuptools by pyproject.toml, dependencies with extensions
    Example(
        "yamllint",
        "yamllint",
        ("-f", "parsable", "-d", "relaxed", "x.yaml"),
        "[error]",
        files={"x.yaml": "a: 1\na: 2\n"},
        exit_code=1,
    ),
    # flit
    Example(
        "markdown-it-py",
        "markdown-it",
        ("note.md",),
        "<h1>Title</h1>",
        files={"note.md": "# Title\n"},
    ),
    # pdm-backend
    Example("findpython", "findpython", ("--all",), "python3"),
    # pbr, the version by tag
    Example(
        "bandit",
        "bandit",
        ("-q", "-f", "csv", "risky.py"),
        "exec_used",
        files={"risky.py": "exec(input())\n"},
        exit_code=1,
    ),
    # hatch-vcs, a dependency in Rust
    Example(
        "jsonschema",
        "jsonschema",
        ("--output", "plain", "-i", "one.json", "shape.json"),
        "",
        files={"one.json": "12", "shape.json": '{"type": "integer"}'},
    ),
    Example(
        "chardet", "chardetect", ("text.txt",), "utf-8", files={"text.txt": "Grüße, Öl und Übermut"}
    ),
    Example(
        "pygments",
        "pygmentize",
        ("-f", "html", "-l", "python", "a.py"),
        '<span class="k">pass</span>',
        files={"a.py": "pass\n"},
    ),
    # a bin that is one text, development dependencies only
    Example("json5", "json5", ("j.json5",), '{"a":1}', files={"j.json5": "{a:1, /*c*/}"}),
    Example("semver", "semver", ("-i", "minor", "1.2.3"), "1.3.0"),
    Example("js-yaml", "js-yaml", ("a.yaml",), '"a": [\n', files={"a.yaml": "a: [1]\n"}),
    Example(
        "mustache",
        "mustache",
        ("data.json", "hello.mustache"),
        "Hello Ada",
        files={"data.json": '{"name": "Ada"}', "hello.mustache": "Hello {{name}}"},
    ),
    Example(
        "uglify-js",
        "uglifyjs",
        ("--mangle", "--", "long.js"),
        "function add(",
        files={"long.js": "function add(first, second) { return first + second; }\n"},
    ),
    Example("marked", "marked", (), "<em>word</em>", stdin="*word*"),
    Example("markdown-it", "markdown-it", ("n.md",), "<em>word</em>", files={"n.md": "*word*"}),
    Example("acorn", "acorn", ("--compact", "a.js"), '"type":"Program"', files={"a.js": "1"}),
    # a workspace with a private root, TypeScript, pnpm in the version that it names
    Example("pnpm-workspace", "spans", ("2h", "1m"), "2h is 7200 s\n1m is 60 s"),
    # locks of both generations of yarn and of npm: an older dependency than the newest that fits
    Example("yarn-classic", "span", ("1s",), "1000 ms by 2.1.2"),
    Example("yarn-berry", "span", ("1s",), "1000 ms by 2.1.2"),
    Example("npm-workspace", "span", ("1s",), "Node v18: 1000 ms by 2.1.2"),
    Example("uv-lock", "greet", ("Ada",), "Hello Ada from click 8.1.3"),
    Example(
        "inline-script",
        "table.py",
        ("pear",),
        "0.8.10\npear  4",
        outputs={"found.txt": "1 rows"},
    ),
    Example("cython-versioneer", "countup", ("4",), "10 by countup 1.2"),
    Example("meson-extension", "addup", ("1", "2.5"), "3.5 on Python 3.13"),
)
