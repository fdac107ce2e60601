"""`toolyard up`: the platform on this machine."""

import os
import sys

import click


@click.command()
@click.option(
    "--profile",
    type=click.Choice(["embedded", "team", "aws"]),
    default="embedded",
    show_default=True,
    help="embedded: SQLite, nothing to install; team: PostgreSQL and RabbitMQ; "
    "aws: PostgreSQL and emulated SNS, SQS, S3 and SES.",
)
@click.option("--only", help="Start only these processes, comma-separated.")
def up(profile: str, only: str | None) -> None:
    """Start web, utility, builder and runner, and keep them alive until Ctrl-C.

    TOOLYARD_PORT (8080) and TOOLYARD_DATA (./data) let several installations run side by side.
    """
    arguments = ["--profile", profile, *(["--only", only] if only else [])]
    # The supervisor stays in memory: it replaces this process instead of carrying click along.
    os.execv(sys.executable, [sys.executable, "-m", "cli.up", *arguments])  # noqa: S606
