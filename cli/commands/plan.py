"""`toolyard plan`: how a repository would be built, without building it."""

import subprocess
import sys

import click


@click.command()
@click.argument("source")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
@click.option("--dockerfile", is_flag=True, help="Print it as a Dockerfile.")
def plan(source: str, as_json: bool, dockerfile: bool) -> None:
    """Show what would be done with SOURCE, a Git link or a folder on this machine."""
    options = ["--json"] if as_json else []
    options += ["--dockerfile"] if dockerfile else []
    # Plans are the builder's: its own program makes them, in a process of its own.
    argv = [sys.executable, "-m", "builder_service.show_plan", *options, "--", source]
    sys.exit(subprocess.run(argv, check=False).returncode)
