"""Debian's nginx with `deploy/`'s site, on ports of 127.0.0.1 and in a folder of its own."""

import re
import socket
import subprocess
import time
from pathlib import Path

from cli.servers import free_port
from tests.deploy.unit_files import Server


class Nginx:
    """Serves the installed site; only ports, addresses and folders are other than on a server."""

    def __init__(self, server: Server) -> None:
        self.http, self.https = free_port(), free_port()
        self.folder = server.folder / "nginx"
        self.bodies = self.folder / "bodies"
        self.folder.mkdir(mode=0o755)
        site = server.path("/etc/nginx/sites-enabled/toolyard").read_text()
        site = re.sub(r"^\s*listen \[::\].*\n", "", site, flags=re.MULTILINE)
        site = re.sub(r"listen 80\b", f"listen 127.0.0.1:{self.http}", site)
        site = re.sub(r"listen 443\b", f"listen 127.0.0.1:{self.https}", site)
        site = server.here(site).replace("/var/cache/nginx/toolyard", f"{self.folder}/cache")
        site = site.replace("/var/log/nginx/", f"{self.folder}/")
        (self.folder / "site").write_text(site)
        temporary = "".join(
            f"{name}_temp_path {self.folder}/{name};\n"
            for name in ("proxy", "fastcgi", "uwsgi", "scgi")
        )
        self.configuration = self.folder / "nginx.conf"
        self.configuration.write_text(
            f"user www-data;\nworker_processes 1;\npid {self.folder}/pid;\n"
            f"error_log {self.folder}/error.log;\nevents {{}}\n"
            "http {\n include /etc/nginx/mime.types;\n access_log off;\n"
            f" client_body_temp_path {self.bodies};\n {temporary}\n"
            f" include {self.folder}/site;\n}}\n"
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        command = ["/usr/sbin/nginx", "-c", str(self.configuration), "-p", str(self.folder)]
        tested = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
        assert tested.returncode == 0, tested.stderr
        assert "[warn]" not in tested.stderr, tested.stderr
        self._process = subprocess.Popen([*command, "-g", "daemon off;"])
        end = time.monotonic() + 30
        while not all(map(_answers, (self.http, self.https))):
            assert self._process.poll() is None, "nginx ended: is its port taken?"
            assert time.monotonic() < end, "nginx does not listen"
            time.sleep(0.05)

    def kept_bodies(self) -> list[str]:
        """Request bodies that it has put on its disk (the names are gone, the descriptors are not)."""
        assert self._process is not None
        tasks = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        links = [
            link.readlink().as_posix()
            for pid in tasks.read_text().split()
            for link in Path(f"/proc/{pid}/fd").iterdir()
        ]
        return [link for link in links if link.startswith(str(self.bodies))]

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(20)
            self._process = None


def _answers(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True
