"""User data is executed: from EC2's launch template to a service that works, on a fresh system.

What this does not cover: systemd (a container has none: services are started as they are), cloud-init
itself, a real IMDS behind a hop, and a second engine (workers here use this host's).
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.aws import fleet, machine
from tests.aws.emulated import Installation
from tests.aws.fleet import Fleet
from tests.platform import ROOT

pytestmark = pytest.mark.docker

INSTANCE = "i-0bbbbbbbbbbbbbbbb"


def packages(service: str) -> tuple[str, ...]:
    """What the script of a service installs."""
    found = []
    for file in ("common.sh", f"{service}.sh"):
        text = (ROOT / "aws_userdata" / file).read_text()
        for line in re.findall(r"^\s*(?:packages|prepare_machine) ([a-z].*)$", text, re.MULTILINE):
            found += [word for word in line.split() if word != '"$@"']
    return tuple(sorted(found))


@pytest.fixture(scope="module")
def home(
    installation: Installation, tmp_path_factory: pytest.TempPathFactory, sqlite_template: Path
) -> Iterator[Fleet]:
    """Web and utility as processes of this host, in their roles, on what the stack made."""
    folder = tmp_path_factory.mktemp("fleet")
    database = folder / "toolyard.db"
    database.write_bytes(sqlite_template.read_bytes())
    bucket = installation.stage.stack.outputs()["Bucket"]
    s3 = installation.client("s3")
    kept = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    s3.delete_bucket_policy(Bucket=bucket)  # the emulator has no TLS here
    with fleet.running(installation, folder, f"sqlite:///{database}") as running:
        yield running
    s3.put_bucket_policy(Bucket=bucket, Policy=kept)


def test_a_runner_comes_up_from_its_user_data_and_claims_a_run(home: Fleet, tmp_path: Path) -> None:
    fresh = os.environ.get("TOOLYARD_TEST_FRESH") == "1"
    image = machine.base(tmp_path) if fresh else machine.with_packages(tmp_path, packages("runner"))
    with fleet.metadata(home.at, "runner", INSTANCE) as service:
        environment = {
            "AWS_ENDPOINT_URL": home.at.url,
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": service.url,
        }
        with machine.booted(image, Path("/tmp"), environment) as host:
            done = host.first_start(home.at.user_data("runner"), seconds=280)
            assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-3000:]
            assert "the runner is ready" in done.stdout

            tool, token = home.add_tool(machine.base(tmp_path), ["echo", "hello"])
            run = home.run(tool, token)
            ended = home.wait(
                lambda: (found := home.shown(run, token))["finished_at"] and found,
                60,
                "the run ends",
            )
            assert ended["state"] == "succeeded", host.log("runner")[-3000:]
            assert INSTANCE in home.log("web"), "the worker is called after its instance"
            assert service.refused == 0

            told = home.wait(
                lambda: _shipped(home),
                30,
                lambda: "the log is shipped; " + host.log("logs")[-2000:],
            )
            assert "runner_ready" in told
            assert (
                "worker_token" not in done.stdout and _worker_token(home) not in done.stdout + told
            )

            service.values["autoscaling/target-lifecycle-state"] = "Terminated"
            home.wait(lambda: "runner_drained" in host.log("runner"), 30, "the runner has drained")


def _shipped(home: Fleet) -> str:
    logs = home.at.client("logs")
    group = f"/{home.at.prefix}/runner"
    if not logs.describe_log_streams(logGroupName=group, logStreamNamePrefix=INSTANCE)[
        "logStreams"
    ]:
        return ""
    events = logs.get_log_events(logGroupName=group, logStreamName=INSTANCE)["events"]
    text = "\n".join(event["message"] for event in events)
    return text if "runner_ready" in text else ""


def _worker_token(home: Fleet) -> str:
    found = home.at.client("secretsmanager").get_secret_value(
        SecretId=f"{home.at.prefix}/worker-token"
    )
    return str(found["SecretString"])
