"""`make bench`: run every benchmark and write the ratios, with the machine and the date.

    python tests/benchmarks/run.py --out reports/benchmarks.md [--only faces] [--tiny]

A benchmark is a function `bench_*` of a module `bench_*.py` beside this file; it takes `tiny` and returns rows (see `measure`).
Run it on a machine with nothing else to do.
"""

import argparse
import importlib
import inspect
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from measure import Row, Share


def benchmarks(only: str = "") -> Iterator[Callable[[bool], Iterable[Row | Share]]]:
    """Every benchmark whose module's or own name holds `only`."""
    for file in sorted(Path(__file__).parent.glob("bench_*.py")):
        for name, bench in inspect.getmembers(importlib.import_module(file.stem), inspect.isfunction):
            if name.startswith("bench_") and only in f"{file.stem}.{name}":
                yield bench


def machine() -> str:
    """Processor, cores, memory and versions, in two lines."""
    from dfd_lib.stamp import environment

    facts = environment()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    built = "{processor}, {cores} cores, {system}".format(**facts["machine"])
    return f"{built}, {memory:.0f} GiB.\n{', '.join(f'{name} {version}' for name, version in facts['versions'].items())}."


def page(rows: list[Row | Share], load: float) -> str:
    """The report: ratios only, since seconds say more about the machine than about the code."""
    lines = [
        "# Benchmarks",
        "",
        "Written by `make bench`. Both ways were run turn by turn in one go; a ratio is how many times as fast ours was: the median,",
        "and in brackets the range over the turns. Targets are ratios too, and some have a budget in seconds on two cores.",
        "Where a target says `at least` or `at most`, the ratio is one of counts or bytes.",
        "",
        f"{datetime.now(UTC):%Y-%m-%d}, on {machine()}",
        f"Load average at the start: {load:.1f}" + (" - other work was running, so take these with care." if load > 0.5 else "."),
        "",
        "| what | against | ratio | target | share of its budget | reached |",
        "|---|---|---|---|---|---|",
    ]
    return "\n".join([*lines, *map(line, rows)]) + "\n"


def line(row: Row | Share) -> str:
    """One row of the page's table."""
    if isinstance(row, Share):
        return f"| {row.name} | {row.reference} | {row.value:.3f} | {row.target} | | {'yes' if row.reached else 'no'} |"
    low, high = row.ratios[0], row.ratios[-1]
    budget = "" if row.spent is None else f"{row.spent:.2f} of {row.budget:g} s"
    reached = "yes" if row.reached else "no"
    return f"| {row.name} | {row.reference} | {row.ratio:.2f} ({low:.2f} to {high:.2f}) | {row.target:.2f} | {budget} | {reached} |"


def told(row: Row | Share) -> str:
    """One row as it comes, with seconds."""
    if isinstance(row, Share):
        return f"{row.name}, {row.reference}: {row.target}, ratio {row.value:.3f}"
    return f"{row.name}: {min(row.ours):.2f} s, {row.reference}: {min(row.theirs):.2f} s, ratio {row.ratio:.2f}"


def main() -> None:
    """Run, print seconds as they come, write the page whole at the end."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("reports/benchmarks.md"))
    parser.add_argument("--only", default="", help="part of a benchmark's name")
    parser.add_argument("--tiny", action="store_true", help="sizes that only show that everything runs; nothing is written")
    options = parser.parse_args()
    from dfd_lib.paths import whole

    load = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as out:
        os.environ["DFD_OUT"] = out  # pixels that are decoded for a benchmark are thrown away with it
        rows = []
        for bench in benchmarks(options.only):
            print(f"{bench.__name__} ...", file=sys.stderr, flush=True)
            for row in bench(options.tiny):
                rows.append(row)
                print(told(row), flush=True)
    if not rows:
        sys.exit(f"bench: expected a benchmark with {options.only!r} in its name, found none")
    if not options.tiny:
        with whole(options.out) as beside:
            beside.write_text(page(rows, load))


if __name__ == "__main__":
    main()
