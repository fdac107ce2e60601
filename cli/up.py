"""The embedded platform: web, utility, builder and runner of one data folder, under one supervisor.

Only the standard library is imported here, and the work that needs more is done in processes that
end: this one stays, and its memory counts.
"""

import argparse
import fcntl
import http.client
import os
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from cli import servers
from cli.groups import Followed, WebProcesses, Workers
from cli.servers import ServerMissing
from cli.supervisor import Child, Supervisor
from shared.bounds import Bounds

READY_SECONDS = 60.0


class Refused(Exception):
    """The platform cannot start; the message says why and what to do."""


def generated_settings(file: Path) -> dict[str, str]:
    """`NAME=value` lines that set-up wrote for this host; a missing file has none."""
    if not file.is_file():
        return {}
    lines = (line.strip() for line in file.read_text().splitlines())
    pairs = (line.partition("=") for line in lines if line and not line.startswith("#"))
    return {name: value for name, _, value in pairs}


RUNNING = "running.env"
"""Settings that hold only while the platform runs: where its own servers listen."""


def environment(environ: Mapping[str, str], *, running: bool = True) -> dict[str, str]:
    """What every process of the platform gets; what the operator set goes before what set-up found."""
    data = Path(environ.get("TOOLYARD_DATA") or "data").absolute()
    return {
        **generated_settings(data / "build.env"),
        **(generated_settings(data / RUNNING) if running else {}),
        # Each arena of glibc's malloc costs megabytes; our threads mostly wait.
        "MALLOC_ARENA_MAX": "2",
        **environ,
        "TOOLYARD_DATA": str(data),
        "TOOLYARD_PORT": environ.get("TOOLYARD_PORT") or "8080",
        "PYTHONUNBUFFERED": "1",
    }


def lock(data: Path) -> int:
    """Hold the data folder for this process until it ends; refuses when another one holds it."""
    data.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(data / "toolyard.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.read(descriptor, 32).decode().strip()
        os.close(descriptor)
        raise Refused(
            f"Toolyard already runs on the data folder {data} (process {holder}). "
            "Stop it first, or choose another folder with TOOLYARD_DATA and another TOOLYARD_PORT."
        ) from None
    os.ftruncate(descriptor, 0)
    os.write(descriptor, f"{os.getpid()}\n".encode())
    return descriptor


def check_port(port: int) -> None:
    """Refuse when something else listens there."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise Refused(
                f"Port {port} is taken by another program. Choose a free one with TOOLYARD_PORT."
            ) from None


NOT_FOR_WORKERS = ("TOOLYARD_DATABASE_", "PG", "TOOLYARD_MAIL_", "TOOLYARD_LIMITS")
"""Workers run hostile code one bug away: what opens the database or sends mail is not told to them."""


def children(python: str) -> dict[str, Child]:
    """The platform's processes in the order they start, one of each; a drain may take as long as `grace`."""
    return {
        "web": Child("web", [python, "-m", "web"], grace=15),
        "utility": Child("utility", [python, "-m", "utility"], grace=15),
        "janitor": Child(
            "janitor", [python, "-m", "runner_service.janitor"], grace=15, hidden=NOT_FOR_WORKERS
        ),
        "builder": Child(
            "builder", [python, "-m", "builder_service"], grace=90, hidden=NOT_FOR_WORKERS
        ),
        "runner": Child(
            "runner", [python, "-m", "runner_service"], grace=90, hidden=NOT_FOR_WORKERS
        ),
    }


WORKERS = ("janitor", "builder", "runner")


def groups(
    supervisor: Supervisor, environ: Mapping[str, str], started: list[str]
) -> tuple[dict[str, Workers], WebProcesses | None]:
    """What there may be several of, among the processes that are to be started (docs/scale.md)."""
    workers: dict[str, Workers] = {}
    for name in ("builder", "runner"):
        if name in started:
            bounds = _bounds(environ, f"TOOLYARD_{name.upper()}S")
            workers[name] = Workers(name, bounds, partial(_named, name))
    webs = _bounds(environ, "TOOLYARD_WEBS")
    web = next((child for child in supervisor.children if child.name == "web"), None)
    if web is None or webs.most < 2:
        return workers, None
    return workers, WebProcesses(web, webs, partial(answers, int(environ["TOOLYARD_PORT"])))


def _named(kind: str, name: str) -> Child:
    """Another process of a kind."""
    return replace(children(sys.executable)[kind], name=name, group=kind)


def _bounds(environ: Mapping[str, str], name: str) -> Bounds:
    try:
        return Bounds.parse(environ.get(name) or "1")
    except ValueError as error:
        raise Refused(f"{name}: {error}.") from None


def _port(environ: Mapping[str, str]) -> int:
    text = environ["TOOLYARD_PORT"]
    if not (text.isascii() and text.isdigit() and 0 < int(text) < 1 << 16):
        raise Refused(f"TOOLYARD_PORT is {text[:40]!r}; it must be a number from 1 to 65535.")
    return int(text)


def answers(port: int) -> bool:
    """Whether web says that it is ready."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=2)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="toolyard up", description=__doc__)
    parser.add_argument("--profile", choices=("embedded", *servers.PROFILES), default="embedded")
    parser.add_argument("--only", help="start only these processes, comma-separated")
    options = parser.parse_args(arguments)
    environ = environment(os.environ, running=False)
    try:
        only = options.only.split(",") if options.only else None
        return _up(environ, only, servers.PROFILES.get(options.profile))
    except (Refused, ServerMissing) as refused:
        print(refused, file=sys.stderr)
        return 1


def _up(environ: Mapping[str, str], only: list[str] | None, profile: servers.Profile | None) -> int:
    for name in ("TOOLYARD_RUNNERS", "TOOLYARD_BUILDERS", "TOOLYARD_WEBS"):
        _bounds(environ, name)
    port = _port(environ)
    known = children(sys.executable)
    wanted = only if only is not None else list(known)
    if unknown := sorted(set(wanted) - set(known)):
        raise Refused(f"--only knows {', '.join(known)}, and not {', '.join(unknown)}.")
    data = Path(environ["TOOLYARD_DATA"])
    held = lock(data)
    (data / RUNNING).unlink(missing_ok=True)  # of servers that were killed with their platform
    supervisor = Supervisor(environ)
    supervisor.catch_signals()
    try:
        if "web" in wanted:
            check_port(port)
        if profile is not None:
            _start_servers(supervisor, profile)
        supervisor.say("preparing database and queues")
        if _run_quietly(supervisor, [sys.executable, "-m", "cli.prepare"]) != 0:
            raise Refused("The database or the queues could not be prepared; see the lines above.")
        if "web" in wanted:
            supervisor.start(known["web"])
        if "utility" in wanted:
            supervisor.start(known["utility"])
        workers = [name for name in WORKERS if name in wanted]
        if workers and not supervisor.stopping:
            supervisor.say("checking that this host can keep programs in their sandbox")
            if _run_quietly(supervisor, [sys.executable, "-m", "cli", "doctor", "--brief"]) != 0:
                supervisor.say("builder and runner are NOT started: see `toolyard doctor`")
                workers = []
        ready = "web" not in wanted or supervisor.wait_for(lambda: answers(port), READY_SECONDS)
        if not ready and not supervisor.stopping:
            supervisor.say(f"web does not answer on port {port} after {READY_SECONDS:g} s")
        if "janitor" in workers and not supervisor.stopping:
            supervisor.start(known["janitor"])
        several, webs = groups(supervisor, environ, workers)
        followed = Followed(supervisor, data, several, webs)
        for group in several.values():
            if not supervisor.stopping:
                group.begin(supervisor)
        if not supervisor.stopping:
            supervisor.say(f"Toolyard is up: http://127.0.0.1:{port}/  (Ctrl-C stops it)")
        supervisor.run(followed.follow, followed.seconds)
    finally:
        supervisor.stop()
        supervisor.close()
        (data / RUNNING).unlink(missing_ok=True)
        os.close(held)
    return 0


def _start_servers(supervisor: Supervisor, profile: servers.Profile) -> None:
    made = profile(supervisor.environ)
    supervisor.environ.update(made.settings)
    supervisor.told.update(made.told)
    # Commands on this host, such as `toolyard admin`, find the same servers.
    path = Path(supervisor.environ["TOOLYARD_DATA"]) / RUNNING
    path.touch(mode=0o600)
    path.write_text("".join(f"{name}={value}\n" for name, value in made.settings.items()))
    for child in made.children:
        supervisor.start(child)
    if not supervisor.wait_for(made.answer, READY_SECONDS) and not supervisor.stopping:
        raise Refused("The database or the messages' server did not start; see the lines above.")


def _run_quietly(supervisor: Supervisor, argv: list[str]) -> int:
    """Run a step to its end while the supervisor keeps the rest alive; it prints for itself."""
    with subprocess.Popen(argv, env=supervisor.environ, stdin=subprocess.DEVNULL) as process:
        try:
            while process.poll() is None and not supervisor.stopping:
                supervisor.turn(0.2)
        finally:
            if process.poll() is None:
                process.terminate()
        return process.wait()


if __name__ == "__main__":
    sys.exit(main())
