"""`toolyard add`: a tool from a Git link."""

import sys
from typing import TextIO

import click

from cli import wishes
from cli.follow import to_the_end
from cli.output import Phases, message, print_json
from cli.resources import V1
from cli.session import api

PRINTED = (
    "tool",
    "version",
    "id",
    "state",
    "commit",
    "image",
    "commands",
    "plan",
    "plans_tried",
    "reason",
)


@click.command()
@click.argument("link")
@click.option("--name", help="What the tool is called; without it the repository's name.")
@click.option("--ref", help="Branch, tag or commit.")
@click.option("--folder", help="The folder of the repository that holds the tool.")
@click.option("--command", help="Which of its commands comes first.")
@click.option("--runtime", help="python, node, c, …; without it found by looking.")
@click.option("--network", help="off, internet, or HOST,…: whom the tool may reach.")
@click.option(
    "--plan",
    "plan_file",
    type=click.File(),
    help="A toolyard.yaml instead of the repository's own.",
)
@click.option("--private", is_flag=True, help="Only you can see and run it.")
@click.option("--wait", is_flag=True, help="Wait until it is ready or has failed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def add(
    link: str,
    name: str | None,
    ref: str | None,
    folder: str | None,
    command: str | None,
    runtime: str | None,
    network: str | None,
    plan_file: TextIO | None,
    private: bool,
    wait: bool,
    as_json: bool,
) -> None:
    """Build a tool from LINK, the address of a Git repository.

    With --wait the exit code is 0 only if the tool is ready.
    """
    given = {
        "link": link,
        "name": name,
        "ref": ref,
        "folder": folder,
        "command": command,
        "runtime": runtime,
        "overrides": wishes.text_of(plan_file) if plan_file else None,
        "network": wishes.network(network) if network else None,
    }
    body = {key: value for key, value in given.items() if value is not None}
    with api() as platform:
        tool = platform.create(f"{V1}/tools", {**body, "private": private})
        place = f"{V1}/tools/{tool['tool_id']}/versions/{tool['version']}"
        if wait:
            with Phases(f"building {tool['tool']}") as phases:
                to_the_end(platform, f"{V1}/builds/{tool['build_id']}/events", phases)
            tool = {**platform.get(place), "id": tool["tool_id"]}
        address = f"{platform.url}/tools/{tool['tool_id']}"
    if as_json:
        print_json({key: tool.get(key) for key in PRINTED})
    elif tool["state"] == "ready":
        click.echo(f"{tool['tool']}@{tool['version']} is ready: {address}")
        for found in tool["commands"]:
            message(f"  {found['name']}  ({found['evidence']})")
    elif not wait:
        click.echo(f"{tool['tool']}@{tool['version']} is being built: {address}")
    if wait and tool["state"] != "ready":
        message(f"toolyard: {tool['tool']} is not ready. {tool['reason']}")
        sys.exit(1)
