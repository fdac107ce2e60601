"""`make demo`: the platform, an example from a Git link, one run with a file; `--once` stops again."""

import argparse
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from cli.up import environment
from tests.git_server import GitServer, repository_from_tree

ROOT = Path(__file__).parent.parent
EXAMPLES = ROOT / "examples"
EMAIL = "demo@example.org"
EXAMPLE = "hello-python"
TEXT = """\
Paste a Git link and get a tool that anyone can run.
A tool runs in a sandbox, and a tool that needs a file gets a file.
"""


class Stopped(Exception):
    """The demo cannot go on; the message says why."""


class Demo:
    """Everything that the demo starts, and where it keeps what a second demo uses again."""

    def __init__(self) -> None:
        self.environ = environment(os.environ)
        self.data = Path(self.environ["TOOLYARD_DATA"])
        self.folder = self.data / "demo"
        self.folder.mkdir(parents=True, exist_ok=True)
        self.url = f"http://127.0.0.1:{self.environ['TOOLYARD_PORT']}"
        self.git = GitServer(self.folder / "git", port=git_port(self.environ))
        allowed = self.environ.get("TOOLYARD_BUILD_ALLOW", "")
        self.environ["TOOLYARD_BUILD_ALLOW"] = ",".join(filter(None, [allowed, self.git.address]))
        self.environ["TOOLYARD_URL"] = self.url
        self.log = self.folder / "log"
        self.platform: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Serve the examples and start the platform; its own messages are passed on."""
        for tree in sorted(p for p in EXAMPLES.iterdir() if p.is_dir()):
            repository_from_tree(self.git.root, tree.name, tree)
        self.git.start()
        with self.log.open("wb") as log:
            # In a session of its own, so that Ctrl-C reaches the platform once and in order.
            self.platform = subprocess.Popen(
                [sys.executable, "-m", "cli.up"],
                env=self.environ,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        seen = 0
        while True:
            text = self.log.read_text(errors="replace")
            fresh, seen = text[seen:], len(text)
            for line in fresh.splitlines():
                if line.startswith("up  ") or "|" not in line:
                    tell(line.removeprefix("up       | "))
            if "Toolyard is up" in text:
                break
            if self.platform.poll() is not None:
                raise Stopped("The platform did not start; the lines above say why.")
            time.sleep(0.1)
        if "NOT started" in text:
            raise Stopped(
                "This host cannot keep programs in their sandbox; the lines above say why."
            )

    def stop(self) -> None:
        if self.platform is not None and self.platform.poll() is None:
            tell("stopping everything again")
            self.platform.send_signal(signal.SIGTERM)
            self.platform.wait()
        self.git.stop()

    def account(self) -> dict[str, str]:
        """The demo's account, made the first time; its password is for the pages."""
        file = self.folder / "account.json"
        if not file.exists():
            password = secrets.token_urlsafe(12)
            made = self.cli(
                "admin", "create-user", EMAIL, "--password-stdin", "--json", stdin=password
            )
            descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(descriptor, "w") as target:
                json.dump({**json.loads(made), "password": password}, target)
        kept: dict[str, str] = json.loads(file.read_text())
        self.environ["TOOLYARD_TOKEN"] = kept["token"]
        return kept

    def tool(self, name: str) -> None:
        """Add the example of this name, unless an earlier demo did."""
        link = self.git.link(name)
        for known in json.loads(self.cli("tools", "--json")):
            if known["name"] == name and known["link"] == link and known["state"] == "ready":
                tell(f"{name} is there already, from {link}")
                return
        tell(f"adding a tool from the Git link {link}")
        self.cli("add", link, "--name", name, "--wait", "--json", show=True)

    def run(self, name: str, *arguments: str, files: dict[str, str]) -> dict[str, Any]:
        """Run it with files, and print what it wrote."""
        options = []
        for file, text in files.items():
            (self.folder / file).write_text(text)
            options += ["--input", str(self.folder / file)]
        tell(f"running: {name} {' '.join(arguments)}")
        ran = self.cli("run", name, *options, "--wait", "--json", "--", *arguments, show=True)
        run: dict[str, Any] = json.loads(ran)
        outputs = self.folder / "outputs" / run["id"]
        self.cli("outputs", run["id"], "--dir", str(outputs))
        tell(f"it {run['state']} in {run['seconds']:.2f} s and wrote:")
        print((outputs / "stdout").read_text(errors="replace"), end="", flush=True)
        for output in run["outputs"]:
            tell(f"it left the file {outputs / 'files' / output['path']} ({output['size']} bytes)")
        return run

    def cli(self, *arguments: str, stdin: str = "", show: bool = False) -> str:
        """Run `toolyard …`; `show` passes its progress on."""
        done = subprocess.run(
            [sys.executable, "-m", "cli", *arguments],
            env=self.environ,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=None if show else subprocess.PIPE,
            text=True,
            check=False,
        )
        if done.returncode != 0:
            raise Stopped(f"toolyard {arguments[0]} failed:\n{done.stdout}{done.stderr or ''}")
        return done.stdout


def git_port(environ: dict[str, str]) -> int:
    """The port beside web's, so that a second demo has the same links; any other when it is taken."""
    wanted = int(environ["TOOLYARD_PORT"]) + 1
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", wanted))
        except OSError:
            return 0
    return wanted


def tell(line: str) -> None:
    """A line for the person who watches."""
    print(f"demo: {line}", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="stop again after one run")
    once = parser.parse_args().once
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.default_int_handler)
    demo = Demo()
    try:
        demo.start()
        account = demo.account()
        demo.tool(EXAMPLE)
        run = demo.run(EXAMPLE, "text.txt", "--output", "counts.csv", files={"text.txt": TEXT})
        tell(f"its page: {demo.url}/runs/{run['id']}")
        tell(f"sign in as {account['email']} with the password {account['password']}")
        if not once:
            tell("everything goes on until Ctrl-C")
            assert demo.platform is not None
            demo.platform.wait()
    except Stopped as stopped:
        tell(f"{stopped}\nThe whole log: {demo.log}")
        return 1
    except KeyboardInterrupt:
        tell("asked to stop")
    finally:
        demo.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
