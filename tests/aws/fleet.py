"""Web and utility of an installation on the emulated AWS, as processes of this host in their roles."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx

from shared.db import Transactions
from shared.plan import Command
from tests import engine, factories
from tests.aws import metadata_service
from tests.aws.emulated import REGION, Installation
from tests.aws.metadata_service import MetadataService
from tests.platform import ROOT
from web import tokens

RUNNER = "i-0eeeeeeeeeeeeeeee"


@contextmanager
def metadata(at: Installation, role: str, instance: str) -> Iterator[MetadataService]:
    """The metadata service of a machine in a role, with credentials as STS gives them."""
    given = at.credentials(role)
    values = metadata_service.of_instance(instance, REGION, f"{at.prefix}-{role}", lambda: given)
    with MetadataService(values).running() as service:
        yield service


def in_role(at: Installation, service: MetadataService) -> dict[str, str]:
    """The variables by which AWS's SDK finds the emulator and, through metadata, its role's rights."""
    return {
        "AWS_ENDPOINT_URL": at.url,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": service.url,
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
    }


class Fleet:
    """What tests ask of a running installation."""

    def __init__(self, at: Installation, folder: Path, database_url: str) -> None:
        self.at = at
        self.folder = folder
        self.database_url = database_url
        self.transactions = Transactions(database_url)
        self._processes: list[subprocess.Popen[bytes]] = []

    def settings(self, service: str) -> dict[str, str]:
        """As user data tells them, but for addresses that the emulator does not have."""
        told = dict(
            line.split("=", 1)
            for line in self.at.user_data(service)
            .split("<<'SETTINGS'\n")[1]
            .split("\nSETTINGS")[0]
            .splitlines()
        )
        told |= {
            "TOOLYARD_DATABASE_URL": self.database_url,
            "TOOLYARD_BIND": "127.0.0.1",
            "TOOLYARD_PORT": self.at.public_url.rsplit(":", 1)[1],
            "TOOLYARD_DATA": str(self.folder / service),
        }
        told.pop("TOOLYARD_DATABASE_PASSWORD", None)
        return told

    def start(
        self, module: str, service: str, metadata: MetadataService, **more: str
    ) -> "subprocess.Popen[bytes]":
        """A service of this checkout, with its role's rights and none of the test's own."""
        (self.folder / service).mkdir(exist_ok=True)
        environment = {
            "PATH": os.environ["PATH"],
            "PYTHONUNBUFFERED": "1",
            **self.settings(service),
            **in_role(self.at, metadata),
            **more,
        }
        with (self.folder / f"{service}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module], cwd=ROOT, env=environment, stdout=log, stderr=log
            )
        self._processes.append(process)
        return process

    def log(self, service: str) -> str:
        return (self.folder / f"{service}.log").read_text(errors="replace")

    def wait(
        self, happened: Callable[[], Any], seconds: float, what: str | Callable[[], str]
    ) -> Any:
        """What `happened` gives, once it is something."""
        end = time.monotonic() + seconds
        while not (found := happened()):
            if time.monotonic() > end:
                logs = "\n".join(
                    f"--- {p.name}\n{p.read_text(errors='replace')[-3000:]}"
                    for p in self.folder.glob("*.log")
                )
                told = what if isinstance(what, str) else what()
                raise AssertionError(f"{told}: not within {seconds:g} s\n{logs}")
            time.sleep(0.1)
        return found

    def ready(self) -> bool:
        try:
            return httpx.get(self.at.public_url + "/readyz", timeout=5).status_code == 200
        except httpx.HTTPError:
            return False

    def add_tool(self, image: str, command: list[str]) -> tuple[str, str]:
        """Name and owner's token of a ready tool whose image this host's engine has."""
        with self.transactions.begin() as session:
            owner = factories.account(session)
            commands = [Command(name="t", run=command, evidence="test")]
            tool, _ = factories.ready_tool(session, owner, image=image, commands=commands)
            _, secret = tokens.issue(session, owner.id, name="test", days=1)
            return tool.name, secret

    def run(self, tool: str, token: str, *arguments: str) -> str:
        """Ask for a run as a person does; its id."""
        answer = httpx.post(
            self.at.public_url + "/api/v1/runs",
            headers={"Authorization": f"Bearer {token}"},
            json={"tool": tool, "argv": list(arguments)},
            timeout=30,
        )
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def shown(self, run: str, token: str) -> dict[str, Any]:
        """The run as the API tells it."""
        answer = httpx.get(
            f"{self.at.public_url}/api/v1/runs/{run}",
            headers={"Authorization": f"Bearer {token}"},
            timeout=30,
        )
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def stop(self) -> None:
        for process in reversed(self._processes):
            process.terminate()
        for process in self._processes:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.transactions.close()


@contextmanager
def running(at: Installation, folder: Path, database_url: str) -> Iterator[Fleet]:
    """Web and utility, answering."""
    with ExitStack() as stack:
        fleet = Fleet(at, folder, database_url)
        stack.callback(fleet.stop)
        for service in ("web", "utility"):
            machine = stack.enter_context(metadata(at, service, f"i-{service:0<17}"))
            fleet.start(service, service, machine)
        fleet.wait(fleet.ready, 60, "web is ready")
        yield fleet


def main_job(home: Fleet, folder: Path) -> str:
    """A run from the API to its objects, by a runner of this host in its role; the run's id."""
    tool, token = home.add_tool(
        engine.base_image(folder), ["sh", "-c", 'echo "hello $0"; echo made >out.txt']
    )
    with metadata(home.at, "runner", RUNNER) as machine:
        # What enrolment does, which tests of its own prove.
        secrets = home.folder / "runner" / "secrets"
        secrets.mkdir(parents=True, exist_ok=True)
        found = home.at.client("secretsmanager").get_secret_value(
            SecretId=f"{home.at.prefix}/worker-token"
        )
        (secrets / "worker-token").write_text(found["SecretString"])
        runner = home.start(
            "runner_service",
            "runner",
            machine,
            TOOLYARD_WORKER_HOST=RUNNER,
            TOOLYARD_RUNNER_SLOTS="1",
        )
        home.wait(lambda: "runner_ready" in home.log("runner"), 60, "the runner is ready")
        run = home.run(tool, token, "world")
        done = home.wait(
            lambda: (found := home.shown(run, token))["finished_at"] and found, 60, "the run ends"
        )
        runner.terminate()
        runner.wait(60)
    assert (done["state"], done["exit_code"]) == ("succeeded", 0), done
    return run
