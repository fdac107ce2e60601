"""`toolyard aws`: release, deploy, promote, status, destroy, and what they say when they cannot."""

import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

import pytest

from cli.aws import deploy, groups, release
from cli.aws.account import Account
from cli.aws.deploy import Stage
from cli.aws.stack import Stack
from cli.aws.store import Store
from cli.failures import Failure
from tests.aws import emulated
from tests.aws.emulated import REGION, Installation
from tests.platform import ROOT


def toolyard(
    *arguments: str, typed: str = "", **environ: str
) -> "subprocess.CompletedProcess[str]":
    """`toolyard aws …` with nothing of this host's own AWS settings."""
    clean = {
        "PATH": os.environ["PATH"],
        "AWS_CONFIG_FILE": "/nonexistent",
        "AWS_SHARED_CREDENTIALS_FILE": "/nonexistent",
        "AWS_EC2_METADATA_DISABLED": "true",
        **environ,
    }
    return subprocess.run(
        [sys.executable, "-m", "cli", "aws", *arguments],
        cwd=ROOT,
        env=clean,
        input=typed,
        capture_output=True,
        text=True,
        check=False,
    )


def environ(at: Installation) -> dict[str, str]:
    return {"AWS_ENDPOINT_URL": at.url, "AWS_DEFAULT_REGION": REGION, **emulated.ROOT_CREDENTIALS}


class TestRelease:
    """What is packed, and under which name."""

    def test_the_same_files_are_the_same_release(self) -> None:
        one, other = release.pack({"b": b"2", "a": b"1"}), release.pack({"a": b"1", "b": b"2"})
        assert one == other != release.pack({"a": b"1", "b": b"3"})

    def test_it_holds_what_machines_run_and_no_more(self) -> None:
        made = release.make(ROOT)
        with tarfile.open(fileobj=io.BytesIO(made.archive)) as tar:
            names = set(tar.getnames())
        assert {"web/__main__.py", "requirements/runtime.txt", "aws_userdata/stack.yaml"} <= names
        assert not {name.split("/")[0] for name in names} & {
            "tests",
            "docs",
            "data",
            ".git",
            ".venv",
        }

    def test_damaged_bytes_are_no_release(self) -> None:
        with pytest.raises(Failure, match="damaged"):
            release.templates_in(release.pack({"aws_userdata/stack.yaml": b""}), "0" * 64)


class TestSentences:
    """Every mistake gets one sentence that says what to do."""

    @pytest.mark.parametrize(
        ("arguments", "environment", "sentence"),
        [
            (
                ["status", "--stage", "staging"],
                {"AWS_DEFAULT_REGION": REGION},
                "No AWS credentials",
            ),
            (["status", "--stage", "staging"], {}, "No AWS region"),
            (["deploy", "--stage", "production"], {}, "toolyard aws promote"),
            (["promote", "--stage", "staging"], {}, "cannot be promoted to itself"),
            (["deploy", "--stage", "staging", "--set", "x"], {}, "NAME=VALUE"),
        ],
    )
    def test_it_says_what_is_missing(
        self, arguments: list[str], environment: dict[str, str], sentence: str
    ) -> None:
        done = toolyard(*arguments, **environment)
        assert done.returncode in (1, 2) and sentence in done.stderr, done.stderr
        assert "Traceback" not in done.stderr

    def test_the_first_deployment_names_what_it_needs(self) -> None:
        """Parameters without a default as CloudFormation tells them; the emulator tells an empty one."""

        class CloudFormation:
            def describe_stacks(self, **names: str) -> dict[str, list[dict[str, str]]]:
                return {"Stacks": []}

            def get_template_summary(self, **names: str) -> dict[str, list[dict[str, str]]]:
                needed, other = {"ParameterKey": "PublicUrl"}, {"ParameterKey": "WebMin"}
                return {"Parameters": [needed, {**other, "DefaultValue": "2"}]}

        account: Any = type("Account", (), {"cloudformation": CloudFormation()})()
        stack = Stack(account, "p")
        with pytest.raises(Failure, match=r"needs a value for PublicUrl: --set NAME=VALUE"):
            stack.apply("https://…", {}, lambda line: None)
        with pytest.raises(Failure, match="knows no parameter Colour"):
            stack.apply("https://…", {"Colour": "red"}, lambda line: None)


class TestStack:
    """Changes and events, on a stack that is small."""

    def test_a_stack_is_made_changed_and_deleted_with_its_events_told(self, aws_url: str) -> None:
        account = emulated.account(aws_url)
        stack, told = Stack(account, "small", poll_seconds=0.1), list[str]()
        assert stack.apply(_put(account, retention=60), {}, told.append) is True
        assert any("CREATE_COMPLETE" in line and "One" in line for line in told)
        assert stack.outputs()["Where"].endswith("/small-one")

        told.clear()
        assert stack.apply(_put(account, retention=120), {"Name": "small-one"}, told.append) is True
        assert any("UPDATE_COMPLETE" in line for line in told)
        assert not any("CREATE_COMPLETE" in line for line in told), "old events are not told again"

        told.clear()
        assert stack.apply(_put(account, retention=120), {}, told.append) is False

        stack.delete(told.append)
        assert stack.find() is None
        assert any("DELETE_COMPLETE" in line for line in told)

    def test_what_aws_refuses_is_told_with_its_reason(self, aws_url: str) -> None:
        account = emulated.account(aws_url)
        stack = Stack(account, "refused", poll_seconds=0.1)
        with pytest.raises(Failure, match="ROLLBACK_COMPLETE"):
            stack.apply(_put(account, retention=5), {}, lambda line: None)
        with pytest.raises(Failure, match="destroy"):
            stack.apply(_put(account, retention=60), {}, lambda line: None)
        stack.delete(lambda line: None)


def _put(account: Account, retention: int) -> str:
    store = Store(account)
    store.ensure()
    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Parameters": {"Name": {"Type": "String", "Default": "small-one"}},
        "Resources": {
            "One": {
                "Type": "AWS::SQS::Queue",
                "Properties": {"QueueName": {"Ref": "Name"}, "MessageRetentionPeriod": retention},
            }
        },
        "Outputs": {"Where": {"Value": {"Ref": "One"}}},
    }
    store.put_templates("small", {"stack.yaml": json.dumps(template)})
    return store.address("small/stack.yaml")


class TestPromotion:
    """Production gets the bytes that staging runs."""

    @pytest.fixture
    def production(self, installation: Installation) -> Stage:
        return Stage(installation.stage.account, "toolyard", "production", poll_seconds=0.2)

    def _note(self, at: Installation, changed: str) -> None:
        """Whether the release was made from a commit, whatever this checkout is just now."""
        store, s3 = Store(at.stage.account), at.client("s3")
        archive, _ = store.release(at.digest)
        s3.put_object(
            Bucket=store.bucket,
            Key=release.key_of(at.digest),
            Body=archive,
            Metadata={"commit": "c0ffee", "changed": changed},
        )

    def test_what_is_in_no_commit_is_not_promoted(
        self, installation: Installation, production: Stage
    ) -> None:
        self._note(installation, "true")
        with pytest.raises(Failure, match="in no commit"):
            deploy.promote(production, installation.stage, {}, lambda line: None, wait=False)

    def test_production_runs_the_release_of_staging_until_it_is_destroyed(
        self, installation: Installation, production: Stage
    ) -> None:
        self._note(installation, "false")
        settings = {**emulated.settings("https://tools.example.org"), "KeepData": "true"}
        digest = deploy.promote(
            production, installation.stage, settings, lambda line: None, wait=False
        )
        assert digest == installation.digest == production.stack.parameters()["ReleaseDigest"]
        found = json.loads(
            toolyard("status", "--stage", "production", "--json", **environ(installation)).stdout
        )
        assert (found["release"], found["commit"]) == (digest, "c0ffee")
        assert {group["group"] for group in found["groups"]} == {
            f"toolyard-production-{service}" for service in ("builder", "runner", "utility", "web")
        }
        assert all(queue["waiting"] == queue["dead"] == 0 for queue in found["queues"])

        refused = toolyard(
            "destroy", "--stage", "production", "--confirm", "production", **environ(installation)
        )
        assert refused.returncode == 1 and "KeepData=false" in refused.stderr
        wrong = toolyard(
            "destroy", "--stage", "production", typed="staging\n", **environ(installation)
        )
        assert wrong.returncode == 1 and "Nothing was done" in wrong.stderr
        assert production.stack.find() is not None

        stage = _without_protection(production)
        deploy.destroy(stage, lambda line: None, with_data=False)
        assert production.stack.find() is None


def _without_protection(stage: Stage) -> Stage:
    """The stage after KeepData=false: the emulator cannot change parts of a stack (docs/aws.md)."""
    stage.account.client("rds").modify_db_instance(
        DBInstanceIdentifier=f"{stage.prefix}-database", DeletionProtection=False
    )

    class Given(Stage):
        @property
        def stack(self) -> Stack:
            class GivenUp(Stack):
                def parameters(self) -> dict[str, str]:
                    return {**super().parameters(), "KeepData": "false"}

            return GivenUp(self.account, self.prefix, poll_seconds=0.2)

    return Given(stage.account, stage.name, stage.stage)


def test_data_stays_until_it_is_named(installation: Installation) -> None:
    """What a stack leaves behind is told, and deleted only where that was asked for."""
    stage = Stage(installation.stage.account, "left", "staging", poll_seconds=0.2)
    bucket = f"left-staging-{emulated.NUMBER}-{REGION}"
    s3 = installation.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    for key in ("a/b", "a/c"):
        s3.put_object(Bucket=bucket, Key=key, Body=b"x")
    s3.delete_object(Bucket=bucket, Key="a/c")
    installation.client("ecr").create_repository(repositoryName="left-staging/tool")

    told = deploy.destroy(stage, lambda line: None, with_data=False)
    assert told == [
        f"the bucket {bucket} with all objects in it",
        "the images in left-staging/tool",
    ]
    assert bucket in _buckets(installation)

    assert deploy.destroy(stage, lambda line: None, with_data=True) == []
    assert bucket not in _buckets(installation)
    assert installation.stage.stack.outputs()["Bucket"] in _buckets(installation)


def _buckets(at: Installation) -> set[str]:
    return {bucket["Name"] for bucket in at.client("s3").list_buckets()["Buckets"]}


class TestReplacement:
    """Machines of an older release are replaced after a deployment; each drains first."""

    class AutoScaling:
        def __init__(self, machines: int) -> None:
            self.machines = machines
            self.begun: list[dict[str, Any]] = []
            self.asked = 0

        def describe_auto_scaling_groups(self, **names: Any) -> dict[str, Any]:
            one = {"AutoScalingGroupName": "p-runner", "Instances": [{}] * self.machines}
            return {"AutoScalingGroups": [one]}

        def start_instance_refresh(self, **wanted: Any) -> dict[str, str]:
            self.begun.append(wanted)
            return {"InstanceRefreshId": "r"}

        def describe_instance_refreshes(self, **names: Any) -> dict[str, Any]:
            self.asked += 1
            done = {"Status": "Successful", "PercentageComplete": 100}
            return {"InstanceRefreshes": [done if self.asked > 2 else {"Status": "InProgress"}]}

    def replaced(self, machines: int) -> tuple["TestReplacement.AutoScaling", list[str]]:
        scaling, told = self.AutoScaling(machines), list[str]()
        account: Any = type("Account", (), {"autoscaling": scaling})()
        groups.replace_old(account, "p", told.append, wait=True, poll_seconds=0)
        return scaling, told

    def test_old_workers_are_drained_and_new_ones_come_first(self) -> None:
        scaling, told = self.replaced(machines=2)
        [begun] = scaling.begun
        wanted = begun["Preferences"]
        assert wanted["MinHealthyPercentage"] == 100, "never fewer than before"
        assert wanted["ScaleInProtectedInstances"] == "Refresh"
        assert told[-1] == "  p-runner: Successful, 100 %"

    def test_a_group_without_machines_has_nothing_to_replace(self) -> None:
        scaling, told = self.replaced(machines=0)
        assert (scaling.begun, told) == ([], [])


def test_the_command_deploys_shows_and_destroys(aws_url: str, tmp_path: Path) -> None:
    """As a person types it; the installation has a name of its own."""
    at = {"AWS_ENDPOINT_URL": aws_url, "AWS_DEFAULT_REGION": REGION, **emulated.ROOT_CREDENTIALS}
    emulated.account(aws_url).client("ssm").put_parameter(
        Name=emulated.IMAGE, Value="ami-0123456789abcdef0", Type="String", Overwrite=True
    )
    values = [f"--set={k}={v}" for k, v in emulated.settings("https://tools.example.org").items()]
    name = ["--stage", "staging", "--name", "mine"]
    done = toolyard("deploy", *name, *values, **at)
    assert done.returncode == 0, done.stderr
    digest = json.loads(done.stdout)["release"]
    assert "CREATE_COMPLETE              mine-staging" in done.stderr
    shown = toolyard("status", *name, **at)
    assert digest in shown.stdout and "mine-staging-runner" in shown.stdout
    gone = toolyard("destroy", *name, "--with-data", typed="staging\n", **at)
    assert gone.returncode == 0 and json.loads(gone.stdout[gone.stdout.index("{") :])["left"] == []
    absent = json.loads(toolyard("status", *name, "--json", **at).stdout)
    assert absent["state"] == "absent"
