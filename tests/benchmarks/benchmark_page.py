"""`reports/benchmarks.md`: a section for each part, with its own date, commit and machine, so that one part can be measured anew."""

import os
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from measure import Row, Share

HEAD = """# Benchmarks

Written by `make bench`, or one part of it by `make bench ONLY=faces`. Both ways were run turn by turn in one go; a ratio is how many
times as fast ours was: the median, and in brackets the range over the turns. Targets are ratios too, and some have a budget in seconds
on two cores. Where a target says `at least` or `at most`, the ratio is one of counts or bytes.
"""

TABLE = """| what | against | ratio | target | share of its budget | reached |
|---|---|---|---|---|---|
"""


def page(sections: Mapping[str, str]) -> str:
    """The whole report, parts by name."""
    return HEAD + "".join(f"\n## {name}\n\n{sections[name].strip()}\n" for name in sorted(sections))


def sections_of(text: str) -> dict[str, str]:
    """What `page` was given, from what it wrote.

    Example:
        >>> sections_of(page({"faces": "fast", "training": "slow"}))
        {'faces': 'fast', 'training': 'slow'}
    """
    _, *parts = re.split(r"^## (\w+)\n", text, flags=re.MULTILINE)
    return {name: body.strip() for name, body in zip(parts[::2], parts[1::2], strict=True)}


def section(rows: Sequence[Row | Share], *, commit: str, seconds: float, load: float) -> str:
    """One part: when and on what it was measured, and its table; ratios only, since seconds say more of the machine than of the code."""
    calm = " - other work was running, so take these with care." if load > 0.5 else "."
    facts = [
        f"{datetime.now(UTC):%Y-%m-%d}, commit {commit}, measured in {minutes(seconds)}, on {machine()}",
        f"Load average at the start: {load:.1f}{calm}",
    ]
    return "\n".join(facts) + "\n\n" + TABLE + "\n".join(map(line, rows))


def minutes(seconds: float) -> str:
    """A duration in words.

    Example:
        >>> minutes(59.7), minutes(754)
        ('60 s', '12 min 34 s')
    """
    whole, rest = divmod(round(seconds), 60)
    return f"{round(seconds)} s" if seconds < 60 else f"{whole} min {rest} s"


def machine() -> str:
    """Processor, cores, memory and versions, in two lines."""
    from dfd_lib.stamp import environment

    facts = environment()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    built = "{processor}, {cores} cores, {system}".format(**facts["machine"])
    return f"{built}, {memory:.0f} GiB.\n{', '.join(f'{name} {version}' for name, version in facts['versions'].items())}."


def line(row: Row | Share) -> str:
    """One row of a table."""
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
