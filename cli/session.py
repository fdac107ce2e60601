"""The signed-in API of a command."""

import os

from cli.api import Api
from cli.settings import account, config_file


def api() -> Api:
    """The platform that environment and `toolyard login` name."""
    return Api(account(os.environ, config_file()))
