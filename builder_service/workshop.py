"""What every build of a worker uses: the ports, the operator's settings, the folder of state."""

from dataclasses import dataclass, field
from pathlib import Path

from builder_service.fetch import Source
from builder_service.operator_env import Operator
from shared.clock import Clock, SystemClock
from shared.containers import Containers
from shared.control import Control
from shared.heartbeats import SILENCE_SECONDS
from shared.quota import Quotas


@dataclass(frozen=True)
class Workshop:
    """Shared by the builds of one process."""

    control: Control
    containers: Containers
    data: Path
    state: Path
    """Locks and notes that all builders of this host share."""
    place: Path
    """This worker's own folder, the same for its successor; also the label of its containers."""
    source: Source = field(default_factory=Source)
    operator: Operator = field(default_factory=Operator)
    clock: Clock = field(default_factory=SystemClock)
    silence_seconds: float = SILENCE_SECONDS

    @property
    def trials(self) -> Quotas:
        """Working folders with limits, for built tools that are tried."""
        return Quotas(self.place / "trials")
