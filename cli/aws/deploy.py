"""What a stage is made of and how it comes to be: deploy, promote, status, destroy."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from botocore.exceptions import ClientError

from cli.aws import groups, leftovers, release, templates
from cli.aws.account import Account
from cli.aws.stack import Stack
from cli.aws.store import Store
from cli.failures import Failure
from shared.topology import QUEUES

Say = Callable[[str], None]
_NEVER_WAS = ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED")


@dataclass(frozen=True)
class Stage:
    """One installation of an account."""

    account: Account
    name: str
    stage: str
    poll_seconds: float = 3.0

    @property
    def prefix(self) -> str:
        return f"{self.name}-{self.stage}"

    @property
    def stack(self) -> Stack:
        return Stack(self.account, self.prefix, poll_seconds=self.poll_seconds)


def deploy(stage: Stage, root: Path, settings: Mapping[str, str], say: Say, *, wait: bool) -> str:
    """This checkout becomes what `stage` runs; gives the release's digest."""
    made = release.make(root)
    if made.changed:
        say("The checkout has changes that are in no commit; they are part of this release.")
    store = Store(stage.account)
    store.ensure()
    new = store.add(made)
    say(
        f"Release {made.digest[:12]} of {made.commit[:12]} ({len(made.archive) // 1024} kB)"
        + ("" if new else ", stored already")
    )
    sources = {
        p.name: p.read_text() for p in sorted((root / "aws_userdata").iterdir()) if p.is_file()
    }
    _apply(stage, store, sources, {**settings, "ReleaseDigest": made.digest}, say, wait=wait)
    return made.digest


def promote(
    stage: Stage, origin: Stage, settings: Mapping[str, str], say: Say, *, wait: bool
) -> str:
    """`stage` gets the release that `origin` runs: the same bytes, templates and scripts included."""
    digest = origin.stack.parameters().get("ReleaseDigest", "")
    if not digest:
        raise Failure(f"{origin.prefix} does not run: deploy to {origin.stage} first.")
    store = Store(stage.account)
    archive, notes = store.release(digest)
    say(
        f"Release {digest[:12]} of {notes.get('commit', 'an unknown commit')[:12]}, as {origin.stage} runs it"
    )
    if notes.get("changed") == "true":
        raise Failure(
            f"What {origin.stage} runs has changes that are in no commit: commit them and deploy again."
        )
    sources = release.templates_in(archive, digest)
    _apply(stage, store, sources, {**settings, "ReleaseDigest": digest}, say, wait=wait)
    return digest


def status(stage: Stage) -> dict[str, Any]:
    """What the stage is and how it stands, as plain data."""
    found = stage.stack.find()
    if found is None:
        return {"stack": stage.prefix, "state": "absent"}
    parameters, outputs = stage.stack.parameters(), stage.stack.outputs()
    digest = parameters.get("ReleaseDigest", "")
    return {
        "stack": stage.prefix,
        "state": found["StackStatus"],
        "release": digest,
        "commit": Store(stage.account).notes(digest).get("commit", ""),
        "url": parameters.get("PublicUrl", ""),
        "balancer": outputs.get("BalancerAddress", ""),
        "groups": groups.standing(stage.account, stage.prefix),
        "queues": _queues(stage),
        "alarms": _alarms(stage),
    }


def destroy(stage: Stage, say: Say, *, with_data: bool) -> list[str]:
    """Delete the stage; gives what is left of it, which is its data unless `with_data`."""
    found = stage.stack.find()
    never_was = found is not None and found["StackStatus"] in _NEVER_WAS
    if found and not never_was and stage.stack.parameters().get("KeepData") == "true":
        raise Failure(
            f"{stage.prefix} keeps its data: its database is protected. To give it up: "
            f"toolyard aws deploy --stage {stage.stage} --set KeepData=false, then destroy it."
        )
    stage.stack.delete(say)
    held = leftovers.of(stage.account, stage.prefix)
    if not with_data:
        return [one.told for one in held]
    for one in held:
        say(f"  deleting {one.told}")
        one.delete()
    return []


def _apply(
    stage: Stage,
    store: Store,
    sources: Mapping[str, str],
    settings: Mapping[str, str],
    say: Say,
    *,
    wait: bool,
) -> None:
    folder = store.folder_of(sources)
    texts = templates.packaged(sources, lambda name: store.address(f"{folder}/{name}"))
    store.put_templates(folder, texts)
    wanted = {
        **settings,
        "Name": stage.name,
        "Stage": stage.stage,
        "ReleaseBucket": store.bucket,
    }
    say(f"Changing {stage.prefix}")
    if not stage.stack.apply(store.address(f"{folder}/{templates.ROOT}"), wanted, say):
        say("  nothing to change")
    groups.replace_old(stage.account, stage.prefix, say, wait=wait)


def _queues(stage: Stage) -> list[dict[str, Any]]:
    sqs = stage.account.client("sqs")
    return [
        {
            "queue": queue,
            "waiting": _depth(sqs, f"{stage.prefix}-{queue}"),
            "dead": _depth(sqs, f"{stage.prefix}-{queue}-dead"),
        }
        for queue in QUEUES
    ]


def _depth(sqs: Any, name: str) -> int | None:
    attribute = "ApproximateNumberOfMessages"
    try:
        url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=[attribute])
    except ClientError:
        return None
    return int(found["Attributes"][attribute])


def _alarms(stage: Stage) -> list[str]:
    cloudwatch = stage.account.client("cloudwatch")
    pages = cloudwatch.get_paginator("describe_alarms").paginate(
        AlarmNamePrefix=f"{stage.prefix}-", StateValue="ALARM"
    )
    return [alarm["AlarmName"] for page in pages for alarm in page["MetricAlarms"]]
