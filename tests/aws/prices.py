"""What a test on a real account may cost: list prices of us-east-1, to be changed here when AWS changes them."""

from dataclasses import dataclass

HOURLY = {
    "load balancer": 0.0225 + 0.008,
    "NAT gateway": 0.045,
    "public addresses": 3 * 0.005,
    "web (2 × t3.small)": 2 * 0.0208,
    "utility (t3.small)": 0.0208,
    "runner (c6i.large)": 0.085,
    "builder (c6i.large)": 0.085,
    "database (db.t4g.micro)": 0.016,
    "disks (5, gp3)": 0.04,
}
"""US dollars, on demand, as listed when this was written (docs/aws.md says what is not in it)."""
FIXED = {"requests, transfer, logs, secrets": 0.50}


@dataclass(frozen=True)
class Estimate:
    """Dollars for so many hours."""

    hours: float

    @property
    def dollars(self) -> float:
        return round(sum(HOURLY.values()) * self.hours + sum(FIXED.values()), 2)

    def refusal(self, cap: float) -> str:
        """Why the test may not begin, or an empty text."""
        if cap <= 0:
            return "The spending cap must be above 0 dollars."
        if self.dollars > cap:
            return (
                f"The test may cost {self.dollars:.2f} dollars ({self.hours:g} hours), "
                f"the cap is {cap:.2f}: nothing was begun."
            )
        return ""
