"""How long a finished run's results stay hot."""

KEPT_HOT = frozenset({"premium"})
"""Plans whose results never move to cold storage."""


def due_at(plan: str, now_ms: int, grace_seconds: int) -> int | None:
    """When the results move, or None: the plan keeps them hot."""
    return None if plan in KEPT_HOT else now_ms + grace_seconds * 1000
