"""`toolyard bus`: topics and queues, and the messages that nobody could handle."""

from collections.abc import Iterator
from contextlib import contextmanager

import click

from cli import installation
from cli.failures import Failure
from cli.output import message, print_json
from shared import bus_open
from shared.bus import Bus
from shared.topology import MAIL_FEEDBACK, QUEUES

QUEUE = click.argument("queue", type=click.Choice((*QUEUES, MAIL_FEEDBACK)))


@contextmanager
def _bus() -> Iterator[Bus]:
    settings = installation.settings()
    try:
        opened = bus_open.open_bus(settings.bus_url, settings.data)
    except ValueError as error:
        raise Failure(str(error)) from error
    try:
        yield opened
    finally:
        opened.close()


@click.group()
def bus() -> None:
    """The message bus of this installation (TOOLYARD_BUS_URL, TOOLYARD_DATA)."""


@bus.command()
def provision() -> None:
    """Make topics, queues, subscriptions, policies and dead-letter queues; safe to repeat."""
    settings = installation.settings()
    try:
        bus_open.provision(settings.bus_url)
    except ValueError as error:
        raise Failure(str(error)) from error
    message(f"{bus_open.shown(settings.bus_url)} is ready: {', '.join(QUEUES)}")


@bus.command("dead-letters")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def dead_letters(as_json: bool) -> None:
    """Messages that no handler could take, by queue."""
    url = installation.settings().bus_url
    # What SES tells comes by SNS; no other bus has that queue.
    queues = [*QUEUES, MAIL_FEEDBACK] if url.startswith("sns-sqs:") else QUEUES
    with _bus() as opened:
        found = [letter for queue in queues for letter in opened.dead_letters(queue)]
    if as_json:
        print_json([vars(letter) for letter in found])
        return
    for letter in found:
        click.echo(f"{letter.queue}  {letter.id}  {letter.receives} receives  {letter.body}")
    if not found:
        message("There are no dead letters.")


@bus.command()
@QUEUE
def redrive(queue: str) -> None:
    """Put a queue's dead letters back to be handled again; safe to repeat."""
    with _bus() as opened:
        moved = opened.redrive(queue)
    message(f"{moved} message{'' if moved == 1 else 's'} moved back to {queue}.")
