"""`make bench`: run every benchmark and write the ratios, with the machine, the commit and the date.

    python tests/benchmarks/run.py --out reports/benchmarks.md [--only faces] [--tiny]
    python tests/benchmarks/run.py --only training.scores

A benchmark is a function `bench_*` of a module `bench_<part>.py` beside this file; it takes `tiny` and returns rows (see `measure`).
With `--only` the sections of the other parts stay in the page as they are; one benchmark of a part, such as `training.scores`, is told
and not written, since a section says when all of it was measured. Run it on a machine with nothing else to do.
"""

import argparse
import importlib
import inspect
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from benchmark_page import minutes, page, section, sections_of, told
from measure import Row, Share

Bench = Callable[[bool], Iterable[Row | Share]]


def parts() -> list[str]:
    """The names of all parts."""
    return sorted(file.stem.removeprefix("bench_") for file in Path(__file__).parent.glob("bench_*.py"))


def benchmarks(part: str, only: str = "") -> list[Bench]:
    """Every benchmark of a part by name, or only one; ValueError if there is none of that name."""
    functions = inspect.getmembers(importlib.import_module(f"bench_{part}"), inspect.isfunction)
    found = {name.removeprefix("bench_"): bench for name, bench in functions if name.startswith("bench_")}
    if only and only not in found:
        raise ValueError(f"{part}.{only}: expected one of {', '.join(f'{part}.{name}' for name in found)}.")
    return [bench for name, bench in found.items() if only in ("", name)]


def commit() -> str:
    """Of the code that is measured."""
    here = Path(__file__).parent.parent.parent

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=here, capture_output=True, text=True, check=False).stdout.strip()

    changed = git("status", "--porcelain", "--untracked-files=no", "--", "dfd_lib", "tests", "requirements.lock")
    return (git("rev-parse", "--short", "HEAD") or "unknown") + ("+changes" if changed else "")


def measured(part: str, tiny: bool, only: str = "") -> list[Row | Share]:
    """The rows of a part, or of one of its benchmarks, each said as it comes."""
    rows = []
    for bench in benchmarks(part, only):
        print(f"{bench.__name__} ...", file=sys.stderr, flush=True)
        for row in bench(tiny):
            rows.append(row)
            print(told(row), flush=True)
    return rows


def main() -> None:
    """Run, print seconds as they come; each part's section is written when it is done."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("reports/benchmarks.md"))
    parser.add_argument("--only", default="", help="one part alone, or one benchmark of it, such as training.scores")
    parser.add_argument("--tiny", action="store_true", help="sizes that only show that everything runs; nothing is written")
    options = parser.parse_args()
    chosen, _, single = options.only.removeprefix("bench_").partition(".")
    if chosen and chosen not in parts():
        parser.error(f"--only {chosen}: expected one of {', '.join(parts())}")
    begun, measures = time.monotonic(), commit()
    with tempfile.TemporaryDirectory() as out:
        os.environ["DFD_OUT"] = out  # pixels that are decoded for a benchmark are thrown away with it
        for part in [chosen] if chosen else parts():
            since, load = time.monotonic(), os.getloadavg()[0]
            rows = measured(part, options.tiny, single)
            if not options.tiny and not single:
                write(options.out, part, section(rows, commit=measures, seconds=time.monotonic() - since, load=load))
    print(f"all in {minutes(time.monotonic() - begun)}", flush=True)


def write(out: Path, part: str, text: str) -> None:
    """Put a part's section in the place of its older one; the others stay."""
    from dfd_lib.paths import whole

    others = sections_of(out.read_text()) if out.exists() else {}
    with whole(out) as beside:
        beside.write_text(page({**others, part: text}))


if __name__ == "__main__":
    main()
