"""A tool's streams passed to our own, byte by byte."""

import os
import sys


def pass_through(stream: str, data: bytes) -> None:
    """Standard output to ours, standard error to ours; a reader that is gone ends us quietly."""
    target = sys.stdout.buffer if stream == "stdout" else sys.stderr.buffer
    try:
        target.write(data)
        target.flush()
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
