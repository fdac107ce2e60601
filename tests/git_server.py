"""Git over HTTP on 127.0.0.1: a folder of bare repositories behind `git http-backend`, read-only."""

import base64
import json
import os
import shutil
import ssl
import subprocess
import tarfile
import tempfile
import threading
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

WHEN = "2024-01-01T00:00:00+00:00"
"""Every commit and tag carries this time, so the same files give the same commit anywhere."""

ENVIRONMENT = {
    "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
    "HOME": "/nonexistent",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_CONFIG_SYSTEM": "/dev/null",
    # Repositories may lie in folders of another user.
    "GIT_CONFIG_COUNT": "1",
    "GIT_CONFIG_KEY_0": "safe.directory",
    "GIT_CONFIG_VALUE_0": "*",
    "GIT_AUTHOR_NAME": "An Author",
    "GIT_AUTHOR_EMAIL": "author@example.org",
    "GIT_AUTHOR_DATE": WHEN,
    "GIT_COMMITTER_NAME": "An Author",
    "GIT_COMMITTER_EMAIL": "author@example.org",
    "GIT_COMMITTER_DATE": WHEN,
}


def git(*arguments: str, folder: Path, **environment: str) -> str:
    """Run git with no configuration but our own; its standard output, stripped."""
    return subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**ENVIRONMENT, **environment},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()


def repository_from_tree(root: Path, name: str, tree: Path, *, tags: Iterable[str] = ()) -> Path:
    """The bare repository `<root>/<name>.git` whose `main` gains one commit: exactly the files in `tree`."""
    bare = (root / f"{name}.git").absolute()
    if not bare.exists():
        bare.mkdir(parents=True)
        git("init", "--quiet", "--bare", "--initial-branch=main", folder=bare)
    with tempfile.TemporaryDirectory() as scratch:
        index = {"GIT_DIR": str(bare), "GIT_INDEX_FILE": str(Path(scratch) / "index")}
        git(
            "add", "--force", "--all", ".", folder=tree, GIT_WORK_TREE=str(tree.absolute()), **index
        )
        written = git("write-tree", folder=bare, **index)
    parent = subprocess.run(
        ["git", "rev-parse", "--quiet", "--verify", "refs/heads/main"],
        cwd=bare,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    if not parent or git("rev-parse", f"{parent}^{{tree}}", folder=bare) != written:
        parents = ["-p", parent] if parent else []
        commit = git("commit-tree", written, *parents, "-m", f"Add {name}", folder=bare)
        git("update-ref", "refs/heads/main", commit, folder=bare)
    for tag in tags:
        git("tag", "--force", "--annotate", "-m", tag, tag, "main", folder=bare)
    return bare


def repository_from_files(
    root: Path,
    name: str,
    files: Mapping[str, str | bytes],
    *,
    executable: Iterable[str] = (),
    tags: Iterable[str] = (),
) -> Path:
    """Like `repository_from_tree`, from file names and contents; names in `executable` get mode 755."""
    with tempfile.TemporaryDirectory() as scratch:
        for path, content in files.items():
            file = Path(scratch) / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content.encode() if isinstance(content, str) else content)
            file.chmod(0o755 if path in set(executable) else 0o644)
        return repository_from_tree(root, name, Path(scratch), tags=tags)


def repository_from_archive(
    root: Path,
    name: str,
    archive: Path,
    *,
    without: Iterable[str] = (),
    tags: Iterable[str] = (),
) -> Path:
    """Like `repository_from_tree`, from a .tar.*, .tgz or .zip whose single top folder is left out.

    Files and folders named in `without` are removed, as if the author had never written them.
    """
    with tempfile.TemporaryDirectory() as scratch:
        tree = Path(scratch)
        if archive.suffix in (".zip", ".whl"):
            with zipfile.ZipFile(archive) as zipped:
                zipped.extractall(tree)
        else:
            with tarfile.open(archive) as tar:
                tar.extractall(tree, filter="data")
        tops = list(tree.iterdir())
        if len(tops) == 1 and tops[0].is_dir():
            tree = tops[0]
        for path in without:
            removed = tree / path
            if removed.is_dir():
                shutil.rmtree(removed)
            else:
                removed.unlink(missing_ok=True)
        return repository_from_tree(root, name, tree, tags=tags)


class GitServer:
    """Serves every `<root>/<name>.git`; use as a context manager, or `start()` and `stop()`.

    With `login` (`user:secret`) it asks for that and answers 401 to all others, as a private host does.
    `large` holds what Git LFS keeps, by digest; `large_at` is where it says that they lie, if not here;
    `large_said` is all that it says instead.
    """

    def __init__(
        self, root: Path, *, port: int = 0, login: str = "", tls: ssl.SSLContext | None = None
    ) -> None:
        self.large: dict[str, bytes] = {}
        self.large_at = ""
        self.large_said = b""
        self.scheme = "https" if tls else "http"
        self.root = root.absolute()
        self.root.mkdir(parents=True, exist_ok=True)
        backend = {"GIT_PROJECT_ROOT": str(self.root), "GIT_HTTP_EXPORT_ALL": "1"}
        handler = type(
            "Handler",
            (_Handler,),
            {"backend": {**ENVIRONMENT, **backend}, "login": login, "server_of_git": self},
        )
        self._http = _Server(("127.0.0.1", port), handler)
        if tls is not None:
            self._http.socket = tls.wrap_socket(self._http.socket, server_side=True)
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        return int(self._http.server_address[1])

    @property
    def address(self) -> str:
        """`host:port`, the way TOOLYARD_BUILD_ALLOW wants it."""
        return f"127.0.0.1:{self.port}"

    def link(self, name: str) -> str:
        """The link that people would paste for the repository of this name."""
        return f"{self.scheme}://{self.address}/{name}.git"

    def start(self) -> Self:
        self._thread.start()
        return self

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True


class _Handler(BaseHTTPRequestHandler):
    backend: Mapping[str, str] = {}
    login: str = ""
    server_of_git: GitServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(b"")

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding", "").lower() == "chunked":
            self._answer(self._chunks())
        else:
            self._answer(self.rfile.read(int(self.headers.get("Content-Length") or 0)))

    def log_message(self, format: str, *args: object) -> None:
        """Silent: the tests' output is for failures."""

    def _batch(self, asked: dict[str, list[dict[str, object]]]) -> Iterator[dict[str, object]]:
        server = self.server_of_git
        at = server.large_at or f"{server.scheme}://{server.address}/large/"
        header = {"Authorization": self.headers.get("Authorization") or "none"}
        for one in asked["objects"]:
            if one["oid"] in server.large:
                yield {**one, "actions": {"download": {"href": f"{at}{one['oid']}", "header": header}}}  # fmt: skip
            else:
                yield {**one, "error": {"code": 404, "message": "Object does not exist"}}

    def _send(self, status: int, content: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _chunks(self) -> bytes:
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _answer(self, body: bytes) -> None:
        right = "Basic " + base64.b64encode(self.login.encode()).decode()
        if self.login and self.headers.get("Authorization") != right:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="private"')
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        url = urlsplit(self.path)
        if url.path.endswith(".git/info/lfs/objects/batch"):
            found = json.dumps({"objects": list(self._batch(json.loads(body)))}).encode()
            self._send(200, self.server_of_git.large_said or found)
            return
        if url.path.startswith("/large/"):
            self._send(200, self.server_of_git.large[url.path.rpartition("/")[2]])
            return
        # http-backend believes CONTENT_LENGTH, also for a request that came in chunks.
        answer = subprocess.run(
            ["git", "http-backend"],
            input=body,
            env={
                **self.backend,
                "REQUEST_METHOD": self.command,
                "PATH_INFO": url.path,
                "QUERY_STRING": url.query,
                "CONTENT_TYPE": self.headers.get("Content-Type", ""),
                "CONTENT_LENGTH": str(len(body)),
                "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
                "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
                "REMOTE_ADDR": "127.0.0.1",
            },
            capture_output=True,
            check=False,
        ).stdout
        head, _, content = answer.partition(b"\r\n\r\n")
        status, headers = 200, []
        for line in head.decode("latin-1").splitlines():
            key, _, value = line.partition(":")
            if key.lower() == "status":
                status = int(value.split()[0])
            elif value:
                headers.append((key, value.strip()))
        self.send_response(status)
        for key, value in headers:
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
