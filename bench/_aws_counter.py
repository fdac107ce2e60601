"""A proxy before an emulated AWS that counts each API call by name; bytes and signatures pass untouched."""

import contextlib
import http.client
import json
import threading
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


class Calls:
    """What has been called since the last `reset`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.useful: Counter[str] = Counter()
        self.empty = 0
        """Long polls that brought nothing."""

    def reset(self) -> None:
        with self._lock:
            self.useful.clear()
            self.empty = 0

    def count(self, name: str, answer: bytes) -> None:
        with self._lock:
            if name == "sqs.ReceiveMessage" and not _brought_something(answer):
                self.empty += 1
            else:
                self.useful[name] += 1


def name_of(method: str, path: str, target: str, body: bytes) -> str:
    """`sqs.ReceiveMessage`, `sns.Publish`, `s3.PUT` …"""
    if target:
        service, _, action = target.partition(".")
        return f"{'sqs' if 'SQS' in service else service.lower()}.{action}"
    action = parse_qs(body.decode(errors="replace")).get("Action", [""])[0] if body else ""
    if method == "POST" and path == "/" and action:
        return ("sts." if action.startswith(("GetCaller", "Assume")) else "sns.") + action
    split = urlsplit(path)
    signed = " by signed URL" if "Signature=" in split.query else ""
    folder = split.path.strip("/").split("/")[1:2]
    return f"s3.{method} {''.join(folder)}{signed}"


def _brought_something(answer: bytes) -> bool:
    try:
        return bool(json.loads(answer).get("Messages"))
    except ValueError:
        return True


@contextlib.contextmanager
def counting(target_port: int) -> Iterator[tuple[str, Calls]]:
    """The proxy's address, and what it counts."""
    calls = Calls()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            pass

        def _pass_on(self) -> None:
            body = self._body()
            upstream = http.client.HTTPConnection("127.0.0.1", target_port, timeout=60)
            try:
                upstream.putrequest(
                    self.command, self.path, skip_host=True, skip_accept_encoding=True
                )
                for name, value in self.headers.items():
                    if name.lower() not in _HOP | {"expect"}:
                        upstream.putheader(name, value)
                upstream.putheader("Content-Length", str(len(body)))
                upstream.endheaders(body)
                answer = upstream.getresponse()
                data = answer.read()
            finally:
                upstream.close()
            target = self.headers.get("X-Amz-Target", "")
            calls.count(name_of(self.command, self.path, target, body), data)
            self.send_response_only(answer.status, answer.reason)
            for name, value in answer.getheaders():
                if name.lower() not in _HOP:
                    self.send_header(name, value)
            length = answer.getheader("Content-Length", "0")
            self.send_header("Content-Length", length if self.command == "HEAD" else str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def _body(self) -> bytes:
            if self.headers.get("Transfer-Encoding", "").lower() != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            parts = []
            while size := int(self.rfile.readline().split(b";")[0], 16):
                parts.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(parts)

        do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _pass_on  # noqa: N815

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", calls
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
