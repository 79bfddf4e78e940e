"""`make bench`: every benchmark in one run, one table, one JSON file."""

from __future__ import annotations

import argparse
import importlib
import sys
import time

from bench.report import Row, publish

PARTS = (
    "codec",
    "listener",
    "pool",
    "streams",
    "aggregate",
    "rules",
    "alerts",
    "workers",
    "sink",
    "scaling",
    "views",
    "queries",
    "endtoend",
    "visible",
    "latency",
)


def main() -> None:
    """Run the parts named on the command line, all of them when none is."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"of {', '.join(PARTS)}; all when none is named"
    )
    chosen = parser.parse_args().parts or PARTS
    rows: list[Row] = []
    for part in chosen:
        began = time.monotonic()
        rows.extend(importlib.import_module(f"bench.{part}").rows())
        print(f"{part}: {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    publish("all" if chosen == PARTS else "-".join(chosen), rows)


if __name__ == "__main__":
    main()
