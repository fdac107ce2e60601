"""User data is executed: from EC2's launch template to a service that works, on a fresh system.

The suite runs the runner's, on a system that has the packages already; `make test-userdata` runs all
four one after the other, each on the bare Debian base, until a run and a build have been claimed.

What this does not cover: systemd (a container has none: services are started as they are), cloud-init
itself, a metadata service behind a hop, and an engine of the worker's own (it uses this host's).
"""

import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.aws import fleet, machine
from tests.aws.emulated import Installation
from tests.aws.fleet import Fleet
from tests.aws.machine import Machine
from tests.aws.metadata_service import MetadataService
from tests.git_server import GitServer
from tests.platform import ROOT

pytestmark = pytest.mark.docker

FRESH = os.environ.get("TOOLYARD_TEST_FRESH") == "1"
SECONDS = 900 if FRESH else 250
INSTANCES = {
    "web": "i-0aaaaaaaaaaaaaaaa",
    "utility": "i-0bbbbbbbbbbbbbbbb",
    "runner": "i-0cccccccccccccccc",
    "builder": "i-0dddddddddddddddd",
}


def packages(service: str) -> tuple[str, ...]:
    """What the script of a service installs."""
    found = []
    for file in ("common.sh", f"{service}.sh"):
        text = (ROOT / "aws_userdata" / file).read_text()
        for line in re.findall(r"^\s*(?:packages|prepare_machine) ([a-z].*)$", text, re.MULTILINE):
            found += [word for word in line.split() if word != '"$@"']
    return tuple(sorted(found))


def told(user_data: str, **changed: str) -> str:
    """User data with other addresses than the emulator's made-up ones; an empty value leaves one out."""
    for name, value in changed.items():
        line = re.compile(rf"^{name}=.*\n", re.MULTILINE)
        assert line.search(user_data) or value, f"{name} is no setting in this user data"
        user_data = line.sub("", user_data)
        if value:
            user_data = user_data.replace("\nSETTINGS\n", f"\n{name}={value}\nSETTINGS\n")
    return user_data


@pytest.fixture(scope="module")
def plain_bucket(installation: Installation) -> Iterator[None]:
    """Without the policy that wants TLS, which the emulator does not speak here."""
    bucket = installation.stage.stack.outputs()["Bucket"]
    s3 = installation.client("s3")
    kept = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    s3.delete_bucket_policy(Bucket=bucket)
    yield
    s3.put_bucket_policy(Bucket=bucket, Policy=kept)


@pytest.fixture
def boot(installation: Installation, plain_bucket: None) -> Iterator[Callable[..., Any]]:
    """`boot(image, service)` starts a machine and its metadata service."""
    with ExitStack() as stack:

        def start(
            image: str, service: str, *mounts: Path, **changed: str
        ) -> tuple[Machine, MetadataService, str]:
            told_by = stack.enter_context(fleet.metadata(installation, service, INSTANCES[service]))
            environment = {
                "AWS_ENDPOINT_URL": installation.url,
                "AWS_EC2_METADATA_SERVICE_ENDPOINT": told_by.url,
            }
            host = stack.enter_context(
                machine.booted(image, Path("/tmp"), environment, mounts=mounts)
            )
            said = host.first_start(told(installation.user_data(service), **changed), SECONDS)
            assert f"{service} is ready" in said
            assert told_by.refused == 0, "only version 2 of the metadata service is asked"
            return host, told_by, said

        yield start


def test_a_runner_comes_up_from_its_user_data_and_claims_a_run(
    installation: Installation,
    boot: Callable[..., tuple[Machine, MetadataService, str]],
    tmp_path: Path,
    sqlite_template: Path,
) -> None:
    database = tmp_path / "toolyard.db"
    database.write_bytes(sqlite_template.read_bytes())
    with fleet.running(installation, tmp_path, f"sqlite:///{database}") as home:
        image = machine.with_packages(tmp_path, packages("runner"))
        host, metadata, said = boot(image, "runner")
        _a_run_is_claimed(home, tmp_path, lambda: host.log("runner")[-3000:])

        assert f"{INSTANCES['runner']}:" in home.log("web"), (
            "the worker is called after its instance"
        )
        shipped = home.wait(
            lambda: _shipped(installation, "runner"), 30, lambda: host.log("logs")[-2000:]
        )
        token = _secret(installation, "worker-token")
        assert token and token not in said + shipped

        # The group ends the machine while a program runs on it: the program is finished first.
        tool, secret = home.add_tool(machine.base(tmp_path), ["sleep", "15"])
        run = home.run(tool, secret)
        home.wait(lambda: home.shown(run, secret)["state"] == "running", 30, "a program runs")
        metadata.values["autoscaling/target-lifecycle-state"] = "Terminated"
        home.wait(lambda: "instance_ends" in host.log("notices"), 30, "the notice is seen")
        assert home.shown(run, secret)["state"] == "running"
        home.wait(
            lambda: "runner_drained" in host.log("runner"), 60, lambda: host.log("notices")[-2000:]
        )
        assert home.shown(run, secret)["state"] == "succeeded"


@pytest.mark.skipif(
    not FRESH, reason="make test-userdata: each service on a bare system, 10 minutes"
)
def test_every_service_comes_up_from_its_user_data(
    installation: Installation,
    boot: Callable[..., tuple[Machine, MetadataService, str]],
    tmp_path: Path,
    new_database: Callable[..., str],
    git_server: GitServer,
) -> None:
    url = new_database("postgresql", migrated=False)
    socket = Path(url.partition("host=")[2])
    socket.chmod(0o755)
    image = machine.base(tmp_path)
    database = {"TOOLYARD_DATABASE_URL": url, "TOOLYARD_DATABASE_PASSWORD": ""}
    port = installation.public_url.rpartition(":")[2]
    here = {"TOOLYARD_BIND": "127.0.0.1", "TOOLYARD_PORT": port}
    allow = {"TOOLYARD_BUILD_ALLOW": git_server.address}

    web, _, _ = boot(image, "web", socket, **database, **here, **allow)
    boot(image, "utility", socket, **database)
    home = Fleet(installation, tmp_path, url)
    admin = _secret(installation, "admin-token")
    shown = httpx.get(
        installation.public_url + "/api/v1/me",
        headers={"Authorization": f"Bearer {admin}"},
        timeout=30,
    )
    assert shown.status_code == 200 and shown.json()["email"] == "admin@example.org", shown.text
    try:
        runner, _, _ = boot(image, "runner")
        _a_run_is_claimed(home, tmp_path, lambda: runner.log("runner")[-3000:])
        assert f"{INSTANCES['runner']}:" in web.log("web")

        builder, _, _ = boot(image, "builder", **allow)
        _, secret = home.add_tool("sha256:" + "0" * 64, ["true"])
        asked = httpx.post(
            installation.public_url + "/api/v1/tools",
            headers={"Authorization": f"Bearer {secret}"},
            json={"link": git_server.link("wc")},
            timeout=30,
        )
        assert asked.status_code == 201, asked.text
        home.wait(
            lambda: f"{INSTANCES['builder']}:" in web.log("web"),
            60,
            lambda: "a build is claimed; " + builder.log("builder")[-3000:],
        )
    finally:
        home.transactions.close()


def _a_run_is_claimed(home: Fleet, folder: Path, why: Callable[[], str]) -> None:
    """And done, by whichever runner there is."""
    tool, token = home.add_tool(machine.base(folder), ["echo", "hello"])
    run = home.run(tool, token)
    ended = home.wait(
        lambda: (found := home.shown(run, token))["finished_at"] and found,
        60,
        lambda: "the run ends; " + why(),
    )
    assert (ended["state"], ended["exit_code"]) == ("succeeded", 0), why()


def _shipped(at: Installation, service: str) -> str:
    """What CloudWatch Logs has of the service, once it has said that it is ready."""
    logs, group, stream = at.client("logs"), f"/{at.prefix}/{service}", INSTANCES[service]
    found = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=stream)
    if not found["logStreams"]:
        return ""
    events = logs.get_log_events(logGroupName=group, logStreamName=stream)["events"]
    text = "\n".join(event["message"] for event in events)
    return text if f"{service}_ready" in text else ""


def _secret(at: Installation, name: str) -> str:
    found = at.client("secretsmanager").get_secret_value(SecretId=f"{at.prefix}/{name}")
    return str(found["SecretString"])
