"""Greets a text file: counts its lines and words and shows the most frequent ones."""

import argparse
import csv
import re
import sys
import time
from collections import Counter
from pathlib import Path

from tabulate import tabulate

__version__ = "1.0.0"


def main() -> int:
    parser = argparse.ArgumentParser(prog="hello", description=__doc__)
    parser.add_argument("file", help="the text file to read, or - for standard input")
    parser.add_argument(
        "-n", "--top", type=int, default=5, metavar="N", help="how many words to show"
    )
    parser.add_argument(
        "-o", "--output", metavar="CSV", help="write all words and their counts to this file"
    )
    parser.add_argument(
        "--slow", type=float, default=0, metavar="SECONDS", help="pause after each line read"
    )
    parser.add_argument("--version", action="version", version=f"hello {__version__}")
    arguments = parser.parse_args()

    reads_input = arguments.file == "-"
    words: Counter[str] = Counter()
    lines = 0
    with sys.stdin if reads_input else Path(arguments.file).open(encoding="utf-8") as source:
        for line in source:
            lines += 1
            words.update(re.findall(r"\w+", line.lower()))
            if arguments.slow:
                print(f"read line {lines}", file=sys.stderr, flush=True)
                time.sleep(arguments.slow)

    print(f"Hello, {arguments.file}! You have {lines} lines and {words.total()} words.")
    print(tabulate(words.most_common(arguments.top), headers=["word", "count"]))
    if arguments.output:
        with Path(arguments.output).open("w", newline="", encoding="utf-8") as file:
            table = csv.writer(file)
            table.writerow(["word", "count"])
            table.writerows(words.most_common())
    return 0


if __name__ == "__main__":
    sys.exit(main())
