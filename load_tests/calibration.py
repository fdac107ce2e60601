"""Does the simulator say what was measured? The arrivals of a load test, played again on its clock; pure."""

from dataclasses import dataclass

from load_tests.autoscaling import Load
from load_tests.measured import Measured
from load_tests.simulator import Delays, Ours, Outcome, simulate
from shared.scaling import Group


@dataclass(frozen=True)
class Calibration:
    """Means over all runs, in seconds."""

    measured_completion: float
    simulated_completion: float
    measured_wait: float
    simulated_wait: float
    outcome: Outcome

    @property
    def error(self) -> float:
        """Of the completion time, as a share of what was measured."""
        return abs(self.simulated_completion - self.measured_completion) / self.measured_completion


def calibrate(load: Load, found: Measured) -> Calibration:
    """How long each run held its slot is taken from the measurement; who waits how long is not."""
    looks = found.samples["runner"]
    first = next(look.at for look in looks if look.desired > 0)
    origin = first - load.period * (1 + first // load.period)  # decisions fall on its whole periods
    runs = sorted(found.runs, key=lambda run: run.asked)
    bounds = load.runner_bounds
    outcome = simulate(
        [run.asked - origin for run in runs],
        [run.finished - run.claimed for run in runs],
        Ours(Group(bounds.least, bounds.most, load.target_wait, load.hold), load.slots),
        slots=load.slots,
        first=bounds.least,
        delays=Delays(boot=found.boot_seconds(), evaluate=load.period, metrics=0.0, billed=0.0),
    )
    return Calibration(
        measured_completion=sum(run.finished - run.asked for run in runs) / len(runs),
        simulated_completion=outcome.mean_completion,
        measured_wait=sum(run.wait for run in runs) / len(runs),
        simulated_wait=outcome.mean_wait,
        outcome=outcome,
    )
