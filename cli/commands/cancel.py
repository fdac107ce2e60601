"""`toolyard cancel`: stop a run."""

import click

from cli.output import message
from cli.resources import V1
from cli.session import api


@click.command()
@click.argument("run")
def cancel(run: str) -> None:
    """End RUN: the program gets TERM, and KILL ten seconds later; what it wrote is kept."""
    with api() as platform:
        platform.act(f"{V1}/runs/{run}/cancel")
    message(f"{run} is being cancelled.")
