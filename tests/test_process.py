"""Processes: a killed run leaves nobody writing, a second run waits for the first."""

import fcntl
import os
import subprocess
import sys

import pytest

from dfd_lib.paths import report_dir
from dfd_lib.process import RUNNER, start_tensorflow

FOLLOWER = "from dfd_lib.process import follow_parent; import time; follow_parent(); print('on', flush=True); time.sleep(60)"


def test_a_step_ends_when_its_run_is_gone():
    runner = subprocess.Popen(["sleep", "60"])
    step = subprocess.Popen([sys.executable, "-c", FOLLOWER], env={**os.environ, RUNNER: str(runner.pid)}, stdout=subprocess.PIPE)
    with step:
        assert step.stdout.readline() == b"on\n"
        assert step.poll() is None
        runner.kill()
        runner.wait()
        assert step.wait(timeout=30) == 1


def test_without_a_run_nothing_is_followed():
    code = "from dfd_lib.process import follow_parent; import threading; follow_parent(); print(threading.active_count())"
    environment = {name: value for name, value in os.environ.items() if name != RUNNER}
    assert subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True).stdout == b"1\n"


def test_a_second_run_waits_and_says_so(tmp_path, monkeypatch):
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    report_dir("smoke").mkdir(parents=True)
    with (report_dir("smoke") / ".lock").open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        second = subprocess.Popen([sys.executable, "-m", "dfd_lib.cli", "report", "smoke"], stderr=subprocess.PIPE, text=True)
        with second:
            assert "smoke: running what is new" in second.stderr.readline()
            assert "another run of 'smoke' is at work; waiting" in second.stderr.readline()
            second.kill()


def test_native_start_up_lines_are_muted():
    code = "from dfd_lib.process import start_tensorflow; start_tensorflow()"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stderr == b""


def test_stderr_is_given_back(capfd):
    start_tensorflow()
    sys.stderr.write("heard\n")
    assert capfd.readouterr().err.endswith("heard\n")


@pytest.mark.parametrize("name", ["smok", "demoo"])
def test_an_unknown_experiment_is_named_before_anything_starts(name):
    done = subprocess.run([sys.executable, "-m", "dfd_lib.cli", "report", name], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "did you mean" in done.stderr
    assert done.stderr.count("\n") == 1
