"""The installation on this host, for commands of its operator."""

import os
import subprocess
import sys
from collections.abc import Mapping

from cli.up import environment
from shared.process import settings_or_exit
from shared.settings import Settings


def environ() -> Mapping[str, str]:
    """What its processes are told, from now on in our own environment: boto3 looks for its variables there."""
    os.environ.update(environment(os.environ))
    return os.environ


def settings() -> Settings:
    """What every process of it knows; the command ends with a sentence for each that is wrong."""
    return settings_or_exit(Settings, environ())


def carry_out(module: str, *arguments: str) -> None:
    """Run a service's own program; where it fails, this process ends as it did."""
    argv = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(argv, env=environment(os.environ), check=False)
    if done.returncode:
        sys.exit(done.returncode)
