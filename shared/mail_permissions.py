"""What notifier may do with SES, as an IAM policy (docs/permissions.md); its queues are in `bus_permissions`."""

from shared.iam import Policy, allow, policy

SEND = ("ses:SendEmail", "ses:SendRawEmail")


def sender(
    domain: str,
    configuration_set: str = "",
    *,
    region: str,
    account: str,
    partition: str = "aws",
) -> Policy:
    """For notifier: mails from our own domain, through our own configuration set."""
    start = f"arn:{partition}:ses:{region}:{account}:"
    resources = [f"{start}identity/{domain}"]
    if configuration_set:
        resources.append(f"{start}configuration-set/{configuration_set}")
    return policy(allow("OwnMails", SEND, resources))
