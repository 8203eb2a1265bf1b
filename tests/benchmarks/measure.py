"""Two ways to do the same thing, timed turn by turn in one run, so that only their ratio is believed; and ratios of other numbers."""

import math
import os
import statistics
import subprocess
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple


@dataclass(frozen=True)
class Row:
    """One comparison.

    Args:
        name: what is done.
        reference: the other way to do it, in words.
        ours: seconds of each turn.
        theirs: seconds of each turn, scaled to the same amount of work.
        target: how many times as fast ours should be; 1 = as fast.
        budget: seconds that ours may take on two cores, if that was promised too.
    """

    name: str
    reference: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]
    target: float
    budget: float | None = None

    @property
    def ratios(self) -> list[float]:
        """How many times as fast ours was, turn by turn, ascending."""
        return sorted(theirs / ours for ours, theirs in zip(self.ours, self.theirs, strict=True))

    @property
    def ratio(self) -> float:
        """The median of `ratios`."""
        return statistics.median(self.ratios)

    @property
    def spent(self) -> float | None:
        """The share of the budget that ours took, if there is one."""
        return statistics.median(self.ours) / self.budget if self.budget else None

    @property
    def reached(self) -> bool:
        """Whether target and budget were both kept."""
        return self.ratio >= self.target and (self.spent or 0) <= 1


@dataclass(frozen=True)
class Share:
    """One comparison of two numbers that are not times.

    Args:
        name: what is counted.
        reference: what it is a share of, in words.
        value: the share.
        low, high: what is promised of it.
    """

    name: str
    reference: str
    value: float
    low: float = -math.inf
    high: float = math.inf

    @property
    def target(self) -> str:
        """The promise in words."""
        return f"at least {self.low:.2f}" if math.isfinite(self.low) else f"at most {self.high:.2f}"

    @property
    def reached(self) -> bool:
        """Whether it was kept."""
        return self.low <= self.value <= self.high


class Peak(NamedTuple):
    """The most bytes that processes held together, each figure at its own time.

    Args:
        resident: all their pages in memory, those of mapped files too, which the system takes back when it needs room.
        own: without those of mapped files, and shared memory: what the system cannot take back.
    """

    resident: int
    own: int


def peak_memory(command: list[str]) -> Peak:
    """What a command and its processes hold together at most, looked at every 20 ms (Linux); RuntimeError if it fails."""
    running = subprocess.Popen(command, start_new_session=True)
    peak = Peak(0, 0)
    while running.poll() is None:
        held = [memory_of(process, running.pid) for process in Path("/proc").glob("[0-9]*")]
        peak = Peak(*(max(before, sum(now)) for before, now in zip(peak, zip(*held, strict=True), strict=True)))
        time.sleep(0.02)
    if running.returncode:
        raise RuntimeError(f"{command}: expected exit code 0, came {running.returncode}")
    return peak


def memory_of(process: Path, session: int) -> Peak:
    """What a process holds by its `statm` (proc_pid_statm(5)), nothing if it belongs to another session or is gone."""
    try:
        if int((process / "stat").read_text().rpartition(")")[2].split()[3]) != session:
            return Peak(0, 0)
        _, resident, shared, *_ = map(int, (process / "statm").read_text().split())
    except (FileNotFoundError, ProcessLookupError):
        return Peak(0, 0)
    return Peak(resident * os.sysconf("SC_PAGE_SIZE"), (resident - shared) * os.sysconf("SC_PAGE_SIZE"))


def timed(way: Callable[[], object]) -> float:
    """Its seconds."""
    start = time.perf_counter()
    way()
    return time.perf_counter() - start


def race(
    name: str,
    ours: Callable[[], object],
    theirs: Callable[[], object] | float,
    *,
    reference: str,
    target: float,
    turns: int = 3,
    scale: float = 1,
    budget: float | None = None,
) -> Row:
    """Time both ways in turns, each first in every second turn.

    Args:
        name, reference, target, budget: see `Row`.
        ours, theirs: what is timed; or the seconds of `theirs`, where it takes so long that it ran once for several races.
        turns: how often each runs.
        scale: how many times the work of `theirs` is that of `ours`; a plain way may be too slow to run whole.
    """
    took: dict[str, list[float]] = {"ours": [], "theirs": []}
    for turn in range(turns):
        ways = [("ours", ours), ("theirs", theirs)]
        for key, way in ways if turn % 2 == 0 else reversed(ways):
            took[key].append(timed(way) if callable(way) else way)
    return Row(name, reference, tuple(took["ours"]), tuple(scale * one for one in took["theirs"]), target, budget)
