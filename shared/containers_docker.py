"""Sandboxes by the Docker engine: create, watch, stop, remove; nothing is copied in or out through it."""

import math
import os
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Literal, Protocol

from docker.errors import APIError

from shared import sandbox_flags
from shared.container_files import ContainerFiles
from shared.containers import (
    ContainerGone,
    EngineRefused,
    EngineUnavailable,
    Exit,
    ImageGone,
    NetworkRefused,
    Sandbox,
    Status,
)
from shared.docker_engine import DEFAULT_SOCKET, DockerEngine, calling
from shared.docker_images import DockerImages
from shared.docker_log import LogReader
from shared.egress import Egress, parse_allow
from shared.installation import installation_id
from shared.work import Stream
from shared.written import Written, measure

_POLL = 0.2
"""Seconds between two looks into the log of a container that another process started."""
_USUALLY_BESIDE = 1 << 16
_STATES: dict[str, Literal["created", "running", "exited"]] = {
    "created": "created",
    "running": "running",
    "paused": "running",
    "restarting": "running",
}


class NetworkRules(Protocol):
    """The packet filter around sandboxes of one kind."""

    def bridge(self, sandbox: Sandbox) -> str:
        """The interface name of this sandbox's network."""
        ...

    def admit(self, sandbox: Sandbox) -> dict[str, str]:
        """Prove that the rules stand, open what it may reach; names pinned to their addresses."""
        ...

    def forget(self, name: str) -> None:
        """Close what `admit` opened for this sandbox."""
        ...


def connect(
    data: Path, *, allow: str = "", socket: str = DEFAULT_SOCKET, runtime: str | None = None
) -> "DockerContainers":
    """The containers of the installation in `data`; opened at first use.

    `allow` is an operator's `host:port,…` that builds may reach although private; runs never.
    """
    installation = installation_id(data)
    return DockerContainers(
        installation,
        files=data / "sandbox",
        rules={
            "run": Egress(installation, "run"),
            "build": Egress(installation, "build", allow=parse_allow(allow)),
        },
        socket=socket,
        runtime=runtime,
    )


def _when(text: str) -> float:
    """Seconds since 1970 of the engine's time, which has nanoseconds."""
    whole, _, fraction = text.rstrip("Z").partition(".")
    seconds = datetime.fromisoformat(whole + "+00:00").timestamp()
    return seconds + (float("0." + fraction) if fraction else 0.0)


def _written_beside(found: dict[str, Any]) -> Written:
    """What was added to the files that the engine itself binds into a container: root may, in a build.

    They lie on the host's disk, beside what the container's own layer holds.
    """
    size = 0
    for which in ("HostsPath", "HostnamePath", "ResolvConfPath"):
        with suppress(OSError):
            now = Path(found.get(which) or "").stat()
            size += max(now.st_size, now.st_blocks * 512)
    return Written(size if size > _USUALLY_BESIDE else 0)


def _exit(state: dict[str, Any]) -> Exit:
    seconds = _when(state["FinishedAt"]) - _when(state["StartedAt"])
    return Exit(int(state["ExitCode"]), bool(state["OOMKilled"]), max(0.0, seconds))


class DockerContainers(DockerImages):
    """The containers port on one engine, for one installation."""

    def __init__(
        self,
        installation: str,
        *,
        files: Path,
        rules: Mapping[str, NetworkRules],
        socket: str = DEFAULT_SOCKET,
        runtime: str | None = None,
    ) -> None:
        super().__init__(installation, DockerEngine(socket))
        self._files = ContainerFiles(files)
        self.rules = rules
        self._runtime = runtime
        self._lock = threading.Lock()
        self._fresh: set[str] = set()
        """Created by this process and not started: nobody else may start them."""
        self._listening: dict[str, list[Callable[[], None]]] = {}
        """What ends the streams that were opened before the start."""
        self._offline: set[str] = set()
        """Created by this process without a network: none has to be removed."""

    def without_rules(self, rules: NetworkRules) -> "DockerContainers":
        """The same engine with other rules; for the doctor's control probe only."""
        return DockerContainers(
            self.installation,
            files=self._files.folder,
            rules={"run": rules},
            socket=self._engine.socket,
        )

    def address(self, name: str) -> str:
        """The address of a running sandbox in its own network."""
        found = self._find(name)
        if found is None:
            raise ContainerGone(name)
        networks = found["NetworkSettings"]["Networks"].values()
        return next((str(each["IPAddress"]) for each in networks), "")

    def close(self) -> None:
        self._engine.close()

    def info(self) -> dict[str, Any]:
        """What the engine says of itself."""
        return self._engine.info()

    # --- containers

    def create(self, sandbox: Sandbox) -> None:
        hosts: dict[str, str] = {}
        if sandbox.network.mode != "off":
            hosts = self._make_network(sandbox)
        body = sandbox_flags.create_body(
            sandbox,
            installation=self.installation,
            env_path=self._files.environment(sandbox),
            own_names=self._files.names(sandbox),
            hosts=hosts,
            runtime=self._runtime,
            apparmor=self._engine.apparmor,
        )
        with calling():
            try:
                self._engine.quick.create_container_from_config(body, sandbox.name)  # type: ignore[no-untyped-call]
            except APIError as error:
                if error.status_code == 404:
                    raise ImageGone(sandbox.image) from error
                if error.status_code != 409:
                    raise
                if self._find(sandbox.name) is None:
                    raise EngineRefused(
                        f"A container that is not ours is called {sandbox.name}."
                    ) from error
                return
        with self._lock:
            self._fresh.add(sandbox.name)
            if sandbox.network.mode == "off":
                self._offline.add(sandbox.name)

    def _make_network(self, sandbox: Sandbox) -> dict[str, str]:
        rules = self.rules.get(sandbox.kind)
        if rules is None:
            raise NetworkRefused(f"No packet filter is set up for a {sandbox.kind} with a network.")
        hosts = rules.admit(sandbox)
        with calling():
            try:
                self._engine.quick.create_network(
                    sandbox_flags.network_name(sandbox.name),
                    driver="bridge",
                    check_duplicate=True,
                    internal=False,
                    enable_ipv6=False,
                    labels=sandbox_flags.labels(sandbox, self.installation),
                    options={
                        "com.docker.network.bridge.name": rules.bridge(sandbox),
                        "com.docker.network.bridge.enable_icc": "false",
                        "com.docker.network.bridge.host_binding_ipv4": "127.0.0.1",
                    },
                )
            except APIError as error:
                if error.status_code != 409:
                    raise
        return hosts

    def start(self, name: str) -> None:
        with self._lock:
            fresh = name in self._fresh
            self._fresh.discard(name)
        if not fresh:
            found = self._find(name)
            if found is None:
                raise ContainerGone(name)
            if found["State"]["Status"] != "created":
                return
        with calling():
            try:
                self._engine.quick.start(name)
            except APIError as error:
                if error.status_code == 404 and "No such container" in str(error):
                    raise ContainerGone(name) from error
                if "OCI runtime" in str(error) or "error while creating mount" in str(error):
                    raise EngineRefused(f"The program could not be started: {error}") from error
                raise

    def output(self, name: str) -> Iterator[tuple[Stream, bytes]]:
        with self._lock:  # so that a start cannot slip in before we listen
            if name in self._fresh:
                live, end = self._engine.attach(name)
                self._listening.setdefault(name, []).append(end)
                return self._live(name, live)
        return self._from_log(name)

    def _live(
        self, name: str, attached: Iterator[tuple[Stream, bytes]]
    ) -> Iterator[tuple[Stream, bytes]]:
        yield from attached
        self._engine.ended(name, None)

    def _from_log(self, name: str) -> Iterator[tuple[Stream, bytes]]:
        """The log, read again and again: an engine that follows it may leave out lines."""
        found = self._find(name)
        if found is None:
            raise ContainerGone(name)
        ended = not found["State"]["Running"]
        reader = LogReader()
        while True:
            begun = time.monotonic()
            yield from reader.new(self._engine.log(name))
            if ended:
                return
            took = time.monotonic() - begun
            ended = self._engine.ended(name, max(_POLL, 5 * took))

    def wait(self, name: str, seconds: float) -> Exit | None:
        if seconds > 0 and not self._engine.ended(name, seconds):
            return None
        found = self._find(name)
        if found is None:
            raise ContainerGone(name)
        state = found["State"]
        return _exit(state) if state["Status"] in ("exited", "dead") else None

    def stop(self, name: str, grace: float) -> None:
        with calling():
            try:
                self._engine.slow.stop(name, timeout=math.ceil(grace))
            except APIError as error:
                if error.status_code != 404:
                    raise

    def _find(self, name: str) -> dict[str, Any] | None:
        """The engine's record of a container of ours, or None."""
        with calling():
            try:
                found: dict[str, Any] = self._engine.quick.inspect_container(name)
            except APIError as error:
                if error.status_code == 404:
                    return None
                raise
        ours = found["Config"]["Labels"].get(sandbox_flags.INSTALLATION) == self.installation
        return found if ours else None

    def status(self, name: str) -> Status | None:
        found = self._find(name)
        if found is None:
            return None
        state = _STATES.get(found["State"]["Status"], "exited")
        labels = {
            key.removeprefix(sandbox_flags.LABEL): value
            for key, value in found["Config"]["Labels"].items()
            if key.startswith(sandbox_flags.LABEL) and value
        }
        exit_ = _exit(found["State"]) if state == "exited" else None
        return Status(found["Name"].removeprefix("/"), state, labels, exit_)

    def written(self, name: str, most: Written) -> Written:
        found = self._find(name)
        if found is None:
            return Written()
        folder = ((found.get("GraphDriver") or {}).get("Data") or {}).get("UpperDir")
        if folder and os.access(folder, os.R_OK | os.X_OK):
            with suppress(FileNotFoundError):  # removed meanwhile
                return measure(Path(folder), most) + _written_beside(found)
        return self._engine.written(name) + _written_beside(found)

    def remove(self, name: str) -> None:
        with calling():
            try:
                self._engine.quick.remove_container(name, force=True, v=True)
            except APIError as error:
                if error.status_code == 409:  # somebody else is removing it
                    self._wait_gone(name)
                elif error.status_code != 404:
                    raise
        with self._lock:
            never_started = name in self._fresh
            self._fresh.discard(name)
            listening = self._listening.pop(name, [])
            offline = name in self._offline
            self._offline.discard(name)
        if never_started:
            for end in listening:  # the engine leaves them open for ever
                with suppress(OSError, ValueError):
                    end()
        self._files.forget(name)
        if not offline and self._remove_network(sandbox_flags.network_name(name)):
            for rules in self.rules.values():
                rules.forget(name)

    def _wait_gone(self, name: str) -> None:
        for _ in range(100):
            if self._find(name) is None:
                return
            time.sleep(0.1)
        raise EngineUnavailable(f"The container {name} does not go away.")

    def _remove_network(self, network: str) -> bool:
        """Whether there was one."""
        for attempt in range(20):
            with calling():
                try:
                    self._engine.quick.remove_network(network)
                except APIError as error:
                    if error.status_code == 404:
                        return attempt > 0
                    if error.status_code != 403 or attempt == 19:
                        raise
                else:
                    return True
            time.sleep(0.1)  # its last endpoint is still being taken down
        return False

    def list(self, labels: dict[str, str]) -> list[Status]:
        wanted = {sandbox_flags.INSTALLATION: self.installation} | {
            sandbox_flags.LABEL + key: value for key, value in labels.items()
        }
        filters = {"label": [f"{key}={value}" for key, value in wanted.items()]}
        with calling():
            found = self._engine.quick.containers(all=True, filters=filters)
        each = (self.status(item["Names"][0].removeprefix("/")) for item in found)
        return [status for status in each if status is not None]

    def commit(self, name: str, tag: str, *, env: dict[str, str], labels: dict[str, str]) -> str:
        found = self._find(name)
        if found is None:
            raise ContainerGone(name)
        # an empty value hides the container's own labels, which containers of the image would inherit
        blank = {
            key: "" for key in found["Config"]["Labels"] if key.startswith(sandbox_flags.LABEL)
        }
        ours = {sandbox_flags.LABEL + key: value for key, value in labels.items()}
        conf = {
            "Env": [f"{key}={value}" for key, value in env.items()],
            "Labels": blank | {sandbox_flags.INSTALLATION: self.installation} | ours,
            "Cmd": [],
            "Entrypoint": [],
        }
        repository, _, version = tag.rpartition(":")
        with calling():
            made = self._engine.slow.commit(
                name, repository=repository, tag=version, pause=False, conf=conf
            )
        return str(made["Id"])
