"""The git command line under limits: exact environment, exact flags, a watchdog on bytes and seconds."""

import base64
import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from threading import Event

from builder_service.failures import BuildFailed, Cancelled
from shared.git_link import GitLink
from shared.work import SourceCredential

# Old, harmless mistakes in well-known histories; everything else that fsck finds ends the fetch.
_TOLERATED = [
    "badDate",
    "badDateOverflow",
    "badEmail",
    "badFilemode",
    "badName",
    "badTimezone",
    "missingEmail",
    "missingNameBeforeEmail",
    "missingSpaceBeforeDate",
    "missingSpaceBeforeEmail",
    "multipleAuthors",
    "nullSha1",
    "zeroPaddedDate",
    "zeroPaddedFilemode",
    "missingTaggerEntry",
    "badTagName",
    "extraHeaderEntry",
]


_MEMORY = 3 << 30
"""A few bytes of a pack may ask for an object of any size."""


class GitFailed(Exception):
    """Git ended with an error; the text is the end of what it said."""


class TooBig(BuildFailed):
    """The repository passed the limit on bytes or files."""


class TooSlow(BuildFailed):
    """The repository could not be had in time."""


@dataclass(frozen=True)
class CloneLimits:
    """What one clone may take of the builder's disk and time."""

    bytes: int = 1 << 30
    files: int = 100_000
    seconds: float = 300.0


@dataclass
class Git:
    """Git in one folder, for one link, with one deadline."""

    folder: Path
    link: GitLink
    address: str
    limits: CloneLimits
    cancelled: Event = field(default_factory=Event)
    ca: Path | None = None
    proxy: str = ""
    on_progress: Callable[[], None] = lambda: None
    deadline: float = 0.0
    credential: SourceCredential | None = None

    def __post_init__(self) -> None:
        self.deadline = time.monotonic() + self.limits.seconds

    def environment(self) -> dict[str, str]:
        """All that git learns of this process."""
        env = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "HOME": str(self.folder),
            "LC_ALL": "C.UTF-8",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_SYSTEM": "/dev/null",
            "GIT_CONFIG_GLOBAL": "/dev/null",
            "GIT_ATTR_NOSYSTEM": "1",
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "/bin/false",
            "SSH_ASKPASS": "/bin/false",
            "GIT_SSH_COMMAND": "/bin/false",
            "GIT_ALLOW_PROTOCOL": self.link.scheme,
            "GIT_PROTOCOL_FROM_USER": "0",
            "GIT_LFS_SKIP_SMUDGE": "1",
            "GIT_OPTIONAL_LOCKS": "0",
            "GIT_CEILING_DIRECTORIES": str(self.folder.parent),
        }
        if self.ca is not None:
            env["GIT_SSL_CAINFO"] = str(self.ca)
        return env | self._authorization()

    def _authorization(self) -> dict[str, str]:
        """The credential as a header for this one host, in the environment: arguments are seen by all."""
        shown = self.credential
        if shown is None or shown.host != self.link.authority:
            return {}
        pair = f"{shown.username}:{shown.secret.get_secret_value()}".encode()
        return {
            "GIT_CONFIG_COUNT": "1",
            "GIT_CONFIG_KEY_0": f"http.{self.link.url}.extraHeader",
            "GIT_CONFIG_VALUE_0": f"Authorization: Basic {base64.b64encode(pair).decode()}",
        }

    def argv(self, *arguments: str) -> list[str]:
        """The whole command: file size limit, hardening flags, then what is asked."""
        shown = f"[{self.address}]" if ":" in self.address else self.address
        flags = {
            "core.hooksPath": "/dev/null",
            "core.fsmonitor": "false",
            "core.protectHFS": "true",
            "core.protectNTFS": "true",
            "core.autocrlf": "false",
            "core.symlinks": "true",
            "core.packedGitLimit": "256m",
            "core.bigFileThreshold": "16m",
            "credential.helper": "",
            "init.templateDir": "",
            "init.defaultBranch": "main",
            "protocol.version": "2",
            "protocol.allow": "never",
            f"protocol.{self.link.scheme}.allow": "always",
            "http.followRedirects": "false",
            "http.proxy": self.proxy,
            "http.lowSpeedLimit": "1000",
            "http.lowSpeedTime": "30",
            "transfer.fsckObjects": "true",
            "fetch.fsckObjects": "true",
            "fetch.unpackLimit": "1",
            "fetch.writeCommitGraph": "false",
            "fetch.recurseSubmodules": "false",
            "submodule.recurse": "false",
            "gc.auto": "0",
            "maintenance.auto": "false",
            "advice.detachedHead": "false",
            "pack.threads": "2",
        }
        if not self.proxy:  # a proxy resolves by itself, under its own rules
            flags["http.curloptResolve"] = f"{self.link.host}:{self.link.port}:{shown}"
        flags |= {f"fetch.fsck.{name}": "ignore" for name in _TOLERATED}
        settings = [word for key, value in flags.items() for word in ("-c", f"{key}={value}")]
        limits = [f"--fsize={self.limits.bytes}", f"--as={_MEMORY}", "--core=0"]
        return ["prlimit", *limits, "git", *settings, *arguments]

    def speaks_git(self) -> bool:
        """Whether the host answers in Git's protocol rather than with some web page."""
        return "packet:" in self.run("ls-remote", "--", self.link.url, trace=True)

    def run(self, *arguments: str, output_bytes: int = 64 << 20, trace: bool = False) -> str:
        """Standard output of `git <arguments>`, or what it exchanged with the host.

        Ends it with a sentence when a limit is passed.
        """
        env = self.environment() | ({"GIT_TRACE_PACKET": "1"} if trace else {})
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            process = subprocess.Popen(
                self.argv(*arguments),
                cwd=self.folder,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
            )
            try:
                self._watch(process, out.fileno(), err.fileno(), output_bytes)
            finally:
                if process.poll() is None:
                    os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
            out.seek(0)
            err.seek(max(0, os.fstat(err.fileno()).st_size - 4000))
            said = err.read().decode(errors="replace").strip()
            if process.returncode == -signal.SIGXFSZ or "File size limit exceeded" in said:
                raise self._too_big()
            if process.returncode != 0:
                raise GitFailed(said or f"git ended with {process.returncode}")
            return said if trace else out.read().decode(errors="replace")

    def _watch(
        self, process: subprocess.Popen[bytes], out: int, err: int, output_bytes: int
    ) -> None:
        pause = 0.01
        while True:
            try:
                process.wait(pause)
                ended = True
            except subprocess.TimeoutExpired:
                ended = False
            pause = min(pause * 2, 0.2)
            if self.cancelled.is_set():
                raise Cancelled
            written = os.fstat(out).st_size + os.fstat(err).st_size
            if written > output_bytes or _size(self.folder, self.limits.bytes) > self.limits.bytes:
                raise self._too_big()
            if not ended and time.monotonic() > self.deadline:
                raise TooSlow(
                    f"The repository could not be fetched within {self.limits.seconds:.0f} s. "
                    "Try again later, or use a smaller repository."
                )
            if ended:
                return
            self.on_progress()

    def _too_big(self) -> TooBig:
        return TooBig(
            f"The repository is larger than {self.limits.bytes / (1 << 20):.0f} MiB or has more than "
            f"{self.limits.files} files. Use a smaller repository."
        )


def _size(folder: Path, enough: int) -> int:
    """Bytes below `folder`; counting stops once there are more than `enough`."""
    total = 0
    stack = [folder]
    while stack and total <= enough:
        try:
            with os.scandir(stack.pop()) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        stack.append(Path(entry.path))
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        except FileNotFoundError:  # git renames its files while we look
            continue
    return total
