"""A metadata service as EC2 has one, version 2 only; what it tells is set by the test."""

import json
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Values = dict[str, str | Callable[[], str]]


class MetadataService:
    """Answers below `latest/meta-data/`; `refused` counts questions without a session token."""

    def __init__(self, values: Values) -> None:
        self.values = values
        self.refused = 0
        self.forget()
        service = self

        class Handler(BaseHTTPRequestHandler):
            def setup(self) -> None:
                super().setup()
                # Answers live for one hop, so that they reach no container behind a bridge.
                self.connection.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 1)

            def do_PUT(self) -> None:
                seconds = self.headers.get("X-aws-ec2-metadata-token-ttl-seconds", "")
                if self.path != "/latest/api/token" or "X-Forwarded-For" in self.headers:
                    return self._say(403, "")
                if not seconds.isdigit() or not 1 <= int(seconds) <= 21600:
                    return self._say(400, "")
                return self._say(200, service.new_token(int(seconds)))

            def do_GET(self) -> None:
                if not service.knows(self.headers.get("X-aws-ec2-metadata-token", "")):
                    service.refused += 1
                    return self._say(401, "")
                value = service.values.get(self.path.removeprefix("/latest/meta-data/").rstrip("/"))
                if value is None:
                    return self._say(404, "")
                return self._say(200, value() if callable(value) else value)

            def _say(self, status: int, text: str) -> None:
                body = text.encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: Any) -> None:
                return

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def new_token(self, seconds: int) -> str:
        token = secrets.token_urlsafe(24)
        self._tokens[token] = time.monotonic() + seconds
        return token

    def knows(self, token: str) -> bool:
        return self._tokens.get(token, 0.0) > time.monotonic()

    def forget(self) -> None:
        """No session token given so far is good any more."""
        self._tokens: dict[str, float] = {}

    @contextmanager
    def running(self) -> Iterator["MetadataService"]:
        thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
            thread.join()


def of_instance(
    instance: str, region: str, role: str, credentials: Callable[[], dict[str, Any]]
) -> Values:
    """What an instance with this role is told."""

    def document() -> str:
        given = credentials()
        return json.dumps(
            {
                "Code": "Success",
                "Type": "AWS-HMAC",
                "AccessKeyId": given["AccessKeyId"],
                "SecretAccessKey": given["SecretAccessKey"],
                "Token": given["SessionToken"],
                "Expiration": given["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ"),
            }
        )

    return {
        "instance-id": instance,
        "placement/region": region,
        "placement/availability-zone": region + "a",
        "iam/security-credentials": role,
        f"iam/security-credentials/{role}": document,
        "autoscaling/target-lifecycle-state": "InService",
    }
