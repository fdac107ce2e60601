"""`toolyard completion`: what a shell needs to complete our commands."""

import click
from click.shell_completion import get_completion_class

from cli.failures import Failure


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def completion(shell: str) -> None:
    """Print a completion script, for example: eval "$(toolyard completion bash)"."""
    from cli.__main__ import toolyard

    kind = get_completion_class(shell)
    if kind is None:
        raise Failure(f"no completion for {shell}")
    click.echo(kind(toolyard, {}, "toolyard", "_TOOLYARD_COMPLETE").source())
