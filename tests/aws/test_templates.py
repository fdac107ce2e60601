"""The templates as text: lint, and what they must agree on with the code."""

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.aws import templates
from shared import bucket_s3
from shared.bus_sns_sqs import dead_name, queue_name, queue_policy, topic_name
from shared.settings import Settings
from shared.topology import MAX_RECEIVES, QUEUES, SUBSCRIPTIONS, TOPICS, VISIBILITY_SECONDS
from tests.platform import ROOT
from utility.settings import UtilitySettings
from web.settings import WebSettings

FOLDER = ROOT / "aws_userdata"
SOURCES = {path.name: path.read_text() for path in FOLDER.iterdir() if path.is_file()}
SERVICES = ("web", "utility", "builder", "runner")


class _Loader(yaml.SafeLoader):
    """Reads `!Ref x` and its like as `{"Ref": x}`."""


def _tagged(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> Any:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    return {suffix: value}


_Loader.add_multi_constructor("!", _tagged)


def template(name: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.load(SOURCES[name], _Loader)
    return found


def resources(name: str, kind: str) -> dict[str, dict[str, Any]]:
    """Properties of a template's resources of one type."""
    found = template(name)["Resources"]
    return {k: v.get("Properties", {}) for k, v in found.items() if v["Type"] == kind}


def plain(value: Any, prefix: str = "p") -> Any:
    """References as text: names are those of an installation called `prefix`."""
    if isinstance(value, dict):
        if "Sub" in value:
            return value["Sub"].replace("${Prefix}", prefix)
        if "Ref" in value:
            return value["Ref"]
        if "GetAtt" in value:
            return value["GetAtt"].removesuffix(".Arn")
        return {k: plain(v, prefix) for k, v in value.items()}
    return [plain(v, prefix) for v in value] if isinstance(value, list) else value


def test_no_rule_of_the_linter_is_broken(tmp_path: Path) -> None:
    packaged = templates.packaged(SOURCES, lambda name: f"https://s3.example.org/b/{name}")
    for name, text in packaged.items():
        (tmp_path / name).write_text(text)
    linter = Path(sys.executable).with_name("cfn-lint")
    files = [str(path) for path in sorted(tmp_path.glob("*.yaml"))]
    done = subprocess.run([str(linter), "-t", *files], capture_output=True, text=True, check=False)
    assert len(files) == 9 and done.returncode == 0, done.stdout + done.stderr


def test_scripts_pass_shellcheck() -> None:
    for service in SERVICES:
        whole = "#!/bin/bash\n" + SOURCES["common.sh"] + SOURCES[f"{service}.sh"]
        done = subprocess.run(
            ["shellcheck", "-"], input=whole, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, f"{service}: {done.stdout}{done.stderr}"


def test_topics_and_queues_are_the_topology() -> None:
    topics = {
        plain(p)["TopicName"] for p in resources("messaging.yaml", "AWS::SNS::Topic").values()
    }
    assert topics == {topic_name("p", topic) for topic in TOPICS}
    queues = {
        plain(p)["QueueName"]: plain(p)
        for p in resources("messaging.yaml", "AWS::SQS::Queue").values()
    }
    assert set(queues) == {f("p", queue) for f in (queue_name, dead_name) for queue in QUEUES}
    names = {
        logical: plain(p)["QueueName"]
        for logical, p in resources("messaging.yaml", "AWS::SQS::Queue").items()
    }
    for queue in QUEUES:
        made = queues[queue_name("p", queue)]
        assert made["VisibilityTimeout"] == VISIBILITY_SECONDS
        assert made["RedrivePolicy"]["maxReceiveCount"] == MAX_RECEIVES
        assert names[made["RedrivePolicy"]["deadLetterTargetArn"]] == dead_name("p", queue)


def test_subscriptions_and_their_filters_are_the_topology() -> None:
    topics = resources("messaging.yaml", "AWS::SNS::Topic")
    queues = resources("messaging.yaml", "AWS::SQS::Queue")
    found = set()
    for one in map(plain, resources("messaging.yaml", "AWS::SNS::Subscription").values()):
        assert one["RawMessageDelivery"] is True
        topic = plain(topics[one["TopicArn"]])["TopicName"]
        queue = plain(queues[one["Endpoint"]])["QueueName"]
        found |= {(topic, queue, kind) for kind in one["FilterPolicy"]["type"]}
    assert found == {
        (topic_name("p", s.topic), queue_name("p", s.queue), kind.__name__)
        for s in SUBSCRIPTIONS
        for kind in s.events
    }


def test_a_queue_takes_messages_of_its_topics_only() -> None:
    queues = resources("messaging.yaml", "AWS::SQS::Queue")
    policies = resources("messaging.yaml", "AWS::SQS::QueuePolicy")
    seen = set()
    for properties in policies.values():
        one = plain(properties)
        [queue] = one["Queues"]
        name = plain(queues[queue])["QueueName"].removeprefix("p-")
        topics = sorted({s.topic.capitalize() + "Topic" for s in SUBSCRIPTIONS if s.queue == name})
        wanted = queue_policy(queue, topics)
        assert one["PolicyDocument"] == wanted
        seen.add(name)
    assert seen == set(QUEUES)


@pytest.mark.parametrize("service", SERVICES)
def test_user_data_fits_and_holds_no_secret(service: str) -> None:
    file = "web.yaml" if service in ("web", "utility") else "workers.yaml"
    data = templates.packaged(SOURCES, lambda name: name)[file]
    found = yaml.load(data, _Loader)["Resources"]
    [launch] = [
        r["Properties"]["LaunchTemplateData"]
        for r in found.values()
        if r["Type"] == "AWS::EC2::LaunchTemplate"
        and r["Properties"]["LaunchTemplateName"]["Sub"].endswith(f"-{service}")
    ]
    parts = launch["UserData"]["Fn::Base64"]["Join"][1]
    whole = "\n".join(part if isinstance(part, str) else part["Sub"] for part in parts)
    assert "file://" not in whole
    assert len(whole.encode()) < templates.USER_DATA_BYTES - 2048  # values are longer than names
    settings = re.findall(r"^(TOOLYARD_[A-Z_]+)=", whole, re.MULTILINE)
    assert len(settings) == len(set(settings))
    assert not [name for name in settings if re.search(r"TOKEN|KEY$|SECRET$", name)]


def test_settings_in_user_data_are_settings_of_the_service() -> None:
    from builder_service.settings import BuilderSettings
    from runner_service.settings import RunnerSettings

    kinds: dict[str, type[Settings]] = {
        "web": WebSettings,
        "utility": UtilitySettings,
        "builder": BuilderSettings,
        "runner": RunnerSettings,
    }
    for file in ("web.yaml", "workers.yaml"):
        for launch in resources(file, "AWS::EC2::LaunchTemplate").values():
            service = launch["LaunchTemplateName"]["Sub"].removeprefix("${Prefix}-")
            [told] = [
                part["Sub"]
                for part in launch["LaunchTemplateData"]["UserData"]["Fn::Base64"]["Join"][1]
                if isinstance(part, dict)
            ]
            for name in re.findall(r"^TOOLYARD_([A-Z_]+)=", told, re.MULTILINE):
                assert name.lower() in kinds[service].model_fields, f"{service}: TOOLYARD_{name}"


def test_machines_are_closed() -> None:
    for file in ("web.yaml", "workers.yaml"):
        for launch in resources(file, "AWS::EC2::LaunchTemplate").values():
            data = launch["LaunchTemplateData"]
            assert data["MetadataOptions"]["HttpTokens"] == "required"
            assert data["MetadataOptions"]["HttpPutResponseHopLimit"] == 1
            assert all(n["AssociatePublicIpAddress"] is False for n in data["NetworkInterfaces"])
            assert all(b["Ebs"]["Encrypted"] is True for b in data["BlockDeviceMappings"])
            assert "KeyName" not in data


def test_workers_start_at_none_protected_and_held_until_drained() -> None:
    groups = {
        plain(p)["AutoScalingGroupName"]: p
        for p in resources("workers.yaml", "AWS::AutoScaling::AutoScalingGroup").values()
    }
    assert set(groups) == {"p-runner", "p-builder"}
    for group in groups.values():
        assert group["MinSize"] == "0" and "DesiredCapacity" not in group
        assert group["NewInstancesProtectedFromScaleIn"] is True
    held = [plain(p) for p in resources("workers.yaml", "AWS::AutoScaling::LifecycleHook").values()]
    assert {h["AutoScalingGroupName"] for h in held} == {"Runners", "Builders"}
    assert {h["LifecycleTransition"] for h in held} == {"autoscaling:EC2_INSTANCE_TERMINATING"}


def test_web_is_never_called_slow_and_quiet_at_once() -> None:
    """Both alarms' conditions are evaluated for a grid of what CloudWatch may measure."""
    alarms = resources("web.yaml", "AWS::CloudWatch::Alarm")
    slow_alarm, quiet_alarm = alarms["WebIsSlow"], alarms["WebIsQuiet"]
    assert slow_alarm["ComparisonOperator"] == "GreaterThanThreshold"
    assert quiet_alarm["ComparisonOperator"] == "LessThanThreshold"
    assert slow_alarm["ExtendedStatistic"] == quiet_alarm["Metrics"][2]["MetricStat"]["Stat"]
    defaults = {k: v.get("Default") for k, v in template("stack.yaml")["Parameters"].items()}
    limit, few = float(defaults["SlowSeconds"]), float(defaults["QuietRequests"])
    expression = quiet_alarm["Metrics"][0]["Expression"]["Sub"].replace(
        "${SlowSeconds}", str(limit)
    )
    assert (quiet_alarm["Threshold"], slow_alarm["Threshold"]) == (
        {"Ref": "QuietRequests"},
        {"Ref": "SlowSeconds"},
    )
    functions = {
        "IF": lambda wrong, yes, no: yes if wrong else no,
        "FILL": lambda value, instead: instead if value is None else value,
    }
    seen = set()
    for requests in (None, 0, few / 2, few, few * 10):
        for seconds in (None, 0.0, limit / 2, limit * 0.75, limit, limit * 1.01, limit * 20):
            grows = seconds is not None and seconds > limit
            names = {**functions, "slow": seconds, "requests": requests}
            shrinks = eval(expression, {"__builtins__": {}}, names) < few
            assert not (grows and shrinks), (requests, seconds)
            seen.add((grows, shrinks))
    assert seen == {(True, False), (False, True), (False, False)}


def test_outputs_and_parameters_hold_no_secret() -> None:
    for name in (n for n in SOURCES if n.endswith(".yaml")):
        found = template(name)
        for key, parameter in found["Parameters"].items():
            assert not re.search(r"(Password|Token|Key)$", key) or key in (
                "ManagedPassword",
                "BackupKey",
            )
            assert not parameter.get("NoEcho"), f"{name}: {key} would be a secret in a parameter"
        for key, output in found.get("Outputs", {}).items():
            assert "resolve:" not in str(output), f"{name}: {key}"


def test_the_bucket_is_the_one_that_the_object_store_expects() -> None:
    """CloudFormation words it a little differently than S3's API."""
    [bucket] = resources("data.yaml", "AWS::S3::Bucket").values()
    wanted = bucket_s3.expected(["PublicUrl"])
    assert bucket["PublicAccessBlockConfiguration"] == wanted["PublicAccessBlockConfiguration"]
    [made], [asked] = (
        plain(bucket)["CorsConfiguration"]["CorsRules"],
        wanted["CORSConfiguration"]["CORSRules"],
    )
    words = {"ExposeHeaders": "ExposedHeaders", "MaxAgeSeconds": "MaxAge"}
    assert made == {words.get(name, name): value for name, value in asked.items()}
    [life, people, gone], [ends, theirs, deleted] = (
        bucket["LifecycleConfiguration"]["Rules"],
        wanted["LifecycleConfiguration"]["Rules"],
    )
    assert life["AbortIncompleteMultipartUpload"] == ends["AbortIncompleteMultipartUpload"]
    assert people["Prefix"] == theirs["Filter"]["Prefix"]
    assert people["ExpirationInDays"] == theirs["Expiration"]["Days"]
    assert gone["NoncurrentVersionExpiration"] == deleted["NoncurrentVersionExpiration"]
    assert gone["ExpiredObjectDeleteMarker"] == deleted["Expiration"]["ExpiredObjectDeleteMarker"]
    assert bucket["VersioningConfiguration"] == wanted["VersioningConfiguration"]
    offered = UtilitySettings.model_fields["unfinished_upload_days"].default
    assert ends["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] > offered
    [rule] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    [same] = wanted["ServerSideEncryptionConfiguration"]["Rules"]
    assert rule["ServerSideEncryptionByDefault"] == same["ApplyServerSideEncryptionByDefault"]


@pytest.mark.parametrize("service", ["Web", "Utility"])
def test_web_and_utility_may_end_peoples_credentials_and_know_of_them(service: str) -> None:
    """Utility tells AWS what a web that died has left untold."""
    role = plain(resources("roles.yaml", "AWS::IAM::Role"))[f"{service}Role"]
    allowed = {
        (action, statement["Resource"])
        for policy in role["Policies"]
        for statement in policy["PolicyDocument"]["Statement"]
        for action in (
            [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]
        )
        if isinstance(statement["Resource"], str)
    }
    people = "arn:${AWS::Partition}:iam::${AWS::AccountId}:role/p-people"
    assert {("iam:PutRolePolicy", people), ("iam:DeleteRolePolicy", people)} <= allowed
    machine = str(resources("web.yaml", "AWS::EC2::LaunchTemplate")[f"{service}Template"])
    assert "TOOLYARD_PEOPLE_ROLE=${PeopleRole}" in machine
