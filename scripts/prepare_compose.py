"""Before the services of compose.yaml: tables, queues, secrets for web's user, and the workers' copy of their token."""

import os
import shutil
import sys
from pathlib import Path

from cli import prepare
from shared.settings import Settings

WORKER_DATA = Path("/var/lib/toolyard-worker")
OWNER = "toolyard"


def main(worker_data: Path = WORKER_DATA, owner: str = OWNER) -> int:
    """0 when all is there; safe to repeat."""
    if (failed := prepare.main()) != 0:
        return failed
    settings = Settings.read(os.environ)
    token = settings.secret("worker-token")
    kept = worker_data / "secrets" / "worker-token"
    kept.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    kept.touch(mode=0o600)
    kept.write_text(token)
    for path in (settings.data, *settings.data.rglob("*")):
        shutil.chown(path, owner, owner)
    return 0


if __name__ == "__main__":
    sys.exit(main())
