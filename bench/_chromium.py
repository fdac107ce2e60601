"""A headless Chromium whose network nobody observes, driven by its own debugging pipe.

Playwright always observes it: the body of every request is copied through the debugger, as no visitor's is.
"""

import fcntl
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.e2e import steady_chromium

_EVERY = 0.05
_START = """
import os, sys
for number, one in enumerate(sys.argv[1:3], 3):
    os.dup2(int(one), number)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Refused(Exception):
    """What the browser, or a script in its page, has answered instead."""


class Page:
    """The one tab of a browser."""

    def __init__(self, commands: int, answers: int) -> None:
        self._commands = os.fdopen(commands, "wb", buffering=0)
        self._answers = os.fdopen(answers, "rb", buffering=0)
        self._left = b""
        self._last = 0
        self._session: str | None = None
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        attached = self._call("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]

    def run(self, script: str) -> Any:
        """The value of a script in the page; a promise is awaited."""
        return self._evaluated(script, returnByValue=True).get("value")

    def until(self, condition: str, seconds: float = 30.0) -> None:
        """Wait for a script to be true, across navigations too."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if self.run(f"Boolean({condition})"):
                    return
            except Refused:  # between two documents
                pass
            time.sleep(_EVERY)
        raise TimeoutError(condition)

    def go(self, url: str) -> None:
        """Open an address and wait until it is loaded."""
        self._call("Page.navigate", url=url)
        self.until(f"location.href === {json.dumps(url)} && document.readyState === 'complete'")

    def fill(self, selector: str, text: str) -> None:
        """Type into a field."""
        self.run(f"document.querySelector({json.dumps(selector)}).value = {json.dumps(text)}")

    def choose(self, selector: str, *files: Path) -> None:
        """Choose files in a form's field, as a person does."""
        field = self._evaluated(f"document.querySelector({json.dumps(selector)})")
        self._call(
            "DOM.setFileInputFiles",
            files=[str(file) for file in files],
            objectId=field["objectId"],
        )

    def _evaluated(self, script: str, **more: Any) -> dict[str, Any]:
        answer = self._call("Runtime.evaluate", expression=script, awaitPromise=True, **more)
        if "exceptionDetails" in answer:
            raise Refused(answer["exceptionDetails"])
        found: dict[str, Any] = answer["result"]
        return found

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._last += 1
        call = {"id": self._last, "method": method, "params": params}
        if self._session is not None:
            call["sessionId"] = self._session
        self._commands.write(json.dumps(call).encode() + b"\0")
        while (told := self._told()).get("id") != self._last:
            pass  # events
        if "error" in told:
            raise Refused(told["error"])
        answer: dict[str, Any] = told["result"]
        return answer

    def _told(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            data = self._answers.read(1 << 16)
            if not data:
                raise RuntimeError("Chromium has ended.")
            self._left += data
        message, _, self._left = self._left.partition(b"\0")
        told: dict[str, Any] = json.loads(message)
        return told

    def close(self) -> None:
        self._commands.close()  # ends the browser
        self._answers.close()


@contextmanager
def opened(folder: Path) -> Iterator[Page]:
    """A browser with a profile of its own in this folder."""
    program = steady_chromium.PATH
    if program is None:
        raise RuntimeError("chromium is missing: apt-get install chromium")
    theirs, commands = os.pipe()
    answers, told = os.pipe()
    # The browser has them as 3 and 4, so neither may stand there before.
    high = [fcntl.fcntl(one, fcntl.F_DUPFD_CLOEXEC, 10) for one in (theirs, told)]
    os.close(theirs)
    os.close(told)
    options = ["--headless", "--no-sandbox", "--remote-debugging-pipe", f"--user-data-dir={folder}"]
    with (folder.parent / "chromium.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", _START, *map(str, high), program, *options],
            pass_fds=high,
            stdout=log,
            stderr=log,
        )
    for one in high:
        os.close(one)
    page = Page(commands, answers)
    try:
        yield page
    finally:
        page.close()
        process.wait(30)
