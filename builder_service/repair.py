"""Second plans: what the text of a failure says is missing is added to the plan. Pure."""

from shared.plan import Plan


def repair(plan: Plan, said: str) -> tuple[Plan, str] | None:
    """The plan with what is missing, and a sentence on it; None when the text names nothing that we know."""
    return None
