"""`toolyard tools` and `toolyard runs`."""

from itertools import islice

import click

from cli.output import print_json, table
from cli.resources import V1
from cli.session import api

JSON = click.option("--json", "as_json", is_flag=True, help="Print a JSON list.")
LIMIT = click.option("--limit", type=click.IntRange(min=1), default=200, show_default=True)


@click.command()
@JSON
@LIMIT
def tools(as_json: bool, limit: int) -> None:
    """List the tools that you can see."""
    with api() as platform:
        found = list(islice(platform.items(f"{V1}/tools"), limit))
    for tool in found:
        tool["name"] = tool["tool"]
    if as_json:
        print_json(found)
    else:
        table(found, ["name", "version", "state", "link", "description"])


@click.command()
@JSON
@LIMIT
def runs(as_json: bool, limit: int) -> None:
    """List your runs, newest first."""
    with api() as platform:
        found = list(islice(platform.items(f"{V1}/runs"), limit))
    if as_json:
        print_json(found)
    else:
        table(found, ["id", "tool", "version", "state", "exit_code", "seconds", "line"])
