"""The original's workers ran with their author's rights; ours run under exactly what docs/permissions.md grants."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from builder_service.settings import BuilderSettings
from cli.up import children
from runner_service.settings import RunnerSettings
from shared import (
    bus_permissions,
    bus_sns_sqs,
    image_permissions,
    mail_permissions,
    secret_permissions,
)
from shared.bus_sns_sqs import SnsSqsBus
from shared.events import BuildRequested, RunRequested
from shared.ids import new_id
from shared.topology import QUEUES

ROOT = Path(__file__).parent.parent
DOCUMENT = ROOT / "docs" / "permissions.md"
PLACES = {"region": "us-east-1", "account": "000000000000"}
WORKERS = ("builder", "runner", "janitor")
MODULES = {"builder": "builder_service", "runner": "runner_service"}


# On AWS


def run_requested() -> RunRequested:
    return RunRequested(event_id=new_id("evt"), at=1, run_id=new_id("run"))


@pytest.fixture
def prefix(ministack: str) -> str:
    name = new_id("t").replace("_", "")
    bus_sns_sqs.provision(name)
    return name


@pytest.fixture
def root(prefix: str) -> Iterator[SnsSqsBus]:
    """The installation's operator, opened before anybody's keys are set."""
    bus = SnsSqsBus(prefix)
    bus.publish(run_requested())
    bus.receive("runner", 1, 1)[0].ack()
    yield bus
    bus.close()


def use_keys_of(policy: Mapping[str, object], monkeypatch: pytest.MonkeyPatch) -> None:
    """From here on, everything opened acts as a user with this policy and no other."""
    iam = boto3.Session().client("iam")
    name = new_id("user")
    iam.create_user(UserName=name)
    iam.put_user_policy(UserName=name, PolicyName="only", PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(UserName=name)["AccessKey"]
    iam.close()
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key["AccessKeyId"])
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", key["SecretAccessKey"])


def denied(call: Any, *arguments: object) -> bool:
    try:
        call(*arguments)
    except ClientError as error:
        return error.response["Error"]["Code"] in ("AccessDenied", "AuthorizationError")
    return False


@pytest.fixture
def worker(prefix: str, root: SnsSqsBus, monkeypatch: pytest.MonkeyPatch) -> Iterator[SnsSqsBus]:
    """The bus as the runner sees it."""
    use_keys_of(bus_permissions.consumer(prefix, "runner", **PLACES), monkeypatch)
    bus = SnsSqsBus(prefix)
    yield bus
    bus.close()


def test_a_runner_consumes_its_queue_under_its_documented_policy(
    worker: SnsSqsBus, root: SnsSqsBus
) -> None:
    for _ in range(3):
        root.publish(run_requested())
    found = []
    end = time.monotonic() + 15
    while len(found) < 3 and time.monotonic() < end:
        found += worker.receive("runner", 10, 1)

    first, second, third = found
    first.ack()
    second.extend(5)
    second.nack(0)
    third.reject()

    assert worker.depth("runner") == 1
    assert len(root.dead_letters("runner")) == 1


def test_a_runner_may_neither_publish_nor_read_what_others_are_told(
    worker: SnsSqsBus, root: SnsSqsBus
) -> None:
    root.publish(BuildRequested(event_id=new_id("evt"), at=1, build_id="bld_1"))

    assert denied(worker.publish, run_requested())
    for queue in QUEUES:
        assert denied(worker.receive, queue, 1, 0) is (queue != "runner"), queue
    assert denied(worker.dead_letters, "runner")
    assert denied(worker.redrive, "runner")


@pytest.mark.parametrize("action", bus_permissions.CONSUME)
def test_no_action_of_the_policy_can_be_left_out(
    prefix: str, root: SnsSqsBus, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        bus_permissions, "CONSUME", tuple(a for a in bus_permissions.CONSUME if a != action)
    )
    use_keys_of(bus_permissions.consumer(prefix, "runner", **PLACES), monkeypatch)
    bus = SnsSqsBus(prefix)

    def work() -> None:
        root.publish(run_requested())
        message = bus.receive("runner", 1, 5)[0]
        message.extend(5)
        message.ack()
        bus.depth("runner")

    try:
        assert denied(work)
    finally:
        bus.close()


def test_the_relay_publishes_and_reads_nothing(
    prefix: str, root: SnsSqsBus, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_keys_of(bus_permissions.publisher(prefix, **PLACES), monkeypatch)
    relay = SnsSqsBus(prefix)
    try:
        relay.publish(run_requested())
        assert denied(relay.receive, "runner", 1, 0)
    finally:
        relay.close()
    assert len(root.receive("runner", 1, 5)) == 1


# The document


def documented_policies() -> list[Any]:
    blocks = DOCUMENT.read_text().split("```json\n")[1:]
    return [json.loads(block.partition("```")[0]) for block in blocks]


def test_the_document_shows_the_policies_that_are_tested() -> None:
    places = {"region": "REGION", "account": "ACCOUNT"}
    assert documented_policies() == [
        bus_permissions.consumer("PREFIX", "runner", **places),
        bus_permissions.publisher("PREFIX", **places),
        secret_permissions.reader(
            "secretsmanager://PREFIX", secret_permissions.OF_A_WORKER, **places
        ),
        secret_permissions.maker("secretsmanager://PREFIX", **places),
        image_permissions.minter("PREFIX", "arn:aws:iam::ACCOUNT:role/PREFIX-images", **places),
        image_permissions.role("PREFIX", **places),
        image_permissions.session(
            "arn:aws:ecr:REGION:ACCOUNT:repository/PREFIX/TOOL",
            push=True,
            until=datetime(2026, 1, 31, 12, 0, 0, tzinfo=UTC),
        ),
        mail_permissions.sender("DOMAIN", "SET", **places),
    ]


@pytest.mark.parametrize("settings", [BuilderSettings, RunnerSettings])
def test_the_document_names_every_setting_of_a_worker(
    settings: type[BuilderSettings | RunnerSettings],
) -> None:
    text = DOCUMENT.read_text()
    unused = {
        "database_url",
        "database_password",
        "objects_url",
        "crash",
        "reaper_seconds",
        "lease_seconds",
        "heartbeat_seconds",
    }
    missing = [
        name
        for name in settings.model_fields
        if name not in unused and f"TOOLYARD_{name.upper()}" not in text
    ]
    assert missing == []


# On one machine


def test_workers_load_nothing_that_opens_the_database() -> None:
    code = (
        "import sys, builder_service.__main__, runner_service.__main__, runner_service.janitor\n"
        "print(sorted({n.partition('.')[0] for n in sys.modules}"
        " & {'sqlalchemy', 'psycopg', 'alembic', 'web', 'notifier', 'archiver_service', 'flask'}),"
        " sorted(n for n in sys.modules if n.startswith(('shared.db', 'shared.schema'))))"
    )
    said = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert said.stdout.strip() == "[] []"


def test_the_supervisor_hides_from_workers_what_is_not_theirs() -> None:
    environ = {
        "PATH": "/bin",
        "TOOLYARD_DATA": "/d",
        "TOOLYARD_BUS_URL": "sns-sqs://p",
        "TOOLYARD_DATABASE_URL": "postgresql://secret",
        "PGPASSWORD": "secret",
        "PGHOST": "db",
        "TOOLYARD_MAIL_FROM": "x@example.org",
        "TOOLYARD_LIMITS": "{}",
    }
    for name, child in children(sys.executable).items():
        seen = child.environment(environ)
        if name in WORKERS:
            assert seen == {
                "PATH": "/bin",
                "TOOLYARD_DATA": "/d",
                "TOOLYARD_BUS_URL": "sns-sqs://p",
            }, name
        else:
            assert seen == environ, name


@pytest.mark.docker
@pytest.mark.parametrize("worker_name", ["builder", "runner"])
def test_a_worker_starts_with_the_documented_minimum_and_opens_no_database(
    worker_name: str, tmp_path: Path
) -> None:
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "secrets" / "worker-token").write_text("a-worker-token-of-this-test")
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", MODULES[worker_name]],
            env={
                "PATH": os.environ["PATH"],
                "TOOLYARD_DATA": str(tmp_path),
                "TOOLYARD_URL": "http://127.0.0.1:9",
            },
            cwd=ROOT,
            stdout=out,
            stderr=out,
        )
    try:
        end = time.monotonic() + 60
        while b"_ready" not in log.read_bytes():
            assert process.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.1)
        opened = {str(fd.readlink()) for fd in Path(f"/proc/{process.pid}/fd").iterdir()}
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)

    assert not [path for path in opened if path.endswith("toolyard.db")]
    assert not (tmp_path / "toolyard.db").exists()
    assert sorted(path.name for path in (tmp_path / "secrets").iterdir()) == ["worker-token"]
