"""Jobs that hang, crash and are killed, among jobs that do not."""

import os
import signal
import time
from pathlib import Path

import pytest
from bad_jobs import work

from dfd_lib.data import workers
from dfd_lib.data.workers import Lost, run_jobs


def test_each_bad_job_costs_itself_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "GRACE", 0.5)
    jobs = {f"good {number}": (f"good {number}", tmp_path) for number in range(4)}
    jobs = {"crash": ("crash", tmp_path / "a"), **jobs, "stuck": ("stuck", tmp_path), "killed": ("killed", tmp_path)}
    jobs |= {"crash once": ("crash once", tmp_path / "b"), "last": ("last", tmp_path), "threads": ("threads", tmp_path)}
    results = run_jobs(work, jobs, workers=2, limit=1)
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
        run_jobs(work, {"a": ("full disk", tmp_path), "b": ("b", tmp_path)}, workers=1, limit=60)
    assert run_jobs(work, {"c": ("c", tmp_path), "d": ("d", tmp_path)}, workers=1, limit=60, batch=8) == {"c": "c", "d": "d"}


@pytest.mark.slow
def test_batches_are_taken_apart_where_one_of_them_dies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "GRACE", 0.5)
    names = [*map(str, range(10)), "stuck", *map(str, range(10, 20)), "crash"]
    results = run_jobs(work, {name: (name, tmp_path / "mark") for name in names}, workers=2, limit=1, batch=7)
    assert {name for name, result in results.items() if isinstance(result, Lost)} == {"stuck", "crash"}
    assert set(results) == set(names)


@pytest.mark.slow
def test_where_nothing_survives_the_run_stops(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match=r"each died of the first it was given \(SIGSEGV\)"):
        run_jobs(work, {str(number): ("crash", tmp_path / str(number)) for number in range(100)}, workers=2, limit=60)
    assert len(list(tmp_path.iterdir())) < 20


@pytest.mark.slow
def test_a_process_that_died_in_its_sleep_is_replaced(tmp_path: Path) -> None:
    assert run_jobs(work, {"a": ("a", tmp_path)}, workers=1, limit=60) == {"a": "a"}
    (process,) = workers._PROCESSES[0]._processes.values()
    os.kill(process.pid, signal.SIGKILL)
    time.sleep(0.5)
    assert run_jobs(work, {"b": ("b", tmp_path)}, workers=1, limit=60) == {"b": "b"}


def test_without_processes_it_is_a_loop() -> None:
    assert run_jobs(lambda a, b: a + b, {"x": (1, 2), "y": (3, 4)}, workers=0, limit=1) == {"x": 3, "y": 7}
    assert run_jobs(work, {}, workers=2, limit=1) == {}
