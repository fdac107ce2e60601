"""One stage's stack: changes shown before they are made, events as they happen."""

import time
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from cli.aws.account import Account, is_missing
from cli.failures import Failure

_POLL_SECONDS = 3.0
_CAPABILITIES = ["CAPABILITY_NAMED_IAM"]
_GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
_NESTED = "AWS::CloudFormation::Stack"
Say = Callable[[str], None]


class Stack:
    """`<name>-<stage>` in CloudFormation."""

    def __init__(self, account: Account, name: str, *, poll_seconds: float = _POLL_SECONDS) -> None:
        self._cloudformation: Any = account.cloudformation
        self.name = name
        self._poll = poll_seconds

    def find(self) -> dict[str, Any] | None:
        """What CloudFormation says of it; None when there is none, or only a plan of one."""
        try:
            found = self._cloudformation.describe_stacks(StackName=self.name)["Stacks"]
        except ClientError as error:
            if is_missing(error):
                return None
            raise
        stack: dict[str, Any] | None = found[0] if found else None
        if stack is None or stack["StackStatus"] in ("REVIEW_IN_PROGRESS", "DELETE_COMPLETE"):
            return None
        return stack

    def parameters(self) -> dict[str, str]:
        """As they are now; empty without a stack."""
        return _pairs(self.find(), "Parameters", "Parameter")

    def outputs(self) -> dict[str, str]:
        return _pairs(self.find(), "Outputs", "Output")

    def apply(self, template_url: str, wanted: Mapping[str, str], say: Say) -> bool:
        """Create or change it; False when nothing was to change. A `Failure` names what went wrong."""
        current = self.find()
        _refuse_stuck(self.name, current)
        known = _pairs(current, "Parameters", "Parameter")
        names = self._parameters_of(template_url)
        unknown = sorted(set(wanted) - set(names))
        if unknown:
            raise Failure(
                f"The stack knows no parameter {', '.join(unknown)}; it knows {', '.join(sorted(names))}."
            )
        missing = sorted(
            n
            for n, default in names.items()
            if n not in wanted and n not in known and default is None
        )
        if missing:
            raise Failure(
                f"The first deployment of {self.name} needs a value for {', '.join(missing)}: "
                "--set NAME=VALUE for each."
            )
        parameters = [{"ParameterKey": n, "ParameterValue": v} for n, v in wanted.items()] + [
            {"ParameterKey": n, "UsePreviousValue": True}
            for n in names
            if n in known and n not in wanted
        ]
        change = f"deploy-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
        self._cloudformation.create_change_set(
            StackName=self.name,
            ChangeSetName=change,
            ChangeSetType="UPDATE" if current else "CREATE",
            TemplateURL=template_url,
            Parameters=parameters,
            Capabilities=_CAPABILITIES,
            Tags=[{"Key": "toolyard", "Value": self.name}],
        )
        changes = self._planned(change)
        if changes is None:
            self._cloudformation.delete_change_set(StackName=self.name, ChangeSetName=change)
            return False
        for one in changes:
            say(f"  {one['Action'].lower():8} {one['LogicalResourceId']} ({one['ResourceType']})")
        since = self._newest_event()
        self._cloudformation.execute_change_set(StackName=self.name, ChangeSetName=change)
        self._follow(since, say)
        return True

    def delete(self, say: Say) -> None:
        """Delete it; what its templates retain stays."""
        current = self.find()
        if current is None:
            return
        since = self._newest_event()
        # By its id: the name finds nothing any more once it is deleted.
        stack_id = str(current["StackId"])
        self._cloudformation.delete_stack(StackName=stack_id)
        self._follow(since, say, stack_id, deleting=True)

    def resources(self) -> Iterator[dict[str, Any]]:
        """Everything in the stack and in its parts."""
        yield from self._resources(self.name)

    def _resources(self, stack: str) -> Iterator[dict[str, Any]]:
        pages = self._cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack)
        for page in pages:
            for resource in page["StackResourceSummaries"]:
                yield resource
                if resource["ResourceType"] == _NESTED and resource.get("PhysicalResourceId"):
                    yield from self._resources(resource["PhysicalResourceId"])

    def _parameters_of(self, template_url: str) -> dict[str, str | None]:
        summary = self._cloudformation.get_template_summary(TemplateURL=template_url)
        return {p["ParameterKey"]: p.get("DefaultValue") for p in summary["Parameters"]}

    def _planned(self, change: str) -> list[dict[str, Any]] | None:
        while True:
            found = self._cloudformation.describe_change_set(
                StackName=self.name, ChangeSetName=change
            )
            if found["Status"] == "CREATE_COMPLETE":
                return [one["ResourceChange"] for one in found.get("Changes", [])]
            if found["Status"] == "FAILED":
                reason = found.get("StatusReason", "")
                if "didn't contain changes" in reason or "No updates" in reason:
                    return None
                raise Failure(f"CloudFormation refused the templates: {reason}")
            time.sleep(self._poll)

    def _newest_event(self) -> str:
        return next((event["EventId"] for event in self._events(self.name)), "")

    def _events(self, stack: str) -> Iterator[dict[str, Any]]:
        """Newest first."""
        try:
            pages = self._cloudformation.get_paginator("describe_stack_events")
            for page in pages.paginate(StackName=stack):
                yield from page["StackEvents"]
        except ClientError as error:
            if not is_missing(error):
                raise

    def _follow(self, since: str, say: Say, stack: str = "", *, deleting: bool = False) -> None:
        """Tell each event until the stack rests; events of its parts too."""
        stack = stack or self.name
        seen, failures = {since}, []
        parts: set[str] = set()
        begun: datetime | None = None
        while True:
            status = self._status(stack)  # before the events: none of its last ones is missed
            told = [stack, *parts]
            for one in told:  # grows by the parts that are met on the way
                for event in self._new_events(one, seen, begun if one in parts else None):
                    begun = begun or event["Timestamp"]
                    part = event.get("PhysicalResourceId", "")
                    if event["ResourceType"] == _NESTED and part not in ("", event["StackId"]):
                        if part not in parts:
                            parts.add(part)
                            told.append(part)
                        if not event["ResourceStatus"].endswith("_FAILED"):
                            continue  # its own events say the same
                    say(line := _told(event))
                    if event["ResourceStatus"].endswith("_FAILED"):
                        failures.append(line.strip())
            if not status.endswith("_IN_PROGRESS") or status in _GOOD:
                break
            time.sleep(self._poll)
        if status == "DELETE_COMPLETE" if deleting else status in _GOOD:
            return
        why = "\n  ".join(failures[:5]) or "see the events above"
        raise Failure(f"{self.name} ended as {status}. The first reasons:\n  {why}")

    def _new_events(
        self, stack: str, seen: set[str], since: datetime | None
    ) -> list[dict[str, Any]]:
        """Those not told yet, oldest first."""
        new = []
        for event in self._events(stack):
            if event["EventId"] in seen or (since is not None and event["Timestamp"] < since):
                break
            seen.add(event["EventId"])
            new.append(event)
        return new[::-1]

    def _status(self, stack: str) -> str:
        try:
            found = self._cloudformation.describe_stacks(StackName=stack)["Stacks"]
        except ClientError as error:
            if is_missing(error):
                return "DELETE_COMPLETE"
            raise
        return str(found[0]["StackStatus"]) if found else "DELETE_COMPLETE"


def _told(event: Mapping[str, Any]) -> str:
    reason = event.get("ResourceStatusReason", "")
    return (
        f"  {event['Timestamp']:%H:%M:%S} {event['ResourceStatus']:28} {event['LogicalResourceId']}"
        + (f": {reason}" if reason else "")
    )


def _pairs(stack: Mapping[str, Any] | None, group: str, kind: str) -> dict[str, str]:
    entries = (stack or {}).get(group, [])
    return {entry[f"{kind}Key"]: str(entry.get(f"{kind}Value", "")) for entry in entries}


def _refuse_stuck(name: str, stack: Mapping[str, Any] | None) -> None:
    status = str((stack or {}).get("StackStatus", ""))
    if status in ("ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED", "DELETE_FAILED"):
        raise Failure(
            f"{name} is in the state {status} and cannot be changed: "
            "`toolyard aws destroy` it, then deploy again."
        )
    if status.endswith("_IN_PROGRESS") and status != _GOOD[2]:
        raise Failure(
            f"{name} is being changed by somebody else ({status}); try again when it rests."
        )
