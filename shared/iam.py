"""IAM policies as data."""

from collections.abc import Iterable

Policy = dict[str, object]


def allow(
    sid: str,
    actions: Iterable[str],
    resources: Iterable[str],
    condition: Policy | None = None,
) -> Policy:
    """A statement."""
    statement: Policy = {
        "Sid": sid,
        "Effect": "Allow",
        "Action": list(actions),
        "Resource": list(resources),
    }
    return statement if condition is None else {**statement, "Condition": condition}


def policy(*statements: Policy) -> Policy:
    """A document of these statements."""
    return {"Version": "2012-10-17", "Statement": list(statements)}
