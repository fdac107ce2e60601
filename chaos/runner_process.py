"""A runner as its own process, to be killed; and a look at what it leaves on the host."""

import os
import secrets
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from docker import APIClient

from chaos.real_web import RealWeb
from shared.containers_docker import DockerContainers
from shared.egress import Egress
from shared.installation import installation_id
from shared.quota import Quotas

ROOT = Path(__file__).parent.parent
_SOCKET = "unix:///var/run/docker.sock"


class RunnerProcess:
    """`python -m runner_service` for one installation; started, killed and started again."""

    def __init__(self, web: RealWeb, slots: int, **settings: object) -> None:
        self._web = web
        self._state = web.data / "runner"
        self._settings = {"runner_slots": slots, **settings}
        self._process: subprocess.Popen[bytes] | None = None
        self.log = web.data / "runner.log"
        self._ready_before = 0

    def start(self, crash: str = "") -> None:
        """`crash` arms a crash point: `name:nth`."""
        settings = {
            **self._settings,
            "data": self._web.data,
            "url": self._web.url,
            "runner_state": self._state,
            "crash": crash,
        }
        kept = {k: v for k, v in os.environ.items() if not k.startswith("TOOLYARD_")}
        self._ready_before = self._ready_lines()
        environ = {f"TOOLYARD_{k.upper()}": str(v) for k, v in settings.items()}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "runner_service"],
                cwd=ROOT,
                env={**kept, **environ},
                stdout=log,
                stderr=log,
            )

    def wait_ready(self, seconds: float = 30.0) -> None:
        """Until it has adopted what was left, or is dead."""
        until = time.monotonic() + seconds
        while self._ready_lines() <= self._ready_before and not self.is_dead():
            if time.monotonic() > until:
                raise TimeoutError("the runner did not get ready: " + self.log.read_text()[-2000:])
            time.sleep(0.02)

    def _ready_lines(self) -> int:
        return self.log.read_bytes().count(b"runner_ready") if self.log.exists() else 0

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def wait_dead(self, seconds: float) -> int:
        assert self._process is not None
        return self._process.wait(seconds)

    def is_dead(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def kill(self) -> None:
        """As the kernel's out-of-memory killer does."""
        if not self.is_dead():
            os.kill(self.pid, signal.SIGKILL)
            self.wait_dead(10)

    def stop(self, seconds: float = 30.0) -> int:
        """TERM, and the exit code."""
        if not self.is_dead():
            os.kill(self.pid, signal.SIGTERM)
        return self.wait_dead(seconds)

    def lose_host(self) -> None:
        """The host burns down: process, containers, disk; the next one starts with nothing."""
        self.kill()
        host = Host(self._web.data)
        try:
            host.clear(self._state)
        finally:
            host.close()
        self._state = self._web.data / f"runner-{secrets.token_hex(4)}"

    def sweep(self) -> None:
        """End the process if it lives, and take away whatever is left."""
        self.kill()
        host = Host(self._web.data)
        try:
            host.clear(self._state)
            host.drop_rules()
        finally:
            host.close()


class Host:
    """What an installation has on this host."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._installation = installation_id(data)
        self._egress = Egress(self._installation, "run")
        self._containers = DockerContainers(
            self._installation, files=data / "containers", rules={"run": self._egress}
        )
        self._api = APIClient(base_url=_SOCKET, version="auto")

    def close(self) -> None:
        self._containers.close()
        self._api.close()

    def clear(self, state: Path) -> None:
        for status in self._containers.list({}):
            self._containers.remove(status.name)
        for work in state.glob("*/work"):
            quotas = Quotas(work)
            quotas.tidy()
            for name in quotas.names():
                quotas.remove(name)
        shutil.rmtree(state, ignore_errors=True)

    def drop_rules(self) -> None:
        self._egress.drop()

    def running(self) -> list[str]:
        return [s.name for s in self._containers.list({}) if s.state == "running"]

    def left_over(self) -> dict[str, list[str]]:
        """Containers, networks, mounts, and remembered runs; nothing of it should be there."""
        label = {"label": [f"toolyard.installation={self._installation}"]}
        mounts = Path("/proc/self/mounts").read_text().splitlines()
        found = {
            "containers": [s.name for s in self._containers.list({})],
            "networks": [n["Name"] for n in self._api.networks(filters=label)],
            "mounts": [m.split()[1] for m in mounts if str(self._data) in m],
            "images": [str(p) for p in self._data.glob("runner*/*/work/*.img")],
            "runs": [str(p) for p in self._data.glob("runner*/*/runs/*")],
        }
        return {what: things for what, things in found.items() if things}


class Starts:
    """Counts the starts of containers as the engine tells them, while it is open."""

    def __init__(self, data: Path) -> None:
        self.of: dict[str, int] = {}
        self._api = APIClient(base_url=_SOCKET, version="auto")
        label = f"toolyard.installation={installation_id(data)}"
        # the engine remembers few events, so they are listened to
        self._events = self._api.events(
            filters={"type": "container", "event": "start", "label": label}, decode=True
        )
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        for event in self._events:
            run = event["Actor"]["Attributes"]["toolyard.run"]
            self.of[run] = self.of.get(run, 0) + 1

    def close(self) -> None:
        self._events.close()
        self._thread.join(10)
        self._api.close()
