"""A run killed at random moments finishes when it is started again, and redoes no step that was finished."""

import os
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from dfd_lib.paths import PART
from dfd_lib.tables import read_table

STEPS = [
    "clips are listed",
    "faces are listed",
    "looked at the media",
    "split by group",
    "measured what a leak",
    "looked for leaks",
    "tuned lenet",
    ", seed 1",
    "compared and calibrated",
    "tried every",
    "scored the test part",
    "measured what the models",
    "explained",
    "tried the detector",
    "trained all ablations",
    "compared the ablations",
    "toured",
    "Best single",
]
"""What each step says when it is done, and none of another's words; the three trainings say the same."""


@pytest.mark.slow
def test_killed_again_and_again(tmp_path):
    moments = random.Random(1)
    logs = [run_smoke(tmp_path, moments.uniform(3, 45)) for _ in range(8)] + [run_smoke(tmp_path, None)]
    # read at the end: a step lives half a second longer than the run that was killed, and may use it
    finished = sum(map(steps_in, logs), Counter())
    wanted = Counter({step: 3 if step == ", seed 1" else 1 for step in STEPS})
    assert not wanted - finished
    # a kill may fall between a step's last word and the record that it is done
    assert (finished - wanted).total() <= 2
    assert steps_in(run_smoke(tmp_path, None)) == Counter()  # nothing is left to do
    (tmp_path / "reports" / "smoke" / "metrics.csv").unlink()
    assert steps_in(run_smoke(tmp_path, None))["compared and calibrated"] == 1  # though the page is there

    report = tmp_path / "reports" / "smoke"
    assert (report / "index.html").stat().st_size > 10_000
    assert set(read_table(report / "metrics.csv")["model"]) == {"lenet", "lenet-default", "meso4", "majority"}
    assert not list(tmp_path.rglob(f"{PART}*")), "half-written files are left behind"


def run_smoke(out: Path, seconds: float | None) -> Path:
    """Run the tiny experiment, kill -9 it after so many seconds; what it said is in a file of its own."""
    command = [sys.executable, "-m", "dfd_lib.cli", "report", "smoke", "--cores", "2"]
    log = out / f"said-{len(list(out.glob('said-*.txt')))}.txt"
    with log.open("w") as said:
        run = subprocess.Popen(command, env={**os.environ, "DFD_OUT": str(out)}, stdout=said, stderr=subprocess.STDOUT)
        try:
            assert run.wait(timeout=seconds) == 0, log.read_text()
        except subprocess.TimeoutExpired:
            run.kill()
            run.wait()
    return log


def steps_in(log: Path) -> Counter:
    """The steps that were finished, by what they said."""
    said = log.read_text()
    return Counter({step: said.count(step) for step in STEPS if step in said})


@pytest.mark.slow
def test_a_finished_training_survives_a_killed_rerun(tmp_path):
    """Snakemake deletes what a step will write; hours of training must not go that way."""
    run_smoke(tmp_path, None)
    runs = sorted((tmp_path / "reports" / "smoke" / "models").glob("*/run.json"))
    before = [path.read_bytes() for path in runs]
    for executed in (tmp_path / "reports" / "smoke" / "notebooks").glob("40_train-*.ipynb"):
        executed.unlink()  # so the trainings are asked for again
    run_smoke(tmp_path, 12)
    assert [path.read_bytes() for path in runs] == before
    assert steps_in(run_smoke(tmp_path, None))[", seed 1"] == 3
    assert [path.read_bytes() for path in runs] == before  # which holds the seconds of the first training
    assert steps_in(run_smoke(tmp_path, None)) == Counter()
