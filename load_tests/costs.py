"""What the AWS shape costs while idle and for 1,000 runs, at prices the reader can change: `python -m load_tests.costs [prices.json]`."""

import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

HOURS = 730.0
"""Of a month."""
PRICES = Path(__file__).with_name("prices.json")

Prices = Mapping[str, float]


@dataclass(frozen=True)
class Installation:
    """What stands although nobody uses it; builder and runner groups are at none."""

    web: int = 2
    utility: int = 1
    rds_instances: int = 2
    """Two with Multi-AZ."""
    rds_gb: float = 20.0
    disk_gb: float = 20.0
    """Of each machine."""
    nat_gateways: int = 1
    public_addresses: int = 3
    secrets: int = 8
    alarms: int = 15
    images_gb: float = 10.0
    results_gb: float = 20.0


@dataclass(frozen=True)
class RunShape:
    """One run, on average."""

    seconds: float = 30.0
    """Of a slot, container included."""
    slots: int = 2
    busy_share: float = 0.6
    """Of the workers' time that slots are taken: boots, hold and gaps are the rest (`load_tests.compare`)."""
    messages: int = 2
    sqs_calls: int = 8
    puts: int = 4
    gets: int = 3
    result_mb: float = 1.0
    log_kb: float = 4.0


def prices(path: Path = PRICES) -> Prices:
    """The file's numbers; its note is for people."""
    return {
        name: float(value) for name, value in json.loads(path.read_text()).items() if name != "note"
    }


def idle_month(at: Prices, has: Installation) -> dict[str, float]:
    """USD a month by part."""
    machines = has.web + has.utility
    return {
        "web and utility machines": machines * HOURS * at["t3_small_hour"],
        "their disks": machines * has.disk_gb * at["ebs_gp3_gb_month"],
        "load balancer": HOURS * (at["alb_hour"] + at["alb_capacity_unit_hour"]),
        "NAT gateway": has.nat_gateways * HOURS * at["nat_gateway_hour"],
        "public addresses": has.public_addresses * HOURS * at["public_ipv4_hour"],
        "database": has.rds_instances
        * (HOURS * at["rds_t4g_small_hour"] + has.rds_gb * at["rds_storage_gb_month"]),
        "secrets and alarms": has.secrets * at["secret_month"] + has.alarms * at["alarm_month"],
        "images and results": has.images_gb * at["ecr_gb_month"]
        + has.results_gb * at["s3_gb_month"],
        "runners and builders": 0.0,
    }


def thousand_runs(at: Prices, run: RunShape) -> dict[str, float]:
    """USD for 1,000 runs beyond what stands anyhow; one month of their results."""
    hours = 1000 * run.seconds / run.slots / run.busy_share / 3600
    disk = hours / HOURS * 50 * at["ebs_gp3_gb_month"]
    return {
        "runners": hours * at["t3_large_hour"] + disk,
        "messages": 1000
        * (run.messages * at["sns_million"] + run.sqs_calls * at["sqs_million"])
        / 1e6,
        "object requests": run.puts * at["s3_thousand_puts"] + run.gets * at["s3_thousand_gets"],
        "results, a month hot": run.result_mb * at["s3_gb_month"],
        "network address translation": run.result_mb * at["nat_gb"],
        "logs": run.log_kb / 1000 * at["logs_gb"],
    }


def main(arguments: list[str]) -> int:
    at = prices(Path(arguments[0]) if arguments else PRICES)
    for title, parts in (
        ("idle, USD a month", idle_month(at, Installation())),
        ("1,000 runs of 30 s, USD", thousand_runs(at, RunShape())),
    ):
        print(title)
        for name, cost in parts.items():
            print(f"  {name:<30} {cost:9.3f}")
        print(f"  {'together':<30} {sum(parts.values()):9.3f}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
