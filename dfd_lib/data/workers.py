"""Many jobs in processes, where one that hangs or crashes costs itself alone.

Decoders are C code that reads what strangers wrote: some file among ten
thousand sends one of them into an endless loop, or takes its process with it.
So each process is a pool of its own with one piece of work at a time, and its
death tells whose fault it was; a watchdog outside of Python ends a job that has
overrun its limit, wherever it is stuck. Before its first job every process does
a control job, in which no file has a part: if it dies of that, no file is to
blame, and what it takes to get ready counts against no file's limit.
"""

import warnings
from collections.abc import Callable, Generator, Iterable
from contextlib import closing
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any

from tqdm import tqdm

from dfd_lib.data.processes import CONTROL_LIMIT, NO_MEMORY, Died, Job, Processes, Work, end, guarded


@dataclass(frozen=True)
class Lost:
    """What became of a job that has no result.

    Args:
        slow: it overran the limit and was ended; otherwise its process died, twice.
        killed: there was not enough memory, or its process was ended by somebody
            else, as the system does then; another time it may go well.
        reason: the same in words, one line.
    """

    slow: bool
    killed: bool
    reason: str


def run_jobs(
    work: Work,
    jobs: Iterable[Job],
    take: Callable[[str, Any], object],
    *,
    workers: int,
    limit: float,
    batch: int = 1,
    bar: tqdm | None = None,
    control: tuple = (),
) -> None:
    """Do many jobs in processes; each has a result or is `Lost`, whatever becomes of the others.

    A job whose process dies, or that has not enough memory, is tried once more
    when the others are done and the machine is free. Jobs are asked for as they
    are begun and results given away as they come, so nothing is held here.

    Args:
        work: called as `work(*job)`; an error that it raises stops the run.
        jobs: pairs (name, arguments). Doing one twice must do no harm.
        take: called with each job's name and its result, or `Lost`, in no order.
        workers: processes; 0 does all in this process, unprotected and without a limit.
        limit: seconds after which, and a `GRACE`, a job is ended, wherever it is stuck.
        batch: hand over so many at once, where a job takes hardly longer than handing it over.
        bar: moved on by each job.
        control: a function and its arguments, the control job. A worker that
            dies of it twice is done without.

    Raises:
        RuntimeError: every worker died of the control job.
    """
    bar = bar or tqdm(disable=True)
    results = _settled(work, jobs, workers, limit, batch, control) if workers else _here(work, jobs, control)
    with closing(results), warnings.catch_warnings():
        # a process that has loaded TensorFlow is taken for one that leaks and is replaced, which is harmless
        warnings.filterwarnings("ignore", "A worker stopped while some jobs")
        for name, result in results:
            take(name, _verdict(result, limit))
            bar.update()


def _here(work: Work, jobs: Iterable[Job], control: tuple) -> Generator[tuple[str, Any]]:
    for place, (name, job) in enumerate(jobs):
        if control and not place:
            control[0](*control[1:])
        yield name, guarded(work, job)


def _settled(work: Work, jobs: Iterable[Job], workers: int, limit: float, batch: int, control: tuple) -> Generator[tuple[str, Any]]:
    again: list[Job] = []
    with closing(_in_processes(work, jobs, workers, limit, batch, control)) as results:
        for job, result in results:
            if isinstance(result, Died) and (batch > 1 or not result.slow):
                again.append(job)
            else:
                yield job[0], result
    for job, result in _in_processes(work, again, 1, limit, 1, control):
        yield job[0], result


def _verdict(result: Any, limit: float) -> Any:
    if not isinstance(result, Died):
        return result
    if result.slow:
        return Lost(True, False, f"expected to be done within {limit:g} s, was stuck and had to be ended. Convert it, or allow more time.")
    if result.signal in NO_MEMORY:
        how = ": its process was killed, twice" if result.signal == "SIGKILL" else ""
        return Lost(False, True, f"not enough memory{how}. Shrink it, or run fewer workers.")
    return Lost(False, False, f"expected a file that can be decoded, its process died of it, twice{_by(result)}. Convert it, or remove it.")


def _by(died: Died) -> str:
    return f" ({died.signal})" if died.signal else ""


def _in_processes(work: Work, jobs: Iterable[Job], workers: int, limit: float, batch: int, control: tuple) -> Generator[tuple[Job, Any]]:
    """Each job with its result or `Died`, as they come."""
    waiting, idle = iter(jobs), list(range(workers))
    processes = Processes(work, limit, control)
    try:
        while True:
            while idle and (some := list(islice(waiting, batch))):
                processes.start(idle.pop(), some)
            if not processes.running:
                return
            for task, result in processes.ended():
                if not task.control:
                    idle.append(task.number)
                    yield from zip(task.jobs, [result] * len(task.jobs) if isinstance(result, Died) else result, strict=True)
                elif not isinstance(result, Died) or processes.deaths[task.number] < 2:
                    processes.start(task.number, task.jobs)
                else:
                    waiting = chain(task.jobs, waiting)  # for the others
                    _check_hope(bool(processes.running or idle), result)
    finally:
        for task in processes.running.values():  # left only by an error or an interruption
            end(task.number)


def _check_hope(hope: bool, last: Died) -> None:
    if not hope:
        how = f"took more than {CONTROL_LIMIT} s" if last.slow else f"died{_by(last)}"
        raise RuntimeError(
            f"workers: expected a process that gets ready for the first file, every one {how}. No file is to blame: "
            "look at the detector's package and at the memory that is left, or run fewer workers."
        )
