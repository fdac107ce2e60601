"""`make test-aws` begins only with a cap that covers it, and leaves nothing behind."""

import os
import subprocess
import sys
from typing import Any

import pytest

from tests.aws.prices import Estimate
from tests.aws.real import Refused, Wanted, gone_afterwards, sweep_contracts
from tests.platform import ROOT

TOLD = {f"TOOLYARD_AWS_TEST_{name}": "x" for name in ("URL", "CERTIFICATE", "ZONE", "MAIL")}


@pytest.mark.parametrize(
    ("environ", "sentence"),
    [
        ({}, "TOOLYARD_AWS_SPENDING_CAP"),
        ({"TOOLYARD_AWS_SPENDING_CAP": "much"}, "no number"),
        ({"TOOLYARD_AWS_SPENDING_CAP": "0.10"}, "nothing was begun"),
        ({"TOOLYARD_AWS_SPENDING_CAP": "50"}, "TOOLYARD_AWS_TEST_ZONE"),
    ],
)
def test_it_does_not_begin_without(environ: dict[str, str], sentence: str) -> None:
    with pytest.raises(Refused, match=sentence):
        Wanted.read(environ)


def test_it_begins_with_a_cap_above_the_estimate() -> None:
    assert Wanted.read({"TOOLYARD_AWS_SPENDING_CAP": "50", **TOLD}).cap == 50
    assert Wanted.read({"DRY_RUN": "1"}).dry, "an emulator costs nothing"
    assert Estimate(4).dollars > Estimate(2).dollars > 0


def test_the_program_ends_at_once_and_says_why() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "tests.aws.real"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2 and "SPENDING_CAP" in done.stderr and not done.stdout


def test_a_failure_in_the_middle_still_destroys(monkeypatch: pytest.MonkeyPatch) -> None:
    destroyed: list[bool] = []

    class Nothing:
        prefix = "p"

        class stack:  # noqa: N801
            @staticmethod
            def find() -> None:
                return None

    def destroy(stage: Any, say: Any, *, with_data: bool) -> list[str]:
        destroyed.append(with_data)
        return []

    monkeypatch.setattr("tests.aws.real.deploy.destroy", destroy)
    stage: Any = Nothing()
    with pytest.raises(ZeroDivisionError), gone_afterwards(stage):
        raise ZeroDivisionError
    assert destroyed == [True]


def test_only_what_the_contracts_made_is_swept() -> None:
    deleted: list[str] = []

    class Pages:
        def __init__(self, page: dict[str, Any]) -> None:
            self.page = page

        def paginate(self, **names: str) -> list[dict[str, Any]]:
            return [self.page]

    made = {
        "q/tabcdefghijkl0123-runner": "1000",
        "q/toolyard-staging-runner": "1000",
        "q/tzzzzzzzzzzzzzzz-runner": "10",
    }

    class Sqs:
        def get_paginator(self, name: str) -> Pages:
            return Pages({"QueueUrls": list(made)})

        def get_queue_attributes(self, *, QueueUrl: str, **names: Any) -> dict[str, Any]:  # noqa: N803
            return {"Attributes": {"CreatedTimestamp": made[QueueUrl]}}

        def delete_queue(self, *, QueueUrl: str) -> None:  # noqa: N803
            deleted.append(QueueUrl)

    class Sns:
        def get_paginator(self, name: str) -> Pages:
            arns = [
                "a:tabcdefghijkl0123-runs",
                "a:toolyard-staging-runs",
                "a:tzzzzzzzzzzzzzzz-runs",
            ]
            return Pages({"Topics": [{"TopicArn": arn} for arn in arns]})

        def delete_topic(self, *, TopicArn: str) -> None:  # noqa: N803
            deleted.append(TopicArn)

    sweep_contracts(Sqs(), Sns(), since=900)
    assert deleted == ["q/tabcdefghijkl0123-runner", "a:tabcdefghijkl0123-runs"]
