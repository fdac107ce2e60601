"""`toolyard run`: a tool with arguments and files."""

import contextlib
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from cli import exit_codes, wishes
from cli.api import Api
from cli.failures import Failure
from cli.follow import to_the_end
from cli.output import Phases, message, print_json
from cli.resources import V1, upload
from cli.session import api
from cli.streams import pass_through

PRINTED = (
    "id",
    "tool",
    "version",
    "command",
    "argv",
    "state",
    "exit_code",
    "signal",
    "reason",
    "seconds",
)


@click.command(context_settings={"ignore_unknown_options": False})
@click.argument("tool")
@click.option("--command", help="Another command of the same tool.")
@click.option(
    "--input", "files", multiple=True, type=click.Path(path_type=Path), help="A file for the tool."
)
@click.option("--stdin", help="A file for its standard input, or - for yours.")
@click.option("--env", multiple=True, help="NAME=VALUE in its environment.")
@click.option("--timeout", type=click.IntRange(min=1), help="Seconds until it is ended.")
@click.option("--network", help="No wider than the tool's: off, internet, or HOST,…")
@click.option("--wait", is_flag=True, help="Wait for its end; its exit code becomes ours.")
@click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object instead of its output."
)
@click.argument("args", nargs=-1, type=click.UNPROCESSED)
def run(
    tool: str,
    command: str | None,
    files: tuple[Path, ...],
    stdin: str | None,
    env: tuple[str, ...],
    timeout: int | None,
    network: str | None,
    wait: bool,
    as_json: bool,
    args: tuple[str, ...],
) -> None:
    """Run TOOL (or TOOL@VERSION) with everything after -- as its arguments.

    Exit codes with --wait: the tool's own up to 123; 124 timed out; 125 an error of ours; 128+n ended
    by signal n.
    """
    name, version = wishes.tool_and_version(tool)
    chosen = wishes.inputs(files)
    body: dict[str, Any] = {"tool": name, "argv": list(args), "env": wishes.environment(env)}
    optional = {
        "version": version,
        "command": command,
        "timeout": timeout,
        "network": wishes.network(network) if network else None,
    }
    body |= {key: value for key, value in optional.items() if value is not None}
    with api() as platform:
        body["inputs"] = [
            {"file_id": upload(platform, path, base), "name": base} for base, path in chosen.items()
        ]
        with _standard_input(stdin) as given:
            if given is not None:
                body["stdin"] = upload(platform, given, "stdin")
        started = platform.create(f"{V1}/runs", body)
        if wait:
            _follow(platform, started["id"], live=not as_json)
            started = platform.get(f"{V1}/runs/{started['id']}")
        address = f"{platform.url}/runs/{started['id']}"
    if as_json:
        outputs = [{k: o[k] for k in ("path", "size", "sha256")} for o in started["outputs"]]
        print_json({**{key: started.get(key) for key in PRINTED}, "outputs": outputs})
    elif not wait:
        click.echo(started["id"])
        message(f"It is on its way: {address}")
    else:
        _tell(started, address)
    if wait:
        code = exit_codes.of_run(started["state"], started["exit_code"], started["signal"])
        if code == exit_codes.OURS:
            exited = started["exit_code"]
            how = f"it exited with {exited}" if exited else started["state"]
            message(f"toolyard: {started['reason'] or how}")
        sys.exit(code)


def _follow(platform: Api, run_id: str, *, live: bool) -> None:
    """Until its end; Ctrl-C stops the waiting, not the run."""
    try:
        with Phases(f"run {run_id}") as phases:
            path = f"{V1}/runs/{run_id}/events"
            to_the_end(platform, path, phases, pass_through if live else None)
    except KeyboardInterrupt:
        message(f"\nThe run goes on; `toolyard cancel {run_id}` ends it.")
        sys.exit(128 + signal.SIGINT)


def _tell(run: Any, address: str) -> None:
    seconds = f" in {run['seconds']:.2f} s" if run["seconds"] is not None else ""
    reason = f": {run['reason']}" if run["reason"] else ""
    message(f"{run['state']}{seconds}{reason}  {address}")
    for output in run["outputs"]:
        message(f"  {output['path']}  {output['size']} bytes")
    if run["outputs"]:
        message(f"`toolyard outputs {run['id']} --dir FOLDER` downloads them.")


@contextlib.contextmanager
def _standard_input(given: str | None) -> Iterator[Path | None]:
    """The file to send; ours is written to a file first, since a retry sends it again."""
    if given is None:
        yield None
    elif given != "-":
        if not Path(given).is_file():
            raise Failure(f"there is no file {given} for standard input", exit_codes.OURS)
        yield Path(given)
    else:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "stdin"
            with path.open("wb") as target, os.fdopen(0, "rb", closefd=False) as source:
                shutil.copyfileobj(source, target)
            yield path
