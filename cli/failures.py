"""How a command fails: one sentence on stderr that says what to do, and an exit code."""

from typing import IO, Any

import click

from cli.output import harmless


class Failure(click.ClickException):
    """Ends the command with a sentence; the exit code is 1 unless a contract names another."""

    def __init__(self, sentence: str, exit_code: int = 1) -> None:
        super().__init__(sentence)
        self.__dict__["exit_code"] = exit_code

    def show(self, file: IO[Any] | None = None) -> None:
        click.echo(f"toolyard: {harmless(self.message)}", file=file, err=True)
