"""Starts what `deploy/`'s units say, the way systemd would: their lines, users, files and sockets.

Not played: namespaces and seccomp filters (ProtectSystem, SystemCallFilter, …) and limits by control groups.
"""

import os
import pwd
import re
import shlex
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OWN_UID = 64123
"""Stands for the user `toolyard`, whom this machine does not have."""
_OURS = ("/var/lib/toolyard", "/var/backups/toolyard", "/etc/toolyard", "/run/toolyard")


def install(folder: Path, domain: str) -> None:
    """`deploy/install.sh` with everything below `folder`."""
    done = subprocess.run(
        [ROOT / "deploy/install.sh", domain],
        env={"PATH": os.environ["PATH"], "DESTDIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def units(folder: Path) -> Path:
    return folder / "etc/systemd/system"


def read_unit(path: Path) -> dict[str, list[str]]:
    """Every value of every key, sections left out: no key of ours is in two of them."""
    found: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        name, equals, value = line.partition("=")
        if equals and not line.startswith(("#", "[")):
            found.setdefault(name, []).append(value)
    return found


def settings_in(folder: Path, environment_file: str) -> dict[str, str]:
    """What an `EnvironmentFile` below that folder says; one that is written with `-` may be missing."""
    file = Path(f"{folder}{environment_file.removeprefix('-')}")
    if environment_file.startswith("-") and not file.exists():
        return {}
    lines = [line for line in file.read_text().splitlines() if line and not line.startswith("#")]
    return {name: value for name, _, value in (line.partition("=") for line in lines)}


class Server:
    """A host below a folder of its own: `start("toolyard-web")` runs that unit's lines."""

    def __init__(self, domain: str) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="ty-"))  # short: sockets lie below it
        self.folder.chmod(0o755)
        self.extra: dict[str, str] = {}
        """What this test machine needs beside the units' own environment."""
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._sockets: list[socket.socket] = []
        install(self.folder, domain)
        self._own()

    def path(self, text: str) -> Path:
        """Where a path of the server lies here."""
        return Path(f"{self.folder}{text}")

    def here(self, text: str) -> str:
        """A text whose paths of the server are those below our folder."""
        return re.sub(rf"(?<![\w.])({'|'.join(_OURS)})", rf"{self.folder}\1", text)

    def set(self, file: str, **settings: str) -> None:
        """Change a settings file, as its operator would."""
        path = self.path(f"/etc/toolyard/{file}")
        kept = settings_in(self.folder, f"/etc/toolyard/{file}") | settings
        path.write_text("".join(f"{name}={value}\n" for name, value in kept.items()))

    def _own(self) -> None:
        """The owners that `install.sh` gives where it may."""
        script = (ROOT / "deploy/install.sh").read_text()
        owned = re.findall(r"^owned \d+ (\w+):(\w+) (\S+)$", script, re.MULTILINE)
        assert len(owned) >= 8
        for user, group, place in owned:
            self._give(self.path(place), user, group)
        self._give(self.path("/var/lib/toolyard/secrets/worker-token"), "toolyard", "toolyard")

    def _give(self, path: Path, user: str, group: str) -> None:
        mode = path.stat().st_mode & 0o7777
        os.chown(path, _uid(user), _uid(group))
        path.chmod(mode)

    def environment(self, unit: Mapping[str, list[str]]) -> dict[str, str]:
        """What a unit's processes get, and no more than that and `extra`."""
        found = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}
        for file in unit.get("EnvironmentFile", []):
            found |= {k: self.here(v) for k, v in settings_in(self.folder, file).items()}
        return {**found, **self.extra}

    def command(self, unit: Mapping[str, list[str]], line: str) -> list[str]:
        """An Exec line with its variables, under the unit's user, group, umask and capabilities."""
        environment = self.environment(unit)
        for name, value in environment.items():
            line = line.replace(f"${{{name}}}", value)
        argv = shlex.split(self.here(line))
        become = ["setpriv", "--no-new-privs"]
        user = unit.get("User", ["root"])[0]
        if user == "root":
            caps = unit.get("CapabilityBoundingSet", [""])[0].split()
            assert "NoNewPrivileges" not in unit or caps
            if caps:
                named = ",".join("+" + cap.removeprefix("CAP_").lower() for cap in caps)
                become += ["--bounding-set", f"-all,{named}", "--inh-caps", "-all"]
        else:
            group = _uid(unit["Group"][0])
            become += [f"--reuid={_uid(user)}", f"--regid={group}", "--clear-groups"]
            # An interpreter in a home folder is out of reach of services; the installed one is not.
            sees = "+dac_read_search" if not _is_public(ROOT / ".venv/bin/python") else "-all"
            become += ["--inh-caps", f"-all,{sees}" if sees != "-all" else sees]
            become += ["--ambient-caps", f"-all,{sees}" if sees != "-all" else sees]
        return ["sh", "-c", f'umask {unit["UMask"][0]}; exec "$@"', "sh", *become, "--", *argv]

    def run(self, name: str, *, timeout: float = 300) -> "subprocess.CompletedProcess[bytes]":
        """A oneshot unit to its end."""
        unit = read_unit(units(self.folder) / f"{name}.service")
        (line,) = unit["ExecStart"]
        return self._once(unit, line, timeout)

    def _once(
        self, unit: Mapping[str, list[str]], line: str, timeout: float = 120
    ) -> "subprocess.CompletedProcess[bytes]":
        return subprocess.run(
            self.command(unit, line),
            env=self.environment(unit),
            cwd=unit["WorkingDirectory"][0],
            capture_output=True,
            timeout=timeout,
            check=False,
        )

    def start(self, name: str) -> None:
        """A service with its ExecStartPre lines and, where there is one, its socket as descriptor 3."""
        unit = read_unit(units(self.folder) / f"{name}.service")
        for line in unit.get("ExecStartPre", []):
            done = self._once(unit, line)
            assert done.returncode == 0, f"{name}: {line}: {done.stderr.decode()}"
        (line,) = unit["ExecStart"]
        command, passed = self.command(unit, line), ()
        listening = units(self.folder) / f"{name}.socket"
        if listening.exists():
            found = self._listen(read_unit(listening))
            passed = (found.fileno(),)
            hand_over = f"exec 3<&{found.fileno()}; LISTEN_FDS=1 LISTEN_PID=$$ exec "
            command = ["bash", "-c", hand_over + '"$@"', "sh", *command]
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                command,
                env=self.environment(unit),
                cwd=unit["WorkingDirectory"][0],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=passed,
            )

    def _listen(self, unit: Mapping[str, list[str]]) -> socket.socket:
        path = self.path(unit["ListenStream"][0])
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(path))
        os.chown(path, _uid(unit["SocketUser"][0]), _uid(unit["SocketGroup"][0]))
        path.chmod(int(unit["SocketMode"][0], 8))
        listening.listen(int(unit["Backlog"][0]))
        self._sockets.append(listening)
        return listening

    def log(self, name: str) -> str:
        path = self.folder / f"{name}.log"
        return path.read_text(errors="replace") if path.exists() else ""

    def pid(self, name: str) -> int:
        return self._running[name].pid

    def wait(
        self, ready: Callable[[], object], seconds: float, what: str | Callable[[], str]
    ) -> None:
        """Until `ready()`; fails with the logs when it never is."""
        end = time.monotonic() + seconds
        while not ready():
            ended = [name for name, one in self._running.items() if one.poll() is not None]
            if ended or time.monotonic() > end:
                tails = "\n".join(f"== {n}\n{self.log(n)[-3000:]}" for n in self._running)
                told = what if isinstance(what, str) else what()
                raise AssertionError(f"{told}: ended: {ended}; logs:\n{tails}")
            time.sleep(0.1)

    def stop(self, name: str) -> int:
        """SIGTERM to the main process, as KillMode=mixed does; its exit code."""
        unit = read_unit(units(self.folder) / f"{name}.service")
        process = self._running.pop(name)
        process.terminate()
        try:
            return process.wait(int(unit["TimeoutStopSec"][0]))
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(10)
            raise

    def close(self) -> None:
        for name in reversed(list(self._running)):
            self.stop(name)
        for listening in self._sockets:
            listening.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def _uid(name: str) -> int:
    return OWN_UID if name == "toolyard" else pwd.getpwnam(name).pw_uid


def _is_public(program: Path) -> bool:
    """Whether any user may reach and execute it."""
    links: Iterator[Path] = iter([program.absolute(), program.resolve()])
    return all(
        part.stat().st_mode & 0o001
        for path in links
        for part in (path.parent, *path.parent.parents)
    )
