"""The worker groups of a stage: machines of an older release are replaced, each drained first."""

import time
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from cli.aws.account import Account, code_of

WORKERS = ("builder", "runner")
ALL = ("web", "utility", *WORKERS)
_POLL_SECONDS = 10.0
_OVER = ("Successful", "Failed", "Cancelled", "RollbackSuccessful", "RollbackFailed")
Say = Callable[[str], None]


def standing(account: Account, prefix: str) -> list[dict[str, Any]]:
    """How many machines of each group are wanted and there."""
    names = [f"{prefix}-{group}" for group in ALL]
    found = account.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=names)
    return [
        {
            "group": group["AutoScalingGroupName"],
            "desired": group["DesiredCapacity"],
            "in_service": _in_service(group),
            "least": group["MinSize"],
            "most": group["MaxSize"],
        }
        for group in sorted(
            found["AutoScalingGroups"], key=lambda g: str(g["AutoScalingGroupName"])
        )
    ]


def replace_old(
    account: Account, prefix: str, say: Say, *, wait: bool, poll_seconds: float = _POLL_SECONDS
) -> None:
    """Begin to replace workers; with `wait` until the last run of the old ones is done."""
    begun = dict(_begin(account, prefix, say))
    while begun and wait:
        time.sleep(poll_seconds)
        for group, refresh in list(begun.items()):
            found = account.autoscaling.describe_instance_refreshes(
                AutoScalingGroupName=group, InstanceRefreshIds=[refresh]
            )["InstanceRefreshes"][0]
            say(f"  {group}: {found['Status']}, {found.get('PercentageComplete', 0)} %")
            if found["Status"] in _OVER:
                del begun[group]


def _begin(account: Account, prefix: str, say: Say) -> Iterator[tuple[str, str]]:
    names = [f"{prefix}-{group}" for group in WORKERS]
    found = account.autoscaling.describe_auto_scaling_groups(AutoScalingGroupNames=names)
    for group in found["AutoScalingGroups"]:
        name = str(group["AutoScalingGroupName"])
        if not group["Instances"]:
            continue  # new ones begin with the new release by themselves
        try:
            refresh = account.autoscaling.start_instance_refresh(
                AutoScalingGroupName=name,
                Preferences={
                    # New ones come first; old ones are held by the group's hook until they are drained.
                    "MinHealthyPercentage": 100,
                    "MaxHealthyPercentage": 150,
                    "ScaleInProtectedInstances": "Refresh",
                    "StandbyInstances": "Terminate",
                    "SkipMatching": True,
                },
            )["InstanceRefreshId"]
        except ClientError as error:
            if code_of(error) != "InstanceRefreshInProgress":
                raise
            say(f"  {name} is being replaced already")
            continue
        say(f"  {name}: machines of the old release finish their work and are replaced")
        yield name, str(refresh)


def _in_service(group: dict[str, Any]) -> int:
    return sum(one["LifecycleState"] == "InService" for one in group["Instances"])
