"""`toolyard logs`: what a run wrote."""

import click

from cli.follow import to_the_end
from cli.resources import V1, log_parts
from cli.session import api
from cli.streams import pass_through


@click.command()
@click.argument("run")
@click.option("--follow", is_flag=True, help="Go on until the run has ended.")
def logs(run: str, follow: bool) -> None:
    """Print RUN's standard output to ours and its standard error to ours, byte by byte."""
    with api() as platform:
        if follow:
            to_the_end(platform, f"{V1}/runs/{run}/events", sink=pass_through)
            return
        for stream in ("stderr", "stdout"):
            for part in log_parts(platform, run, stream):
                pass_through(stream, part)
