"""The main job once more with a database server and a message broker: PostgreSQL, SNS and SQS."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import AWS_ENVIRONMENT
from tests.git_server import GitServer
from tests.platform import Platform


@pytest.mark.docker
@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_link_becomes_a_run_over_postgresql_sns_and_sqs(
    git_server: GitServer,
    ministack_url: str,
    new_database: Callable[..., str],
    tmp_path: Path,
) -> None:
    (tmp_path / "text.txt").write_text("one two\nthree\n")
    with Platform(
        tmp_path / "platform",
        allow=(git_server.address,),
        environ={**AWS_ENVIRONMENT, "AWS_ENDPOINT_URL": ministack_url},
        database_url=new_database("postgresql", migrated=False),
        bus_url="sns-sqs://mainjob",
    ) as platform:
        tool = platform.json("add", git_server.link("hello-python"), "--wait", "--json")
        run = platform.json(
            "run",
            tool["tool"],
            "--input",
            str(tmp_path / "text.txt"),
            "--wait",
            "--json",
            "--",
            "text.txt",
        )
        platform.cli("outputs", run["id"], "--dir", str(tmp_path / "out"))
        letters = platform.json("bus", "dead-letters", "--json")
        mails = platform.data / "mail"
        platform.wait(lambda: any(mails.rglob("*.eml")), 30, "the mail of the finished run")

    assert run["state"] == "succeeded"
    assert "2 lines and 3 words" in (tmp_path / "out" / "stdout").read_text()
    assert letters == []
    assert platform.left_behind() == []
