"""Bring database and bus of this installation to what the code expects; run before its processes."""

import os
import subprocess
import sys

from sqlalchemy.exc import OperationalError

from shared import bus_open, objects_open
from shared.migrate import migrate
from shared.process import settings_or_exit
from shared.settings import Settings


def main() -> int:
    settings = settings_or_exit(Settings, os.environ)
    try:
        settings.data.mkdir(parents=True, exist_ok=True)
        migrate(settings.database_url_with_login)
    except OperationalError as error:
        print(f"The database does not answer: {error.orig}", file=sys.stderr)
        return 1
    if "--database-only" not in sys.argv[1:]:  # a stack makes its queues itself
        bus_open.provision(settings.bus_url)
        objects_open.provision(settings.objects_url, [settings.url])
        if os.environ.get("TOOLYARD_MAIL_URL", "").startswith("ses:"):
            # Mails can wait for whoever may prepare SES: the platform starts all the same.
            subprocess.run([sys.executable, "-m", "notifier.admin", "provision"], check=False)
        objects_open.provision_people(settings)
    return 0


if __name__ == "__main__":
    sys.exit(main())
