"""Processes that work side by side and may die, each a pool of its own with one piece of work at a time.

So a death tells which work it came of. A watchdog outside of Python ends work
that has overrun its limit, wherever it is stuck.
"""

import faulthandler
import functools
import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import cv2
from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.process_executor import BrokenProcessPool, TerminatedWorkerError

Work = Callable[..., Any]
Job = tuple[str, tuple]
"""A job's name and the arguments of its work."""

IDLE = 300
"""Processes that had nothing to do for so many seconds end; until then the next call finds them warm."""

GRACE = 5
"""A job may overrun its limit by so many seconds before it is ended, so that work that looks at the clock can end in its own words."""

CONTROL_LIMIT = 600
"""Seconds that the control job may take; a detector on a slow disk is opened in one of them."""

NO_MEMORY = ("SIGKILL", "MemoryError")
"""How jobs die where no memory is left: the system kills their process, or they are told."""

# one thread a process, whatever the environment says: two processes of two threads on two cores take eight times as long
_THREADS = ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "BLIS_NUM", "NUMBA_NUM", "NUMEXPR_NUM", "TF_NUM_INTRAOP", "TF_NUM_INTEROP")
# what a frame took is kept for the next one instead of being given back and asked for page by page: a fifth of a search's time (glibc)
_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**27)}
_PROCESSES: dict[int, ProcessPoolExecutor] = {}


@dataclass(frozen=True)
class Died:
    """A job ended without a result: by the watchdog, with its process (and how, as far as that is known), or for want of memory."""

    slow: bool
    signal: str


@dataclass(frozen=True)
class Task:
    """What a process is doing: the control job, before the jobs that wait for it, or these jobs."""

    number: int
    jobs: list[Job]
    control: bool
    since: float


class Processes:
    """Processes that work side by side; each survives its control job before it is given anything else."""

    def __init__(self, work: Work, limit: float, control: tuple) -> None:
        self.work, self.limit, self.control = work, limit, control
        self.sound: set[int] = set()
        self.deaths: Counter[int] = Counter()  # of the control job
        self.running: dict[Future, Task] = {}

    def start(self, number: int, jobs: list[Job]) -> None:
        """Give jobs to a process, or, if it has not shown yet that it is sound, the control job in their name."""
        task = Task(number, jobs, number not in self.sound, time.monotonic())
        own = [] if task.control else [job for _, job in jobs]
        self.running[_submit(number, self.work, own, self.limit + GRACE, self.control)] = task

    def ended(self) -> Generator[tuple[Task, list | Died]]:
        """What some task has come to, as soon as one has."""
        for future in wait(self.running, return_when=FIRST_COMPLETED).done:
            task = self.running.pop(future)
            late = time.monotonic() - task.since >= (CONTROL_LIMIT if task.control else self.limit + GRACE)
            result = _outcome(future, task.number, late)
            if isinstance(result, Died):
                self.sound.discard(task.number)
                self.deaths[task.number] += task.control
            else:
                self.sound.add(task.number)
                self.deaths[task.number] = 0
            yield task, result


def _outcome(future: Future, number: int, late: bool) -> list | Died:
    try:
        return future.result()
    except MemoryError:  # of the control job
        return Died(False, "MemoryError")
    except TerminatedWorkerError as error:
        end(number)
        signal = re.search(r"\{(\w+)\(-\d+\)", str(error))
        return Died(late and not signal, signal[1] if signal else "")  # the watchdog sends no signal


def _submit(number: int, work: Work, jobs: list[tuple], seconds: float, control: tuple) -> Future:
    for _ in range(2):  # one that was killed while it had nothing to do is known as broken only now
        try:
            return _process(number).submit(_do, work, jobs, seconds, control)
        except BrokenProcessPool:
            end(number)
    raise RuntimeError("workers: expected a process to start, it ended at once. Is there memory left?")


def _process(number: int) -> ProcessPoolExecutor:
    if number not in _PROCESSES:
        environment = {f"{name}_THREADS": "1" for name in _THREADS} | _MEMORY
        _PROCESSES[number] = ProcessPoolExecutor(1, timeout=IDLE, initializer=_begin, initargs=(os.getpid(),), env=environment)
    return _PROCESSES[number]


def end(number: int) -> None:
    """End a process, whatever it is doing; its number gets a new one when it is given work."""
    _PROCESSES.pop(number).shutdown(kill_workers=True)


# -- in the process --


def _begin(parent: int) -> None:
    cv2.setNumThreads(1)
    threading.Thread(target=_follow, args=(parent,), daemon=True).start()


def _follow(parent: int) -> None:
    """End when the run is gone, so that a killed run leaves nobody writing."""
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _do(work: Work, jobs: list[tuple], seconds: float, control: tuple) -> list[Any]:
    faulthandler.disable()  # the coverage tells of a crash; a trace of the stack in the middle of the progress bar helps nobody
    _get_ready(control)
    return [_watched(seconds, guarded, work, job) for job in jobs]


@functools.cache
def _get_ready(control: tuple) -> None:
    """Once a process, also in one that quietly took another's place."""
    if control:
        _watched(CONTROL_LIMIT, *control)


def guarded(work: Work, job: tuple) -> Any:
    """The result, or `Died` where there was not enough memory for it."""
    try:
        return work(*job)
    except MemoryError:
        return Died(False, "MemoryError")


def _watched(seconds: float, work: Work, *job: Any) -> Any:
    """The watchdog is a thread in C, so it also ends what never comes back to Python."""
    faulthandler.dump_traceback_later(seconds, exit=True, file=_nowhere())
    try:
        return work(*job)
    finally:
        faulthandler.cancel_dump_traceback_later()


@functools.cache
def _nowhere() -> IO[str]:
    return Path(os.devnull).open("w")
