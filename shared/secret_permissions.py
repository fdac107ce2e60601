"""What a process may do with secrets on AWS, as IAM policies (docs/permissions.md)."""

from collections.abc import Sequence

from shared.iam import Policy, allow, policy

READ = {
    "secretsmanager": ("secretsmanager:GetSecretValue",),
    "ssm": ("ssm:GetParameter",),
}
MAKE = {
    "secretsmanager": ("secretsmanager:CreateSecret",),
    "ssm": ("ssm:PutParameter",),
}
"""For what the installation makes at first use; not needed where a stack has made them all."""

OF_A_WORKER = ("worker-token",)
"""The only secret that a builder or runner reads."""


def reader(
    url: str, names: Sequence[str], *, region: str, account: str, partition: str = "aws"
) -> Policy:
    """For a process that reads these secrets of the store at `url`."""
    scheme, resources = _resources(url, names, region, account, partition)
    return policy(allow("OwnSecrets", READ[scheme], resources))


def maker(url: str, *, region: str, account: str, partition: str = "aws") -> Policy:
    """For web, utility and the operator: every secret of the installation, made at first use."""
    scheme, resources = _resources(url, ["*"], region, account, partition)
    return policy(allow("OurSecrets", (*READ[scheme], *MAKE[scheme]), resources))


def _resources(
    url: str, names: Sequence[str], region: str, account: str, partition: str
) -> tuple[str, list[str]]:
    scheme, _, prefix = url.partition("://")
    start = f"arn:{partition}:{scheme}:{region}:{account}:"
    if scheme == "ssm":
        return scheme, [f"{start}parameter/{prefix}/{name}" for name in names]
    # Secrets Manager puts six random characters behind each name.
    ends = [name if name == "*" else f"{name}-??????" for name in names]
    return scheme, [f"{start}secret:{prefix}/{end}" for end in ends]
