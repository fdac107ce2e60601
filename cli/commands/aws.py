"""`toolyard aws`: the installation on AWS, one stack a stage (docs/aws.md)."""

import re
from pathlib import Path
from typing import TYPE_CHECKING

import click

from cli.aws.account import explained, sign_in
from cli.failures import Failure
from cli.output import message, print_json, table

if TYPE_CHECKING:
    from cli.aws.deploy import Stage

_ROOT = Path(__file__).parents[2]
_NAME = re.compile(r"[a-z][a-z0-9-]{1,14}")
STAGE = click.option(
    "--stage",
    type=click.Choice(["staging", "production"]),
    required=True,
    help="Which installation.",
)
NAME = click.option(
    "--name", default="toolyard", show_default=True, help="First part of all names."
)
REGION = click.option("--region", help="AWS region; default: AWS's own settings.")
SET = click.option(
    "--set",
    "values",
    metavar="NAME=VALUE",
    multiple=True,
    help="A parameter of the stack; kept until set again.",
)
WAIT = click.option(
    "--wait/--no-wait", default=True, help="Until old workers have finished their runs."
)


def _settings(values: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for value in values:
        name, sign, text = value.partition("=")
        if not sign or not name:
            raise Failure(f"--set takes NAME=VALUE, not {value!r}.", exit_code=2)
        found[name] = text
    return found


def _stage(name: str, stage: str, region: str | None) -> "Stage":
    from cli.aws.deploy import Stage

    if not _NAME.fullmatch(name):
        raise Failure(
            "--name takes 2 to 15 small letters, digits and -, a letter first.", exit_code=2
        )
    return Stage(sign_in(region), name, stage)


@click.group()
def aws() -> None:
    """Deploy to AWS, promote from staging to production, look, and take it down again."""


@aws.command()
@STAGE
@NAME
@REGION
@SET
@WAIT
def deploy(stage: str, name: str, region: str | None, values: tuple[str, ...], wait: bool) -> None:
    """Make this checkout what staging runs."""
    from cli.aws import deploy as use_case

    if stage != "staging":
        raise Failure(
            "Production gets what staging runs and nothing else: toolyard aws promote --stage production."
        )
    settings = _settings(values)
    with explained():
        digest = use_case.deploy(_stage(name, stage, region), _ROOT, settings, message, wait=wait)
    print_json({"stage": stage, "release": digest})


@aws.command()
@STAGE
@click.option(
    "--from",
    "origin",
    default="staging",
    show_default=True,
    type=click.Choice(["staging", "production"]),
)
@NAME
@REGION
@SET
@WAIT
def promote(
    stage: str, origin: str, name: str, region: str | None, values: tuple[str, ...], wait: bool
) -> None:
    """Give a stage the very release that another one runs."""
    from cli.aws import deploy as use_case

    if stage == origin:
        raise Failure("A stage cannot be promoted to itself.", exit_code=2)
    settings = _settings(values)
    with explained():
        to, source = _stage(name, stage, region), _stage(name, origin, region)
        digest = use_case.promote(to, source, settings, message, wait=wait)
    print_json({"stage": stage, "release": digest})


@aws.command()
@STAGE
@NAME
@REGION
@click.option("--json", "as_json", is_flag=True, help="All of it as one object.")
def status(stage: str, name: str, region: str | None, as_json: bool) -> None:
    """Release, machines, queues and alarms."""
    from cli.aws import deploy as use_case

    with explained():
        found = use_case.status(_stage(name, stage, region))
    if as_json:
        print_json(found)
        return
    for key in ("stack", "state", "release", "commit", "url", "balancer"):
        if found.get(key):
            click.echo(f"{key:9} {found[key]}")
    for group, columns in (
        ("groups", ["group", "desired", "in_service", "least", "most"]),
        ("queues", ["queue", "waiting", "dead"]),
    ):
        if found.get(group):
            click.echo()
            table([{k: str(v) for k, v in row.items()} for row in found[group]], columns)
    for alarm in found.get("alarms", []):
        click.echo(f"ALARM     {alarm}")


@aws.command()
@STAGE
@NAME
@REGION
@click.option(
    "--with-data", is_flag=True, help="Also objects, images, snapshots and the sealing key."
)
@click.option(
    "--confirm", metavar="STAGE", help="The stage's name, instead of typing it when asked."
)
def destroy(
    stage: str, name: str, region: str | None, with_data: bool, confirm: str | None
) -> None:
    """Take a stage down; its data stays unless you say otherwise."""
    from cli.aws import deploy as use_case

    what = "the machines AND ALL DATA" if with_data else "the machines; the data stays"
    with explained():
        place = _stage(name, stage, region)
        if confirm is None:
            confirm = click.prompt(
                f"This ends {place.prefix} in account {place.account.number}: {what}. Type {stage} to go on",
                default="",
                show_default=False,
                err=True,
            )
        if confirm != stage:
            raise Failure(f"Nothing was done: {confirm!r} is not {stage!r}.")
        left = use_case.destroy(place, message, with_data=with_data)
    for one in left:
        message(f"  left: {one}")
    print_json({"stage": stage, "left": left})
