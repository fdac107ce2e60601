"""The whole platform as real processes, with a data folder and a port of its own."""

import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from cli.servers import free_port
from cli.up import environment, generated_settings

ROOT = Path(__file__).parent.parent
START_SECONDS = 120.0
STOP_SECONDS = 120.0

MODULES = {
    "web": "web",
    "utility": "utility",
    "janitor": "runner_service.janitor",
    "builder": "builder_service",
    "runner": "runner_service",
}


class Platform:
    """`toolyard up` on `folder`; a context manager that leaves no process, container or network behind.

    `settings` are `TOOLYARD_…` variables without that prefix, in lower case; `allow` adds places that
    builds may reach; `environ` is anything else that its processes need (AWS's own variables).
    """

    def __init__(
        self,
        folder: Path,
        *,
        allow: tuple[str, ...] = (),
        environ: Mapping[str, str] | None = None,
        profile: str = "embedded",
        **settings: object,
    ) -> None:
        self._profile = profile
        self.folder = folder.absolute()
        self.folder.mkdir(parents=True, exist_ok=True)
        self.data = self.folder / "data"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        # What set-up found on this host serves every platform on it.
        found = generated_settings(
            Path(os.environ.get("TOOLYARD_DATA") or ROOT / "data") / "build.env"
        )
        found |= {k: v for k, v in os.environ.items() if k.startswith("TOOLYARD_BUILD_")}
        places = [*filter(None, found.get("TOOLYARD_BUILD_ALLOW", "").split(",")), *allow]
        kept = {k: v for k, v in os.environ.items() if not k.startswith("TOOLYARD_")}
        self.environ = environment(
            {
                **kept,
                **found,
                **(environ or {}),
                **{f"TOOLYARD_{name.upper()}": str(value) for name, value in settings.items()},
                "TOOLYARD_BUILD_ALLOW": ",".join(places),
                "TOOLYARD_DATA": str(self.data),
                "TOOLYARD_PORT": str(self.port),
            }
        )
        self._process: subprocess.Popen[bytes] | None = None
        self._token = ""

    @property
    def log(self) -> Path:
        """Everything that its processes printed."""
        return self.folder / "log"

    def start(self) -> Self:
        started = self.log.stat().st_size if self.log.exists() else 0
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "cli.up", "--profile", self._profile],
                cwd=ROOT,
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.wait(lambda: b"Toolyard is up" in self.log.read_bytes()[started:], START_SECONDS)
        if b"NOT started" in self.log.read_bytes()[started:]:
            raise AssertionError("this host fails `toolyard doctor`:\n" + self.log.read_text())
        return self

    def wait(self, happened: Any, seconds: float, what: str = "the platform") -> None:
        """Until `happened()`; fails with the end of the log when it never does."""
        end = time.monotonic() + seconds
        while not happened():
            over = self._process is not None and self._process.poll() is not None
            if over or time.monotonic() > end:
                why = "ended" if over else f"did not get there in {seconds:g} s"
                tail = self.log.read_text(errors="replace")[-6000:]
                raise AssertionError(f"{what} {why}; its log ends with:\n{tail}")
            time.sleep(0.1)

    def stop(self) -> None:
        """End it the way an operator does; afterwards nothing of it is left."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(30)
        self._process = None

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.stop()
            self.sweep()
            raise

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()
        self.sweep()

    @property
    def installation(self) -> str:
        """What this installation's containers, networks and images are labelled with."""
        file = self.data / "installation"
        return file.read_text().strip() if file.exists() else ""

    def left_behind(self) -> list[str]:
        """Containers and networks of this installation that still exist."""
        if not self.installation:
            return []
        label = f"label=toolyard.installation={self.installation}"
        found = []
        for command in (["ps", "--all"], ["network", "ls"]):
            found += said("docker", *command, "--quiet", "--filter", label).split()
        return found

    def sweep(self) -> None:
        """Remove what a test that failed in the middle may have left in the engine."""
        if not self.installation:
            return
        label = f"label=toolyard.installation={self.installation}"
        for listing, removal in (
            (["ps", "--all"], ["rm", "--force", "--volumes"]),
            (["network", "ls"], ["network", "rm"]),
        ):
            found = said("docker", *listing, "--quiet", "--filter", label).split()
            if found:
                said("docker", *removal, *found)

    def pid(self, name: str) -> int:
        """The process called `web`, `utility`, `janitor`, `builder` or `runner`."""
        assert self._process is not None
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        for pid in map(int, children.read_text().split()):
            argv = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            if b"-m" in argv and argv[argv.index(b"-m") + 1].decode() == MODULES[name]:
                return pid
        raise LookupError(f"{name} does not run")

    def pids(self) -> list[int]:
        """The supervisor and everything below it."""
        assert self._process is not None
        found, new = [], [self._process.pid]
        while new:
            found += new
            new = [
                int(child)
                for pid in new
                for task in Path(f"/proc/{pid}/task").iterdir()
                for child in (task / "children").read_text().split()
            ]
        return found

    def kill(self, name: str) -> None:
        """KILL; the supervisor starts it again."""
        os.kill(self.pid(name), signal.SIGKILL)

    def pause(self, name: str) -> int:
        """STOP; `os.kill(pid, signal.SIGCONT)` lets it go on."""
        pid = self.pid(name)
        os.kill(pid, signal.SIGSTOP)
        return pid

    @property
    def token(self) -> str:
        """The API token of a user made at first need."""
        if not self._token:
            self._token = self.create_user(f"user-{secrets.token_hex(4)}@example.org")["token"]
        return self._token

    def create_user(self, email: str, *, admin: bool = False) -> dict[str, str]:
        """`toolyard admin create-user`."""
        options = ["--admin"] if admin else []
        made = self.cli("admin", "create-user", email, *options, "--json", token="")
        found: dict[str, str] = json.loads(made.stdout)
        return found

    def cli(
        self,
        *arguments: str,
        token: str | None = None,
        check: bool = True,
        stdin: bytes = b"",
        timeout: float = 600,
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run `toolyard …` as a user of this platform."""
        signed_in = self.token if token is None else token
        done = subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            cwd=ROOT,
            env={**self.environ, "TOOLYARD_URL": self.url, "TOOLYARD_TOKEN": signed_in},
            input=stdin,
            capture_output=True,
            timeout=timeout,
            check=False,
        )
        if check and done.returncode != 0:
            tail = self.log.read_text(errors="replace")[-4000:]
            raise AssertionError(
                f"toolyard {' '.join(arguments)} exited with {done.returncode}:\n"
                f"{done.stdout.decode(errors='replace')}{done.stderr.decode(errors='replace')}\n"
                f"the platform's log ends with:\n{tail}"
            )
        return done

    def json(self, *arguments: str, **options: Any) -> Any:
        """The JSON that a command prints."""
        return json.loads(self.cli(*arguments, **options).stdout)

    def http(self, token: str | None = None) -> httpx.Client:
        """The REST API, signed in."""
        bearer = self.token if token is None else token
        return httpx.Client(
            base_url=self.url, headers={"Authorization": f"Bearer {bearer}"}, timeout=30
        )


def said(*argv: str) -> str:
    """What a command prints; an error is nothing said."""
    return subprocess.run(argv, capture_output=True, text=True, check=False).stdout
