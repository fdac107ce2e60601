"""EC2 auto-scaling groups `<prefix>-runner` and `<prefix>-builder`, set by utility; workers never call this API.

Machines start protected from scale-in and stay so: for each one that is too many, one that holds
no lease loses its protection before the number is lowered, so the group can end no other.
"""

import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import boto3
import structlog
from botocore.exceptions import BotoCoreError, ClientError

from shared import scaling
from web.worker_groups import GroupsUnreachable, Standing

log = structlog.get_logger()

_AT_ONCE = 50
"""Instances that one call of the API takes."""
HOOK = "drain"
"""What the stack calls the hook that holds a machine while its worker drains."""
_THERE = frozenset({"InService", "Pending", "Pending:Wait", "Pending:Proceed"})
"""States of machines that serve, or soon will."""


def instance_of(lease_owner: str) -> str:
    """Workers on EC2 are called after their instance (`TOOLYARD_WORKER_HOST`)."""
    return lease_owner.partition(":")[0]


class Ec2Groups:
    """`client` is boto3's; AWS's own variables say where and who."""

    def __init__(
        self, prefix: str, client: Any = None, now: Callable[[], float] = time.time
    ) -> None:
        self._prefix = prefix
        self._now = now
        self._client: Any = client or boto3.client("autoscaling")
        self._drained: dict[str, set[str]] = {}
        """Of each group, machines in their last phase that held no lease at the last look."""

    def standing(self, group: str) -> Standing:
        with _reaching():
            found = self._describe(group)
            running = sum(one["LifecycleState"] in _THERE for one in found["Instances"])
            return Standing(running, self._trouble(group, found))

    def follow(self, group: str, desired: int, holders: Collection[str]) -> None:
        busy = {instance_of(holder) for holder in holders}
        with _reaching():
            found = self._describe(group)
            wanted = min(max(desired, found["MinSize"]), found["MaxSize"])
            serving = [one for one in found["Instances"] if one["LifecycleState"] == "InService"]
            idle = [one["InstanceId"] for one in serving if one["InstanceId"] not in busy]
            there = sum(one["LifecycleState"] in _THERE for one in found["Instances"])
            going = set(scaling.may_go(idle, present=there, desired=wanted))
            for protect in (True, False):  # first whoever must stay
                self._protect(
                    group,
                    [
                        one["InstanceId"]
                        for one in serving
                        if (one["InstanceId"] not in going) is protect
                        and one["ProtectedFromScaleIn"] is not protect
                    ],
                    protect,
                )
            if wanted < found["DesiredCapacity"]:
                # Not below the protected ones: the group could not follow, and would try for ever.
                wanted = max(wanted, min(there - len(going), found["DesiredCapacity"]))
            if wanted != found["DesiredCapacity"]:
                self._client.set_desired_capacity(
                    AutoScalingGroupName=self._name(group),
                    DesiredCapacity=wanted,
                    HonorCooldown=False,
                )
            self._let_go(group, found, busy)

    def _let_go(self, group: str, found: dict[str, Any], busy: set[str]) -> None:
        """Machines that wait for their end may have it once they hold no lease, at two looks."""
        waiting = [
            one["InstanceId"]
            for one in found["Instances"]
            if one["LifecycleState"] == "Terminating:Wait"
        ]
        free = {one for one in waiting if one not in busy}
        before = self._drained.get(group, set())
        for instance in waiting:
            if instance in free and instance not in before:
                continue  # it may just be claiming: its stop takes a moment
            names = {
                "AutoScalingGroupName": self._name(group),
                "LifecycleHookName": HOOK,
                "InstanceId": instance,
            }
            if instance in free:
                log.info("worker_let_go", group=group, instance=instance)
                self._client.complete_lifecycle_action(**names, LifecycleActionResult="CONTINUE")
            else:
                self._client.record_lifecycle_action_heartbeat(**names)
        self._drained[group] = free

    def _protect(self, group: str, instances: Sequence[str], protect: bool) -> None:
        for start in range(0, len(instances), _AT_ONCE):
            self._client.set_instance_protection(
                InstanceIds=list(instances[start : start + _AT_ONCE]),
                AutoScalingGroupName=self._name(group),
                ProtectedFromScaleIn=protect,
            )

    def _trouble(self, group: str, found: dict[str, Any]) -> str:
        """The breaker: machines that fail to start are not asked for again and again."""
        if found["DesiredCapacity"] <= sum(
            one["LifecycleState"] in _THERE for one in found["Instances"]
        ):
            return ""
        answer = self._client.describe_scaling_activities(
            AutoScalingGroupName=self._name(group), MaxRecords=50
        )
        failed = [
            one["StartTime"].timestamp()
            for one in answer["Activities"]
            if one["StatusCode"] == "Failed"
        ]
        if not scaling.launches_fail(failed, self._now()):
            return ""
        log.error("launches_failing", group=group, failed=len(failed))
        return (
            f"{scaling.FAILED_LAUNCHES} machines failed to start within "
            f"{scaling.FAILED_LAUNCHES_SECONDS / 60:g} minutes: no more are asked for."
        )

    def _describe(self, group: str) -> dict[str, Any]:
        answer = self._client.describe_auto_scaling_groups(
            AutoScalingGroupNames=[self._name(group)]
        )
        if not answer["AutoScalingGroups"]:
            raise GroupsUnreachable(f"there is no auto-scaling group {self._name(group)}")
        found: dict[str, Any] = answer["AutoScalingGroups"][0]
        return found

    def _name(self, group: str) -> str:
        return f"{self._prefix}-{group}"


@contextmanager
def _reaching() -> Iterator[None]:
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise GroupsUnreachable(str(error)) from error
