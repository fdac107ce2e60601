"""`make bench`: runs every module beside this one that has `measure(context)`, tells and keeps the figures.

A module yields `bench.figures.Figure`s; its name with dashes is what `ONLY=` takes.
"""

import argparse
import contextlib
import importlib
import json
import os
import pkgutil
import platform
import sys
import tempfile
import traceback
from pathlib import Path

import bench
from bench.context import Context
from bench.figures import Figure

RESULT = Path("build/bench.json")


def measurements() -> dict[str, str]:
    """Module by the name that `ONLY=` takes."""
    names = [m.name for m in pkgutil.iter_modules(bench.__path__) if not m.name.startswith("_")]
    return {
        n.replace("_", "-"): f"bench.{n}" for n in names if n not in ("figures", "context", "bare")
    }


def machine() -> str:
    """Cores, memory and system, for the reader of the table."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") / 2**30
    return f"{os.cpu_count()} cores, {pages:.0f} GiB, {platform.system()} {platform.release()}"


def table(figures: list[Figure]) -> str:
    """A Markdown table."""
    rows = ["| name | ours | bare | ratio | bar | holds | note |", "|---|--:|--:|--:|---|---|---|"]
    for f in figures:
        bare = "" if f.bare is None else f"{f.bare:.4g} {f.unit}"
        ratio = "" if f.ratio is None else f"{f.ratio:.2f}"
        rows.append(
            f"| {f.name} | {f.ours:.4g} {f.unit} | {bare} | {ratio} | {f.op} {f.value:g} "
            f"| {'yes' if f.holds else '**no**'} | {f.note} |"
        )
    return "\n".join(rows)


def main() -> int:
    known = measurements()
    parser = argparse.ArgumentParser(prog="make bench")
    parser.add_argument("--only", help="names, comma-separated: " + ", ".join(known))
    wanted = parser.parse_args().only
    names = wanted.split(",") if wanted else list(known)
    if unknown := set(names) - set(known):
        parser.error(f"unknown: {', '.join(sorted(unknown))}; there are {', '.join(known)}")
    figures: list[Figure] = []
    broken: list[str] = []
    with contextlib.ExitStack() as stack:
        scratch = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="toolyard-bench-")))
        context = Context(scratch, stack)
        for name in names:
            print(f"measuring {name}", file=sys.stderr)
            try:
                figures += importlib.import_module(known[name]).measure(context)
            except Exception:
                traceback.print_exc()
                broken.append(name)
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps([f.as_json() for f in figures], indent=2) + "\n")
    print(f"On {machine()}:\n\n{table(figures)}")
    for name in broken:
        print(f"{name} could not be measured; see above", file=sys.stderr)
    return 1 if broken or not all(f.holds for f in figures) else 0


if __name__ == "__main__":
    sys.exit(main())
