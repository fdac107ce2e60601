"""How many users there are at each moment of a load test; pure."""

from collections.abc import Callable

Shape = Callable[[float, int], int]
"""Users at a share of the time (0 to 1), of so many at most."""

MOST_USERS = 200
LONGEST_SECONDS = 3600.0


def ramp(share: float, most: int) -> int:
    """Up evenly for two thirds, all for a sixth, down again."""
    if share < 2 / 3:
        return max(1, round(most * share * 1.5))
    return most if share < 5 / 6 else max(1, round(most * (1 - share) * 6))


def spike(share: float, most: int) -> int:
    """Hardly anybody, all at once for two fifths of the time, hardly anybody."""
    return most if 0.1 <= share < 0.5 else 1


def soak(share: float, most: int) -> int:
    """Half of them, all the time."""
    return max(1, most // 2)


def locusts(share: float, most: int) -> int:
    """All at once for half of the time, then silence."""
    return most if share < 0.5 else 0


SHAPES: dict[str, Shape] = {"ramp": ramp, "spike": spike, "soak": soak, "locusts": locusts}


def users(name: str, seconds: float, lasts: float, most: int) -> int | None:
    """Users after `seconds` of a test that `lasts` so long; None when it is over."""
    if seconds >= min(lasts, LONGEST_SECONDS):
        return None
    return SHAPES[name](seconds / lasts, min(most, MOST_USERS))
