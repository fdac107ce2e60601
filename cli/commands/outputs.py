"""`toolyard outputs`: everything that a run left."""

from collections.abc import Callable, Iterator
from pathlib import Path

import click

from cli.output import bytes_moved, message
from cli.outputs_folder import write
from cli.resources import V1, log_parts
from cli.session import api


@click.command()
@click.argument("run")
@click.option("--dir", "folder", required=True, type=click.Path(path_type=Path, file_okay=False))
def outputs(run: str, folder: Path) -> None:
    """Write RUN's streams and files to a folder: stdout, stderr, and its outputs below files/."""
    with api() as platform:
        for stream in ("stdout", "stderr"):
            write(folder, stream, log_parts(platform, run, stream))
        (folder / "files").mkdir(exist_ok=True)
        found = list(platform.items(f"{V1}/runs/{run}/outputs"))
        with bytes_moved("downloading", sum(output["size"] for output in found)) as moved:
            for output in found:
                data = platform.download(f"{V1}/runs/{run}/outputs/{output['n']}")
                write(folder / "files", output["path"], _told(data, moved))
    message(f"{len(found)} file{'' if len(found) == 1 else 's'}, stdout and stderr: {folder}")


def _told(data: Iterator[bytes], moved: Callable[[int], None]) -> Iterator[bytes]:
    for piece in data:
        moved(len(piece))
        yield piece
