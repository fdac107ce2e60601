"""Who may do what with images on ECR, as IAM policies (docs/permissions.md).

web creates repositories and assumes the image role; the image role may push everywhere below
the prefix, but web hands it on only under `session`: one repository, a quarter of an hour.
Workers need nothing: what they show to ECR comes with their job.
"""

from datetime import datetime

from shared.iam import Policy, allow, policy

TOKEN = ("ecr:GetAuthorizationToken",)
PULL = (
    "ecr:BatchCheckLayerAvailability",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
)
PUSH = (
    *PULL,
    "ecr:CompleteLayerUpload",
    "ecr:InitiateLayerUpload",
    "ecr:PutImage",
    "ecr:UploadLayerPart",
)


def minter(prefix: str, role: str, *, region: str, account: str, partition: str = "aws") -> Policy:
    """For web: make repositories, and act as the image role; `role` is that role's ARN."""
    repositories = f"arn:{partition}:ecr:{region}:{account}:repository/{prefix}/*"
    return policy(
        allow("OurRepositories", ("ecr:CreateRepository",), [repositories]),
        allow("ImageRole", ("sts:AssumeRole",), [role]),
    )


def role(prefix: str, *, region: str, account: str, partition: str = "aws") -> Policy:
    """For the image role, which only web may assume."""
    repositories = f"arn:{partition}:ecr:{region}:{account}:repository/{prefix}/*"
    return policy(allow("Tokens", TOKEN, ["*"]), allow("OurImages", PUSH, [repositories]))


def session(repository_arn: str, *, push: bool, until: datetime) -> Policy:
    """What is left of the image role in one worker's hands.

    ECR's tokens last longer than the session that they are asked for with, but never reach
    further than it: the time is a condition too, checked at each call.
    """
    ends: Policy = {"DateLessThan": {"aws:CurrentTime": until.strftime("%Y-%m-%dT%H:%M:%SZ")}}
    return policy(
        allow("Token", TOKEN, ["*"], ends),
        allow("OneRepository", PUSH if push else PULL, [repository_arn], ends),
    )
