"""Many jobs in processes, where one that hangs or crashes costs itself alone.

Decoders are C code that reads what strangers wrote: some file among ten
thousand sends one of them into an endless loop, or takes its process with it.
So each process is a pool of its own with one piece of work at a time, and its
death tells whose fault it was; a watchdog outside of Python ends a job that has
overrun its limit, wherever it is stuck.
"""

import faulthandler
import functools
import os
import re
import threading
import time
import warnings
from collections.abc import Callable, Generator
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

import cv2
from joblib.externals.loky import ProcessPoolExecutor
from joblib.externals.loky.process_executor import BrokenProcessPool, TerminatedWorkerError
from tqdm import tqdm

Work = Callable[..., Any]
Jobs = dict[str, tuple]
"""From a job's name to the arguments of its work."""

IDLE = 300
"""Processes that had nothing to do for so many seconds end; until then the next call finds them warm."""

GRACE = 5
"""A job may overrun its limit by so many seconds before it is ended, so that work that looks at the clock can end in its own words."""

HOPELESS = 5
"""If the first so many pieces of work all end their process, it is not their fault, and the run stops."""

# one thread a process, whatever the environment says: two processes of two threads on two cores take eight times as long
_THREADS = ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "BLIS_NUM", "NUMBA_NUM", "NUMEXPR_NUM", "TF_NUM_INTRAOP", "TF_NUM_INTEROP")
# what a frame took is kept for the next one instead of being given back and asked for page by page: a fifth of a search's time (glibc)
_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(2**25), "MALLOC_TRIM_THRESHOLD_": str(2**27)}
_PROCESSES: dict[int, ProcessPoolExecutor] = {}


@dataclass(frozen=True)
class Lost:
    """What became of a job that has no result.

    Args:
        slow: it overran the limit and was ended; otherwise its process died, twice.
        killed: its process was ended by somebody else, as the system does when
            memory runs out; another time it may go well.
        reason: the same in words, one line.
    """

    slow: bool
    killed: bool
    reason: str


@dataclass(frozen=True)
class _Died:
    """A process ended in the middle of its work: by the watchdog, or by itself, and how, as far as that is known."""

    slow: bool
    signal: str


def run_jobs(
    work: Work, jobs: Jobs, *, workers: int, limit: float, batch: int = 1, bar: tqdm | None = None, hope: bool = False
) -> dict[str, Any]:
    """Do many jobs in processes; each has a result or is `Lost`, whatever becomes of the others.

    A job whose process dies is tried once more when the others are done and the
    machine is free: it may have died for want of memory.

    Args:
        work: called as `work(*job)`; an error that it raises stops the run.
        jobs: from name to arguments. Doing one twice must do no harm.
        workers: processes; 0 does all in this process, unprotected and without a limit.
        limit: seconds after which, and a `GRACE`, a job is ended, wherever it is stuck.
        batch: hand over so many at once, where a job takes hardly longer than handing it over.
        bar: moved on by each job.
        hope: such jobs have been done before, so that it is the files' fault if processes die.

    Returns:
        From name to result, in no order.

    Raises:
        RuntimeError: processes die whatever they are given.
    """
    bar = bar or tqdm(disable=True)
    results = {}
    pairs = _settled(work, jobs, workers, limit, batch, hope) if workers else ((name, work(*job)) for name, job in jobs.items())
    with closing(pairs), warnings.catch_warnings():
        # a process that has loaded TensorFlow is taken for one that leaks and is replaced, which is harmless
        warnings.filterwarnings("ignore", "A worker stopped while some jobs")
        for name, result in pairs:
            results[name] = result
            bar.update()
    return results


def _settled(work: Work, jobs: Jobs, workers: int, limit: float, batch: int, hope: bool) -> Generator[tuple[str, Any]]:
    again: Jobs = {}
    with closing(_in_processes(work, jobs, workers, limit, batch)) as pairs:
        for name, result in pairs:
            if isinstance(result, _Died) and (batch > 1 or not result.slow):
                again[name] = jobs[name]
                _check_hope(hope or len(again) < HOPELESS * batch, result)
            else:
                hope = True
                yield name, _verdict(result, limit)
    for name, result in _in_processes(work, again, 1, limit, 1):
        yield name, _verdict(result, limit)


def _check_hope(hope: bool, last: _Died) -> None:
    if not hope:
        raise RuntimeError(
            f"workers: expected processes to survive some file, each died of the first it was given{_by(last)}. "
            f"Look for what all files share: the detector, or too little memory for so many workers."
        )


def _verdict(result: Any, limit: float) -> Any:
    if not isinstance(result, _Died):
        return result
    if result.slow:
        return Lost(True, False, f"expected to be done within {limit:g} s, was stuck and had to be ended. Convert it, or allow more time.")
    if result.signal == "SIGKILL":
        return Lost(False, True, "expected enough memory, its process was killed, twice. Shrink it, or run fewer workers.")
    return Lost(False, False, f"expected a file that can be decoded, its process died of it, twice{_by(result)}. Convert it, or remove it.")


def _by(died: _Died) -> str:
    return f" ({died.signal})" if died.signal else ""


def _in_processes(work: Work, jobs: Jobs, workers: int, limit: float, batch: int) -> Generator[tuple[str, Any]]:
    """From name to result or `_Died`, as they come."""
    waiting = iter(jobs.items())
    idle = list(range(workers))
    running: dict[Future, tuple[int, float, list[str]]] = {}
    try:
        while True:
            while idle and (some := list(islice(waiting, batch))):
                number = idle.pop()
                running[_submit(number, work, some, limit)] = number, time.monotonic(), [name for name, _ in some]
            if not running:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                number, since, names = running.pop(future)
                idle.append(number)
                yield from _outcome(future, number, names, late=time.monotonic() - since >= limit + GRACE)
    finally:
        for number, *_ in running.values():  # left only by an error or an interruption
            _end(number)


def _outcome(future: Future, number: int, names: list[str], *, late: bool) -> list[tuple[str, Any]]:
    try:
        return list(zip(names, future.result(), strict=True))
    except TerminatedWorkerError as error:
        _end(number)
        signal = re.search(r"\{(\w+)\(-\d+\)", str(error))
        died = _Died(late and not signal, signal[1] if signal else "")  # the watchdog sends no signal
        return [(name, died) for name in names]


def _submit(number: int, work: Work, some: list[tuple[str, tuple]], limit: float) -> Future:
    for _ in range(2):  # one that was killed while it had nothing to do is known as broken only now
        try:
            return _process(number).submit(_do, work, [job for _, job in some], limit + GRACE)
        except BrokenProcessPool:
            _end(number)
    raise RuntimeError("workers: expected a process to start, it ended at once. Is there memory left?")


def _process(number: int) -> ProcessPoolExecutor:
    if number not in _PROCESSES:
        environment = {f"{name}_THREADS": "1" for name in _THREADS} | _MEMORY
        _PROCESSES[number] = ProcessPoolExecutor(1, timeout=IDLE, initializer=_begin, initargs=(os.getpid(),), env=environment)
    return _PROCESSES[number]


def _end(number: int) -> None:
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


def _do(work: Work, jobs: list[tuple], seconds: float) -> list[Any]:
    faulthandler.disable()  # the coverage tells of a crash; a trace of the stack in the middle of the progress bar helps nobody
    return [_watched(work, job, seconds) for job in jobs]


def _watched(work: Work, job: tuple, seconds: float) -> Any:
    """The watchdog is a thread in C, so it also ends what never comes back to Python."""
    faulthandler.dump_traceback_later(seconds, exit=True, file=_nowhere())
    try:
        return work(*job)
    finally:
        faulthandler.cancel_dump_traceback_later()


@functools.cache
def _nowhere() -> IO[str]:
    return Path(os.devnull).open("w")
