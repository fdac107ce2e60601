"""One measured figure, and the bar it has to pass."""

from dataclasses import asdict, dataclass
from typing import Literal


@dataclass(frozen=True)
class Figure:
    """`ours` against `bare` on the same machine in the same minutes; without `bare` it is absolute."""

    name: str
    ours: float
    unit: str
    op: Literal["<=", ">="]
    value: float
    """The bar: for the ratio when there is a bare figure, else for ours."""
    bare: float | None = None
    note: str = ""

    @property
    def ratio(self) -> float | None:
        return None if self.bare is None else self.ours / self.bare

    @property
    def holds(self) -> bool:
        judged = self.ours if self.ratio is None else self.ratio
        return judged <= self.value if self.op == "<=" else judged >= self.value

    def as_json(self) -> dict[str, object]:
        """As `contracts.md` has it."""
        plain = asdict(self)
        bar = {"op": plain.pop("op"), "value": plain.pop("value")}
        return {**plain, "ratio": self.ratio, "bar": bar, "holds": self.holds}


def percentile(samples: list[float], share: float) -> float:
    """The sample that `share` of all samples do not exceed (nearest rank)."""
    ordered = sorted(samples)
    rank = max(1, -(-len(ordered) * round(share * 1000) // 1000))
    return ordered[rank - 1]
