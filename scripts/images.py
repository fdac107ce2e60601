"""`make images`: the base images now, with the settings of this host, instead of at the first build."""

import os
import subprocess
import sys

from cli.up import environment

if __name__ == "__main__":
    argv = [sys.executable, "-m", "builder_service.make_bases"]
    sys.exit(subprocess.run(argv, env=environment(os.environ), check=False).returncode)
