"""A worker is drained when its instance is told that it ends; asked of a metadata service as EC2 has it."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from shared.ec2_metadata import Metadata, MetadataUnavailable
from shared.ec2_notices import notice, watch
from tests.aws.metadata_service import MetadataService
from tests.platform import ROOT


@pytest.fixture
def service() -> Iterator[MetadataService]:
    with MetadataService({"autoscaling/target-lifecycle-state": "InService"}).running() as started:
        yield started


def test_the_service_answers_version_2_only(service: MetadataService) -> None:
    address = service.url + "/latest/meta-data/autoscaling/target-lifecycle-state"
    with httpx.Client() as client:
        assert client.get(address).status_code == 401
    assert Metadata(service.url).get("autoscaling/target-lifecycle-state") == "InService"


def test_nothing_is_to_be_done_while_the_instance_stays(service: MetadataService) -> None:
    assert notice(Metadata(service.url)) == ""


@pytest.mark.parametrize(
    ("path", "value", "reason"),
    [
        ("spot/instance-action", '{"action": "terminate", "time": "…"}', "spot"),
        ("autoscaling/target-lifecycle-state", "Terminated", "group"),
    ],
)
def test_each_notice_is_seen(service: MetadataService, path: str, value: str, reason: str) -> None:
    service.values[path] = value
    assert reason in notice(Metadata(service.url))


def test_a_session_token_that_is_not_good_any_more_is_renewed(service: MetadataService) -> None:
    metadata = Metadata(service.url)
    metadata.get("autoscaling/target-lifecycle-state")
    service.forget()
    with pytest.raises(MetadataUnavailable):
        metadata.get("autoscaling/target-lifecycle-state")
    assert metadata.get("autoscaling/target-lifecycle-state") == "InService"


def test_a_silent_service_is_asked_again_and_the_drain_happens_once(
    service: MetadataService,
) -> None:
    class Hiccups:
        """Fails first."""

        def __init__(self) -> None:
            self.asked = 0

        def get(self, path: str) -> str | None:
            self.asked += 1
            if self.asked < 3:
                raise MetadataUnavailable("no answer")
            return "Terminated" if path.startswith("auto") else None

    drained: list[int] = []
    reason = watch(Hiccups(), lambda: drained.append(1), threading.Event(), every=0.01)
    assert (reason, drained) == ("its group ends it", [1])


def test_the_program_runs_the_command_at_a_notice(service: MetadataService, tmp_path: Path) -> None:
    mark = tmp_path / "drained"
    agent = subprocess.Popen(
        [sys.executable, "-m", "shared.ec2_notices", "--", "touch", str(mark)],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "AWS_EC2_METADATA_SERVICE_ENDPOINT": service.url},
        stderr=subprocess.DEVNULL,
    )
    try:
        time.sleep(1)
        assert not mark.exists()
        service.values["spot/instance-action"] = "{}"
        for _ in range(200):
            if mark.exists():
                break
            time.sleep(0.1)
        assert mark.exists()
        assert agent.poll() is None, "it stays, else its supervisor would start it again"
    finally:
        agent.kill()
        agent.wait()
