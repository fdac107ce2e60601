"""`toolyard plan`: how a repository would be built, without building it."""

import click

from cli import installation


@click.command()
@click.argument("source")
@click.option("--ref", help="Branch, tag or commit.")
@click.option("--folder", help="The folder of the repository that holds the tool.")
@click.option("--command", help="Which of its commands comes first.")
@click.option("--runtime", help="python, node, c, …; without it found by looking.")
@click.option(
    "--plan",
    "plan_file",
    type=click.Path(exists=True, dir_okay=False),
    help="A toolyard.yaml instead of the repository's own.",
)
@click.option("--yaml", "as_yaml", is_flag=True, help="Print the plan as a toolyard.yaml.")
@click.option("--json", "as_json", is_flag=True, help="Print the plan as JSON.")
@click.option("--dockerfile", is_flag=True, help="Print it as a Dockerfile.")
def plan(
    source: str,
    ref: str | None,
    folder: str | None,
    command: str | None,
    runtime: str | None,
    plan_file: str | None,
    as_yaml: bool,
    as_json: bool,
    dockerfile: bool,
) -> None:
    """Show what would be done with SOURCE, a Git link or a folder on this machine."""
    given = {
        "--ref": ref,
        "--folder": folder,
        "--command": command,
        "--runtime": runtime,
        "--plan": plan_file,
    }
    options = [word for name, value in given.items() if value for word in (name, value)]
    flags = {"--json": as_json, "--yaml": as_yaml, "--dockerfile": dockerfile}
    options += [name for name, wanted in flags.items() if wanted]
    # Plans are the builder's: its own program makes them, in a process of its own.
    installation.carry_out("builder_service.preview", *options, "--", source)
