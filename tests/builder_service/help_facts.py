"""What the help texts in `help_texts/` say, read by eye: numbers are exact, fields are samples."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Facts:
    """Options, positionals as (name, least, most) and subcommands; `fields` by one of their names."""

    options: int
    positionals: tuple[tuple[str, int, int | None], ...] = ()
    subcommands: int = 0
    fields: dict[str, dict[str, object]] = field(default_factory=dict)
    some: tuple[str, ...] = ()
    """Some of the subcommands."""


def option(**facts: object) -> dict[str, object]:
    return {"kind": "option", **facts}


def flag(**facts: object) -> dict[str, object]:
    return {"kind": "flag", "type": "flag", **facts}


FACTS: dict[str, Facts] = {
    # argparse
    "argparse/sherlock": Facts(
        20,
        (("USERNAMES", 1, None),),
        fields={
            "-d": flag(names=("--verbose", "-v", "-d", "--debug")),
            "--timeout": option(default="60", metavar="TIMEOUT", required=False),
            "--site": option(repeatable=True, metavar="SITE_NAME"),
            "-o": option(type="path", names=("--output", "-o")),
            "USERNAMES": {"required": True},
        },
    ),
    "argparse/cutadapt": Facts(
        62,
        (("input.fastq", 1, 1),),
        fields={
            "--action": option(
                type="choice",
                default="trim",
                choices=("trim", "retain", "mask", "lowercase", "crop", "none"),
                group="Finding adapters",
            ),
            "-a": option(required=True, names=("-a", "--adapter")),
            "-j": option(default="1"),
            "--errors": option(names=("-e", "--error-rate", "--errors"), default="0.1"),
            "-q": option(names=("-q", "--quality-cutoff")),
            "--debug": {"kind": "flag", "type": "count"},
            "--times": option(type="integer", default="1"),
            "--untrimmed-output": option(type="path", group="Output"),
        },
    ),
    "argparse/csvcut": Facts(
        21,
        (("FILE", 0, 1),),
        fields={
            "-u": option(choices=("0", "1", "2", "3"), names=("-u", "--quoting")),
            "--zero": flag(),
            "FILE": {"type": "path", "required": False},
        },
    ),
    "argparse/yamllint": Facts(
        8,
        (("FILE_OR_DIR", 0, None),),
        fields={
            "-f": option(choices=("parsable", "standard", "colored", "github", "auto")),
            "-c": option(type="path"),
        },
    ),
    "argparse/pre-commit": Facts(
        2, subcommands=14, some=("autoupdate", "install", "validate-manifest")
    ),
    "argparse/pre-commit-run": Facts(
        23,
        (("hook", 0, 1),),
        fields={
            "--color": option(choices=("auto", "always", "never"), default="auto"),
            "--files": option(least=0, most=None, type="path"),
            "-s": option(names=("--from-ref", "--source", "-s")),
        },
    ),
    "argparse/mypy": Facts(
        98,
        (("files", 0, None),),
        fields={
            "--follow-imports": option(choices=("normal", "silent", "skip", "error")),
            "--warn-unused-configs": flag(off="--no-warn-unused-configs", group="Config file"),
            "--config-file": option(type="path"),
        },
    ),
    "argparse/tox": Facts(
        15,
        subcommands=11,
        some=("run", "run-parallel", "devenv"),
        fields={"-v": {"type": "count"}, "--runner": option(default="virtualenv")},
    ),
    "argparse/http": Facts(
        51,
        (("METHOD", 0, 1), ("URL", 1, 1), ("REQUEST_ITEM", 0, None)),
        fields={"--pretty": option(choices=("all", "colors", "format", "none"))},
    ),
    "argparse/streamlink": Facts(
        155,
        (("URL", 1, 1), ("STREAM", 0, 1)),
        fields={"--webbrowser-headless": option(default="false")},
    ),
    "argparse/ansible-galaxy": Facts(
        3,
        subcommands=2,
        some=("collection", "role"),
        fields={"-v": {"names": ("-v", "--verbose")}},
    ),
    "argparse/ansible-galaxy-collection": Facts(1, subcommands=7, some=("init", "verify")),
    "argparse/khard": Facts(
        5, subcommands=16, some=("list", "postaddress", "add-email", "filename")
    ),
    "argparse/dvc": Facts(
        6,
        subcommands=43,
        some=("check-ignore", "experiments", "version"),
        fields={"--cd": option()},
    ),
    "argparse/dvc-remote": Facts(3, subcommands=6, some=("add", "rename")),
    "argparse/west": Facts(5, subcommands=11, some=("init", "grep", "topdir")),
    # click
    "click/black": Facts(
        31,
        (("SRC", 1, None),),
        fields={
            "-l": option(type="integer", default="88", names=("-l", "--line-length")),
            "--color": flag(off="--no-color"),
            "--fast": flag(off="--safe"),
            "-W": option(type="integer", metavar="INTEGER RANGE", least=1, most=1),
            "--line-ranges": option(repeatable=True),
            "--config": option(type="path"),
        },
    ),
    "click/cookiecutter": Facts(
        17,
        (("TEMPLATE", 0, 1), ("EXTRA_CONTEXT", 0, None)),
        fields={
            "--accept-hooks": option(choices=("yes", "ask", "no")),
            "--output-dir": option(type="path"),
        },
    ),
    "click/flask": Facts(
        5,
        subcommands=3,
        some=("routes", "run", "shell"),
        fields={"--debug": flag(off="--no-debug"), "-e": option(type="path")},
    ),
    "click/mkdocs": Facts(5, subcommands=5, some=("build", "gh-deploy", "serve")),
    "click/mkdocs-build": Facts(9, fields={"-t": option(), "--strict": flag()}),
    "click/sqlite-utils": Facts(2, subcommands=47, some=("add-column", "insert", "transform")),
    "click/sqlite-utils-insert": Facts(
        30,
        (("PATH", 1, 1), ("TABLE", 1, 1), ("FILE", 0, 1)),
        fields={"--batch-size": option(type="integer"), "--csv": flag()},
    ),
    # typer
    "typer/typer": Facts(
        6,
        (("PATH_OR_MODULE", 0, 1),),
        subcommands=1,
        some=("utils",),
        fields={"--app": option(help="The typer app object/variable to use.")},
    ),
    "typer/hf": Facts(4, subcommands=20, some=("auth", "download", "upload")),
    "typer/hf-download": Facts(
        15,
        (("REPO_ID", 1, 1), ("FILENAMES", 0, None)),
        fields={
            "--repo-type": option(choices=("model", "dataset", "space", "kernel"), default="model"),
            "--force-download": flag(off="--no-force-download"),
            "--max-workers": option(type="integer", default="8"),
            "--format": option(group="Formatting options", default="auto"),
        },
    ),
    "typer/mcp": Facts(1, subcommands=4, some=("version", "dev", "run", "install")),
    "typer/mcp-run": Facts(
        2,
        (("file_spec", 1, 1),),
        fields={
            "-t": option(names=("--transport", "-t"), metavar="str"),
            "file_spec": {"required": True},
        },
    ),
    "typer/fastapi": Facts(5, subcommands=2, some=("dev", "run")),
    "typer/fastapi-run": Facts(
        11,
        (("path", 0, 1),),
        fields={
            "--port": option(type="integer", default="8000"),
            "--reload": flag(off="--no-reload", default=None),
            "--proxy-headers": flag(off="--no-proxy-headers", default="true"),
            "-e": option(names=("--entrypoint", "-e"), metavar="str"),
        },
    ),
    "typer/sgpt": Facts(
        21,
        (("prompt", 0, 1),),
        fields={
            "--temperature": option(type="number", default="0.0"),
            "--md": flag(off="--no-md", default="true"),
            "-d": flag(group="Assistance Options"),
            "--role": option(group="Role Options", default=None),
        },
    ),
    # docopt
    "docopt/grip": Facts(
        15,
        (("path", 0, 1), ("address", 0, 1)),
        fields={
            "--user": option(style="equals", metavar="username"),
            "-b": flag(names=("-b", "--browser")),
        },
    ),
    "docopt/num2words": Facts(
        6,
        (("number", 1, 1),),
        fields={"-l": option(default="en", style="equals"), "-t": option(default="cardinal")},
    ),
    "docopt/ptw": Facts(
        19,
        (("directory", 0, None),),
        fields={
            "--ignore": option(repeatable=True, type="path"),
            "--spool": option(default="200 ms"),
            "--ext": option(default=".py"),
        },
    ),
    "docopt/littler-render": Facts(3, (("FILES", 0, None),), fields={"-c": flag()}),
    "docopt/littler-update": Facts(5, fields={"-l": option(metavar="LIBLOC"), "-n": option()}),
    # commander
    "commander/svgo": Facts(
        19,
        (("INPUT", 0, None),),
        fields={
            "-i": option(least=1, most=None, names=("-i", "--input")),
            "-p": option(type="integer"),
            "--multipass": flag(),
        },
    ),
    "commander/terser": Facts(
        26,
        (("files", 0, None),),
        fields={"-c": option(least=0, most=1), "--name-cache": option(type="path")},
    ),
    "commander/cspell": Facts(2, subcommands=7, some=("lint", "suggestions", "dictionaries")),
    "commander/cspell-lint": Facts(
        45,
        (("globs", 0, None),),
        fields={
            "--cache-strategy": option(choices=("content", "metadata"), default="content"),
            "--report": option(choices=("all", "simple", "typos", "flagged")),
            "--file": option(least=0, most=None),
            "-e": option(repeatable=True),
        },
    ),
    "commander/markdownlint": Facts(
        15,
        (("files", 0, None),),
        fields={"--enable": option(most=None), "-c": option(metavar="configFile")},
    ),
    "commander/html-minifier-terser": Facts(
        46, (("files", 0, None),), fields={"--max-line-length": option(), "--no-html5": flag()}
    ),
    "commander/babel": Facts(
        40,
        (("files", 1, None),),
        fields={
            "--source-type": option(choices=("script", "module")),
            "-o": option(names=("-o", "--out-file")),
        },
    ),
    # yargs
    "yargs/c8": Facts(
        28,
        subcommands=2,
        some=("check-coverage", "report"),
        fields={
            "-r": option(default="text", group="Reporting options"),
            "--lines": option(type="number", default="90", group="Coverage thresholds"),
            "--clean": flag(default="true"),
        },
    ),
    "yargs/cowsay": Facts(
        18,
        (("text", 1, 1),),
        fields={"-W": option(type="number", default="40"), "-e": option(default="oo")},
    ),
    "yargs/jest": Facts(
        107,
        (("TestPathPatterns", 0, 1),),
        fields={"--changedSince": option(), "--cache": flag(), "-c": option()},
    ),
    "yargs/localtunnel": Facts(
        13, fields={"-p": option(required=True), "-h": option(names=("-h", "--host"))}
    ),
    "yargs/mocha": Facts(46, subcommands=1, some=("init",)),
    # cobra and pflag
    "cobra/gh": Facts(2, subcommands=20, some=("auth", "pr", "run")),
    "cobra/gh-pr-create": Facts(
        17,
        fields={
            "-F": option(type="path", names=("-F", "--body-file")),
            "-R": option(group="Inherited flags"),
            "--draft": flag(),
        },
    ),
    "cobra/hugo": Facts(
        44, subcommands=11, some=("config", "server"), fields={"--trace": option(type="path")}
    ),
    "cobra/hugo-new": Facts(
        45, subcommands=2, some=("site", "theme"), fields={"--configDir": option(default="config")}
    ),
    "cobra/hcloud": Facts(2, subcommands=17, some=("server", "volume")),
    "cobra/skopeo": Facts(11, subcommands=10, some=("copy", "sync")),
    "cobra/hcloud-server-create": Facts(
        21,
        fields={
            "--type": option(required=True, metavar="string"),
            "--firewall": option(repeatable=True),
            "--without-ipv4": flag(),
        },
    ),
    "cobra/kubectl": Facts(0, subcommands=39, some=("create", "get", "rollout")),
    "cobra/kubectl-get": Facts(
        21,
        (("NAME", 0, None),),
        fields={
            "-A": flag(),
            "--chunk-size": option(default="500"),
            "--server-print": flag(default="true"),
        },
    ),
    "cobra/rclone": Facts(0, subcommands=49, some=("copy", "sync")),
    "cobra/rclone-copy": Facts(2, (("source:path", 1, 1), ("dest:path", 1, 1))),
    "cobra/restic": Facts(21, subcommands=25, some=("backup", "restore")),
    "cobra/restic-backup": Facts(
        43,
        (("FILE/DIR", 0, None),),
        fields={
            "-e": option(repeatable=True, metavar="pattern"),
            "--compression": option(default="auto", group="Global Flags"),
            "--stdin-filename": option(default="stdin"),
        },
    ),
    "cobra/skopeo-copy": Facts(
        44,
        (("SOURCE-IMAGE", 1, 1), ("DESTINATION-IMAGE", 1, 1)),
        fields={"--additional-tag": option(repeatable=True)},
    ),
    # clap
    "clap/ripgrep": Facts(
        99,
        (("PATTERN", 1, 1), ("PATH", 0, None)),
        fields={
            "-g": option(repeatable=True, metavar="GLOB"),
            "-m": option(type="integer"),
            "-f": option(type="path"),
            "--json": flag(),
        },
    ),
    "clap/fd": Facts(
        44,
        (("pattern", 0, 1), ("path", 0, None)),
        fields={"-u": {"type": "count"}, "-E": option(metavar="pattern")},
    ),
    "clap/bat": Facts(
        29, (("FILE", 0, None),), subcommands=1, fields={"-A": flag(), "-l": option()}
    ),
    "clap/hyperfine": Facts(
        25,
        (("command", 1, None),),
        fields={"-w": option(type="integer", metavar="NUM"), "--export-json": option(type="path")},
    ),
    "clap/ruff": Facts(
        8, subcommands=9, some=("check", "format"), fields={"-q": flag(group="Log levels")}
    ),
    "clap/ruff-check": Facts(
        41,
        (("FILES", 0, None),),
        fields={
            "--target-version": option(type="choice"),
            "--fix": flag(off="--no-fix"),
            "-o": option(type="path"),
        },
    ),
    "clap/uv": Facts(
        18, subcommands=22, some=("run", "pip", "cache"), fields={"-q": {"type": "count"}}
    ),
    "clap/maturin": Facts(3, subcommands=10, some=("build", "publish")),
    "clap/maturin-build": Facts(
        37,
        (("ARGS", 0, None),),
        fields={
            "--strip": option(least=0, most=1, style="word", choices=("true", "false")),
            "-v": {"type": "count"},
            "-b": option(choices=("pyo3", "pyo3-ffi", "cffi", "uniffi", "bin")),
        },
    ),
    "clap/typos": Facts(
        34,
        (("PATH", 0, None),),
        fields={
            "--color": option(choices=("auto", "always", "never"), default="auto", group="Output")
        },
    ),
    "clap/zizmor": Facts(
        28,
        (("INPUT", 1, None),),
        fields={
            "--fix": option(least=0, style="equals", choices=("safe", "unsafe-only", "all")),
            "--persona": option(choices=("auditor", "pedantic", "regular"), default="regular"),
            "--collect": option(repeatable=True, default="default", group="Input Options"),
        },
    ),
    "clap/taplo": Facts(12, (("FILES", 0, None),), fields={"--colors": option(default="auto")}),
    # OptionParser of Ruby, optparse of Python
    "optionparser/asciidoctor": Facts(
        25,
        (("FILE", 1, None),),
        fields={"-b": option(), "-o": option(type="path"), "-v": flag()},
    ),
    "optionparser/puma": Facts(
        30,
        (("rackup-file", 1, 1),),
        fields={"-t": option(default="0:16"), "--redirect-stderr": option(type="path")},
    ),
    "optionparser/ronn": Facts(
        19, (("file", 1, None),), fields={"--manual": option(style="equals"), "-w": flag()}
    ),
    "optionparser/rspec": Facts(
        31,
        (("files", 0, None),),
        fields={
            "-e": option(repeatable=True),
            "--fail-fast": option(least=0, style="equals"),
            "-P": option(default="spec/**/*_spec.rb"),
        },
    ),
    "optionparser/sass": Facts(
        26,
        (("INPUT", 0, 1), ("OUTPUT", 0, 1)),
        fields={"--precision": option(default="10", group="Miscellaneous"), "-t": option()},
    ),
    "optionparser/yt-dlp": Facts(
        250,
        (("URL", 1, None),),
        fields={
            "-R": option(default="10", group="Download Options"),
            "--alias": option(least=2, most=2, repeatable=True),
            "--no-mtime": flag(),
        },
    ),
    # getopt, GNU
    "getopt/ls": Facts(
        60,
        (("FILE", 0, None),),
        fields={
            "--color": option(least=0, style="equals"),
            "-a": flag(),
            "-w": option(style="equals"),
        },
    ),
    "getopt/cut": Facts(11, (("FILE", 0, None),), fields={"-d": option(metavar="DELIM")}),
    "getopt/gawk": Facts(28, (("file", 1, None),), fields={"-f": option(names=("-f", "--file"))}),
    "getopt/sort": Facts(31, (("FILE", 0, None),), fields={"-k": option(names=("-k", "--key"))}),
    "getopt/grep": Facts(
        49,
        (("PATTERNS", 1, 1), ("FILE", 0, None)),
        fields={
            "-e": option(style="equals"),
            "-A": option(type="integer", group="Context control"),
        },
    ),
    "getopt/sed": Facts(
        15,
        fields={"-i": option(least=0), "-E": flag()},
        positionals=(("script-only-if-no-other-script", 1, 1), ("input-file", 0, None)),
    ),
    "getopt/diff": Facts(
        50,
        (("FILES", 1, None),),
        fields={"-U": option(default="3"), "-q": flag(), "--tabsize": option(default="8")},
    ),
    "getopt/gzip": Facts(
        19, (("FILE", 0, None),), fields={"-S": option(metavar="SUF"), "-1": flag()}
    ),
    "getopt/wget": Facts(
        151, (("URL", 0, None),), fields={"-O": option(type="path", group="Download"), "-q": flag()}
    ),
    "getopt/tar": Facts(
        158,
        (("FILE", 0, None),),
        fields={"-g": option(type="path"), "-z": flag(group="Compression options")},
    ),
    "getopt/curl": Facts(
        249,
        (("url", 1, 1),),
        fields={"-o": option(type="path"), "-d": option(), "-x": option(least=0)},
    ),
    "getopt/rsync": Facts(154, (("SRC", 1, None), ("DEST", 1, 1)), fields={"-a": flag()}),
    "getopt/xargs": Facts(
        21,
        (("COMMAND", 1, 1), ("INITIAL-ARGS", 0, None)),
        fields={"-d": option(style="equals"), "-t": flag()},
    ),
    # R's optparse
    "r_optparse/example": Facts(
        7,
        fields={
            "-c": option(type="integer", default="5", style="equals"),
            "--generator": option(default="rnorm"),
            "--mean": option(default="0"),
        },
    ),
    "r_optparse/display_file": Facts(2, (("file", 1, 1),)),
    # usage texts of their own
    "plain/bwa": Facts(0, subcommands=14, some=("index", "mem")),
    "plain/bwa-mem": Facts(
        36,
        (("idxbase", 1, 1), ("in1.fq", 1, 1), ("in2.fq", 0, 1)),
        fields={
            "-t": option(type="integer", default="1", group="Algorithm options"),
            "-o": option(type="path", default="stdout"),
        },
    ),
    "plain/bedtools-intersect": Facts(29, fields={"-a": option(required=True), "-wa": flag()}),
    "plain/node": Facts(
        150,
        (("script.js", 0, 1), ("arguments", 0, 1)),
        fields={"-e": option(style="equals"), "-c": flag()},
    ),
    "plain/samtools": Facts(0, subcommands=38, some=("dict", "sort", "view")),
    "plain/jq": Facts(
        16,
        (("jq-filter", 1, 1), ("file", 0, None)),
        fields={"--arg": option(least=2, most=2), "-n": flag()},
    ),
    "plain/sqlite3": Facts(
        39,
        (("FILENAME", 1, 1), ("SQL", 0, 1)),
        fields={"-header": flag(off="-noheader"), "-separator": option(default="|")},
    ),
    "plain/rdfind": Facts(16, (("FILE", 1, None),), fields={"-minsize": option(type="integer")}),
    "plain/git": Facts(
        18, (("command", 1, 1), ("args", 0, 1)), fields={"-C": option(type="path"), "-p": flag()}
    ),
    "plain/lz4": Facts(
        31,
        fields={"-D": option(type="path"), "-B": option(style="attached")},
        positionals=(("arg", 0, 1), ("input", 0, 1), ("output", 0, 1)),
    ),
    "plain/zstd": Facts(
        55,
        (("INPUT", 0, None),),
        fields={
            "--sparse": flag(off="--no-sparse"),
            "--long": option(least=0, style="equals"),
            "-T": option(style="attached"),
        },
    ),
    "plain/xz": Facts(
        15, (("FILE", 0, None),), fields={"-T": option(type="integer"), "-k": flag()}
    ),
    "plain/perl": Facts(
        27,
        (("programfile", 0, 1), ("arguments", 0, 1)),
        fields={"-i": option(least=0, style="attached"), "-n": flag()},
    ),
    "plain/python": Facts(
        25, (("arg", 0, None),), fields={"-m": option(metavar="mod"), "-B": flag()}
    ),
}
