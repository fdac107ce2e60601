"""`1` or `0..4`: how few and how many of something there may be. Standard library only."""

from dataclasses import dataclass

MOST = 10_000


@dataclass(frozen=True)
class Bounds:
    """From `least` to `most`, both included."""

    least: int
    most: int

    @classmethod
    def parse(cls, text: str) -> "Bounds":
        """Raises `ValueError` with a sentence."""
        first, dots, last = text.strip().partition("..")
        words = [first, last] if dots else [first]
        if not all(word.isascii() and word.isdigit() for word in words):
            raise ValueError(f"{text[:40]!r} is neither a number nor a range such as 1..4")
        least, most = int(words[0]), int(words[-1])
        if least > most or most > MOST:
            raise ValueError(f"{text[:40]!r}: write the smaller number first, none above {MOST}")
        return cls(least, most)

    @property
    def is_range(self) -> bool:
        """Whether there is anything to decide."""
        return self.most > self.least

    def within(self, count: int) -> int:
        return min(self.most, max(self.least, count))
