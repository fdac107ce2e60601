"""How every service process starts and ends."""

import signal
import sys
from collections.abc import Mapping
from types import FrameType, TracebackType
from typing import Protocol, TypeVar

from pydantic import ValidationError

from shared.secret_store import SecretsUnavailable
from shared.settings import Settings

S = TypeVar("S", bound=Settings)


class Service(Protocol):
    """Work that goes on until it is told to stop."""

    def run(self) -> None: ...

    def stop(self) -> None: ...


def settings_or_exit(kind: type[S], environ: Mapping[str, str]) -> S:
    """The settings, or the end of the process with a sentence for each one that is wrong."""
    sys.excepthook = _say_why
    try:
        return kind.read(environ)
    except ValidationError as error:
        for problem in error.errors():
            name = "TOOLYARD_" + "_".join(str(part) for part in problem["loc"]).upper()
            told = problem["msg"].removeprefix("Value error, ")
            sys.stderr.write(f"{name}: {told}.\n")
        sys.exit(2)


def _say_why(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """A secret that cannot be had is the operator's to mend: a sentence says more than a traceback."""
    if isinstance(error, SecretsUnavailable):
        sys.stderr.write(f"{error}\n")
    else:
        sys.__excepthook__(kind, error, trace)


def run_until_signalled(service: Service) -> None:
    """Run in the main thread; SIGTERM and SIGINT drain and then return."""

    def on_signal(number: int, frame: FrameType | None) -> None:
        service.stop()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    service.run()
