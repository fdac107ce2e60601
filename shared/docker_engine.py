"""A connection to the Docker engine that is opened once, and its failures in our words."""

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import requests
import urllib3
from docker import APIClient
from docker.errors import APIError, DockerException

from shared.containers import ContainerGone, EngineRefused, EngineUnavailable
from shared.docker_log import frames
from shared.work import Stream
from shared.written import TooDeep, Written

DEFAULT_SOCKET = "unix:///var/run/docker.sock"
_CHANGE = b'"Kind":'
"""Begins what the engine tells of one changed file; in a name the quotes would be escaped."""
_QUICK = 60
_SLOW = 900
"""Seconds for calls that write whole images or stop programs."""


@contextmanager
def calling() -> Iterator[None]:
    """Around every call: the SDK's exceptions become the port's."""
    try:
        yield
    except APIError as error:
        text = error.explanation or str(error)
        if error.is_server_error():
            raise EngineUnavailable(f"The container engine failed: {text}") from error
        raise EngineRefused(f"The container engine refused: {text}") from error
    except (
        requests.exceptions.RequestException,
        urllib3.exceptions.HTTPError,
        DockerException,
        OSError,
    ) as error:
        raise EngineUnavailable(f"The container engine does not answer: {error}") from error


class DockerEngine:
    """Opened at first use; safe in threads."""

    def __init__(self, url: str) -> None:
        self.socket = url
        self._lock = threading.Lock()
        self._opened: tuple[APIClient, APIClient] | None = None
        self._apparmor = False

    def _clients(self) -> tuple[APIClient, APIClient]:
        with self._lock:
            if self._opened is None:
                with calling():
                    self._reach()
                    quick = APIClient(base_url=self.socket, version="auto", timeout=_QUICK)
                    options = quick.info().get("SecurityOptions") or []
                    slow = APIClient(base_url=self.socket, version=quick.api_version, timeout=_SLOW)
                for client in (
                    quick,
                    slow,
                ):  # no proxy lies before it, so that no call looks for one
                    client.trust_env = False
                self._apparmor = any("name=apparmor" in option for option in options)
                self._opened = quick, slow
            return self._opened

    def _reach(self) -> None:
        """A plain connection first: the SDK leaves its socket open where this fails."""
        path = self.socket.removeprefix("unix://")
        if path != self.socket:
            with socket.socket(socket.AF_UNIX) as probe:
                probe.connect(path)

    @property
    def quick(self) -> APIClient:
        """For calls that answer at once."""
        return self._clients()[0]

    @property
    def slow(self) -> APIClient:
        """For calls that may take minutes."""
        return self._clients()[1]

    @property
    def apparmor(self) -> bool:
        self._clients()
        return self._apparmor

    def close(self) -> None:
        with self._lock:
            for client in self._opened or ():
                client.close()
            self._opened = None

    def info(self) -> dict[str, Any]:
        """What the engine says of itself and of its parts."""
        with calling():
            found: dict[str, Any] = self.quick.info()
            return found | {"Components": self.quick.version().get("Components", [])}

    def _url(self, name: str, what: str) -> str:
        api = self.quick
        return f"{api.base_url}/v{api.api_version}/containers/{name}/{what}"

    def written(self, name: str) -> Written:
        """The size of a container's own layer, where its folder is not ours to read; nothing for one that is gone."""
        with (
            calling(),
            self.slow.get(self._url(name, "json"), params={"size": "1"}) as response,
        ):
            size = int(response.json().get("SizeRw") or 0) if response.status_code == 200 else 0
        if size < 0:  # its paths are too long for the engine
            raise TooDeep
        return Written(size, self._changed(name))

    def _changed(self, name: str) -> int:
        """How many files the engine names as changed; 0 while they change under its eyes."""
        count, rest = 0, b""
        with calling(), self.slow.get(self._url(name, "changes"), stream=True) as response:
            if response.status_code == 200:
                for data in response.iter_content(1 << 16):
                    rest += data
                    count += rest.count(_CHANGE)
                    rest = rest[1 - len(_CHANGE) :]
        return count

    def attach(self, name: str) -> tuple[Iterator[tuple[Stream, bytes]], Callable[[], None]]:
        """Both streams from now on, attached when this returns; and what ends them early."""
        response = self._stream("POST", name, "attach", {"stream": "1"})
        return self._read(response), response.raw.shutdown

    def log(self, name: str) -> Iterator[tuple[Stream, bytes]]:
        """All that the log holds, each entry behind its time and a blank."""
        return self._read(self._stream("GET", name, "logs", {"timestamps": "1"}))

    def _stream(
        self, method: str, name: str, what: str, params: dict[str, str]
    ) -> requests.Response:
        both = {"stdout": "1", "stderr": "1"}
        with calling():
            response: requests.Response = self.quick.request(
                *(method, self._url(name, what)),
                params=both | params,
                stream=True,
                timeout=(_QUICK, None),
            )
        if response.status_code >= 400:
            with response:
                if response.status_code == 404:
                    raise ContainerGone(name)
                raise EngineUnavailable(f"The container engine failed: {response.text}")
        return response

    @staticmethod
    def _read(response: requests.Response) -> Iterator[tuple[Stream, bytes]]:
        with calling(), response:
            yield from frames(response.raw)

    def ended(self, name: str, seconds: float | None) -> bool:
        """Whether it has ended; blocks in the engine, so that nothing has to be asked twice."""
        try:
            with (
                calling(),
                self.quick.post(
                    self._url(name, "wait"), timeout=(_QUICK, seconds), stream=True
                ) as response,
            ):
                if response.status_code == 404:
                    raise ContainerGone(name)
                _ = response.content  # the headers come at once, the body when it has ended
        except EngineUnavailable as error:
            if "Read timed out" in str(error.__cause__):
                return False
            raise
        return True
