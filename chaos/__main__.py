"""`make chaos`: each of the faults, at full length."""

import argparse
import importlib
import sys

FAULTS = ("runner_kills", "outages", "bus_kills")


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--only", help="names, comma-separated: " + ", ".join(FAULTS))
    wanted = parser.parse_args().only
    names = wanted.split(",") if wanted else list(FAULTS)
    if unknown := set(names) - set(FAULTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(FAULTS)}")
    failed = [name for name in names if importlib.import_module(f"chaos.{name}").main([]) != 0]
    for name in failed:
        print(f"{name} FAILED", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
