"""`toolyard files`: what you have uploaded, and its end."""

from itertools import islice

import click

from cli.commands.lists import JSON, LIMIT
from cli.output import message, print_json, table
from cli.resources import V1
from cli.session import api


@click.group(invoke_without_command=True)
@JSON
@LIMIT
@click.pass_context
def files(context: click.Context, as_json: bool, limit: int) -> None:
    """List the files that you keep, newest first, and how many runs took each."""
    if context.invoked_subcommand is not None:
        return
    with api() as platform:
        found = list(islice(platform.items(f"{V1}/files"), limit))
        room = platform.get(f"{V1}/files", limit=1)
    if as_json:
        print_json(found)
    else:
        table(found, ["id", "name", "size", "runs"])
    message(f"{room['stored_bytes']:,} of {room['most_bytes']:,} bytes that your plan keeps.")


@files.command()
@click.argument("file", nargs=-1, required=True)
def delete(file: tuple[str, ...]) -> None:
    """Delete FILEs (their ids); runs that took them keep their results."""
    with api() as platform:
        for one in file:
            platform.remove(f"{V1}/files/{one}")
            message(f"{one} is deleted.")
