"""Days of arrivals and of requests, drawn from a seed: the same for every policy; pure."""

import math
import random
from collections.abc import Callable
from dataclasses import dataclass

HOUR = 3600.0
DAY = 24 * HOUR

Rate = Callable[[float], float]
"""Arrivals a second at a time of the day."""


@dataclass(frozen=True)
class Trace:
    """Runs of one day: when they are asked for and how long each takes."""

    name: str
    what: str
    arrivals: list[float]
    services: list[float]
    seconds: float = DAY


def drawn(
    name: str, what: str, rate: Rate, most: float, mean: float, seconds: float = DAY, seed: int = 11
) -> Trace:
    """Poisson arrivals by thinning; service times exponential, none shorter than a container's start."""
    chance = random.Random(f"{name}{seed}")
    arrivals, services, at = [], [], 0.0
    while (at := at + chance.expovariate(most)) < seconds:
        if chance.random() < rate(at) / most:
            arrivals.append(at)
            services.append(max(1.0, chance.expovariate(1 / mean)))
    return Trace(name, what, arrivals, services, seconds)


def _day(at: float) -> float:
    """Quiet at night, most at 15:00."""
    return math.pow(max(0.0, math.sin((at / DAY - 0.375) * 2 * math.pi)), 1.5)


def traces() -> list[Trace]:
    """What the policies are compared on."""

    def spike(at: float) -> float:
        return 4.0 if 9 * HOUR < at < 9 * HOUR + 180 else 0.003

    def classes(at: float) -> float:
        return 1.5 if 8 * HOUR < at < 18 * HOUR and at % HOUR < 120 else 0.003

    def ramp(at: float) -> float:
        return 0.2 * at / DAY

    def locusts(at: float) -> float:
        return 1.0 if 6 * HOUR < at < 7 * HOUR else 0.0

    return [
        drawn("day", "a working day, at most 14 runs at once", lambda t: 0.23 * _day(t), 0.23, 60),
        drawn("spike", "720 runs within three minutes, else little", spike, 4.0, 60),
        drawn("classes", "180 runs at each full hour of the day", classes, 1.5, 60),
        drawn("ramp", "growing all day to 18 runs at once", ramp, 0.2, 90),
        drawn("locusts", "an hour of one run a second, then silence", locusts, 1.0, 60),
    ]


def beyond() -> Trace:
    """Growing to half as much again as ten workers can carry: the original only falls behind."""
    return drawn("beyond", "growing all day to 31 runs at once", lambda t: 0.35 * t / DAY, 0.35, 90)


def quiet() -> Trace:
    """Where a group that goes to none shows what that costs: a boot for almost every run."""
    return drawn("quiet", "four runs an hour", lambda t: 4 / HOUR, 4 / HOUR, 60)


def large(runs: int, workers: int, slots: int) -> Trace:
    """So many runs that so many workers are needed for most of the time."""
    mean, load = 120.0, 0.8
    rate = load * workers * slots / mean
    seconds = runs / rate
    chance = random.Random(3)
    arrivals, at = [], 0.0
    for _ in range(runs):
        at += chance.expovariate(rate)
        arrivals.append(at)
    services = [max(1.0, chance.expovariate(1 / mean)) for _ in range(runs)]
    return Trace("large", f"{runs:,} runs at {rate:.0f} a second", arrivals, services, seconds)


def web_rates(step: float) -> list[float]:
    """Requests a second over a day: a daily wave, and a storm of ten minutes at noon."""
    chance = random.Random(5)
    rates = []
    for n in range(int(DAY / step)):
        at = n * step
        storm = 170.0 if 12 * HOUR < at < 12 * HOUR + 600 else 0.0
        rates.append((2.0 + 60.0 * _day(at) + storm) * chance.uniform(0.8, 1.2))
    return rates
