"""`toolyard doctor`: can this host keep programs in their sandbox?"""

import os
import subprocess
import sys

import click

from cli.up import environment


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--brief", is_flag=True, help="Print only what stands in the way of work.")
def doctor(as_json: bool, brief: bool) -> None:
    """Start probes in sandboxes and tell whether the sandbox holds; exit 0 only if work may be done.

    Nothing is sent to the real network: forbidden addresses are played by listeners of our own.
    """
    options = ["--json"] if as_json else []
    # Probes and rules are the engine adapter's matter; this process only shows what they say.
    with subprocess.Popen(
        [sys.executable, "-m", "shared.doctor", *options],
        env=environment(os.environ),
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if not brief or line.startswith("FAIL"):
                click.echo(line, nl=False, err=brief)
    sys.exit(process.returncode)
