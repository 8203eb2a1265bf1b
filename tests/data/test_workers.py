"""Jobs that hang, crash and are killed, among jobs that do not."""

import os
import signal
import time
from pathlib import Path

import pytest
from bad_jobs import ready, work

from dfd_lib.data import processes
from dfd_lib.data.workers import Lost, run_jobs


def results_of(work, jobs: dict[str, tuple], **how: object) -> dict[str, object]:
    """From each job's name to what became of it; each is told once."""
    results: dict[str, object] = {}

    def take(name: str, result: object) -> None:
        assert name not in results
        results[name] = result

    run_jobs(work, iter(jobs.items()), take, **how)
    return results


def test_each_bad_job_costs_itself_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GRACE", 0.5)
    jobs = {f"good {number}": (f"good {number}", tmp_path) for number in range(4)}
    jobs = {"crash": ("crash", tmp_path / "a"), **jobs, "stuck": ("stuck", tmp_path), "killed": ("killed", tmp_path)}
    jobs |= {"crash once": ("crash once", tmp_path / "b"), "last": ("last", tmp_path), "threads": ("threads", tmp_path)}
    results = results_of(work, jobs, workers=2, limit=1)
    assert set(results) == set(jobs)
    lost = {name: results.pop(name) for name in ("crash", "stuck", "killed")}
    assert {name: (one.slow, one.killed) for name, one in lost.items()} == {
        "crash": (False, False),
        "stuck": (True, False),
        "killed": (False, True),
    }
    assert "within 1 s" in lost["stuck"].reason
    assert "SIGSEGV" in lost["crash"].reason
    assert "memory" in lost["killed"].reason
    assert results.pop("threads") == "1"
    assert all(results[name] == name for name in results), "a job that dies once of something else is done again"


def test_an_error_of_the_work_stops_the_run_and_the_next_one_starts_anew(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="No space left"):
        results_of(work, {"a": ("full disk", tmp_path), "b": ("b", tmp_path)}, workers=1, limit=60)
    assert results_of(work, {"c": ("c", tmp_path), "d": ("d", tmp_path)}, workers=1, limit=60, batch=8) == {"c": "c", "d": "d"}


@pytest.mark.slow
def test_batches_are_taken_apart_where_one_of_them_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GRACE", 0.5)
    names = [*map(str, range(10)), "stuck", *map(str, range(10, 20)), "crash"]
    results = results_of(work, {name: (name, tmp_path / "mark") for name in names}, workers=2, limit=1, batch=7)
    assert {name for name, result in results.items() if isinstance(result, Lost)} == {"stuck", "crash"}
    assert set(results) == set(names)


@pytest.mark.slow
def test_files_that_all_end_their_process_stop_nothing(tmp_path: Path) -> None:
    jobs = {str(number): ("crash", tmp_path / str(number)) for number in range(7)} | {"good": ("good", tmp_path)}
    results = results_of(work, jobs, workers=1, limit=60, control=(ready, str(tmp_path / "ready"), "well"))
    assert {name for name, result in results.items() if isinstance(result, Lost)} == {str(number) for number in range(7)}
    assert results["good"] == "good"


def test_a_machine_on_which_nothing_gets_ready_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"every one died \(SIGSEGV\)\. No file is to blame"):
        results_of(work, {"a": ("a", tmp_path)}, workers=1, limit=60, control=(ready, str(tmp_path / "ready"), "crash"))


@pytest.mark.slow
def test_where_one_process_cannot_get_ready_the_others_do_its_work(tmp_path: Path) -> None:
    jobs = {str(number): (str(number), tmp_path) for number in range(4)}
    assert results_of(work, jobs, workers=2, limit=60, control=(ready, str(tmp_path / "ready"), "one alone")) == {n: n for n in jobs}


def test_getting_ready_does_not_count_against_the_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "GRACE", 0.1)
    jobs = {name: (name, tmp_path) for name in "ab"}
    assert results_of(work, jobs, workers=1, limit=0.4, control=(ready, str(tmp_path / "ready"), "slow")) == {"a": "a", "b": "b"}
    assert (tmp_path / "ready").read_text() == "1", "once a process"


@pytest.mark.parametrize("workers", [0, 1])
def test_a_job_without_enough_memory_costs_itself_alone(tmp_path: Path, workers: int) -> None:
    results = results_of(work, {"large": ("memory", tmp_path), "good": ("good", tmp_path)}, workers=workers, limit=60, batch=2)
    assert results["good"] == "good"
    assert (results["large"].slow, results["large"].killed) == (False, True)
    assert results["large"].reason.startswith("not enough memory")


def test_jobs_are_asked_for_as_they_are_begun() -> None:
    asked: list[int] = []
    done: list[tuple[str, int]] = []

    def jobs():
        for number in range(50):
            asked.append(number)
            yield str(number), (number,)

    run_jobs(lambda number: len(asked), jobs(), lambda *result: done.append(result), workers=0, limit=1)
    assert done == [(str(number), number + 1) for number in range(50)]


@pytest.mark.slow
def test_a_process_that_died_in_its_sleep_is_replaced(tmp_path: Path) -> None:
    assert results_of(work, {"a": ("a", tmp_path)}, workers=1, limit=60) == {"a": "a"}
    (process,) = processes._PROCESSES[0]._processes.values()
    os.kill(process.pid, signal.SIGKILL)
    time.sleep(0.5)
    assert results_of(work, {"b": ("b", tmp_path)}, workers=1, limit=60) == {"b": "b"}


def test_without_processes_it_is_a_loop() -> None:
    assert results_of(lambda a, b: a + b, {"x": (1, 2), "y": (3, 4)}, workers=0, limit=1) == {"x": 3, "y": 7}
    assert results_of(work, {}, workers=2, limit=1) == {}
