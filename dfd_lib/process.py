"""Processes: one run of an experiment at a time, and no orphans after a kill."""

import fcntl
import os
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import NoReturn, TextIO

from dfd_lib.paths import project_root, remove_parts, report_dir

RUNNER = "DFD_RUNNER"
"""Environment variable: the process id of the run that a step belongs to."""


def become_pipeline(name: str, cores: int) -> NoReturn:
    """Turn this process into Snakemake on an experiment's rules; its exit code is Snakemake's.

    A second run of the same experiment waits for the first. A run that was
    killed leaves half-written files known to Snakemake as incomplete; they are
    made again, finished steps are not.

    Raises:
        FileNotFoundError: the project has no Snakefile.
    """
    rules, folder = project_root() / "Snakefile", report_dir(name)
    if not rules.is_file():  # Snakemake, asked to be quiet, would end without a word
        raise FileNotFoundError(f"expected the rules of a report in {rules}, found none. Let DFD_PROJECT be a checkout of the project.")
    folder.mkdir(parents=True, exist_ok=True)
    lock = _take_turn(folder / ".lock", name)
    # we hold the turn, so a Snakemake lock that is still there was left by a killed run
    for stale in folder.glob(".snakemake/locks/*.lock"):
        stale.unlink()
    remove_parts(folder)
    command = [sys.executable, "-m", "snakemake", "--snakefile", str(rules), "--directory", str(folder)]
    # quoted, since a name such as 2024 would be read as a number
    command += ["--config", f'experiment="{name}"', "--cores", str(cores), "--rerun-incomplete", "--keep-going"]
    # its own words stay in its log: each step says one line of ours when it is done or why it failed
    command += ["--rerun-triggers", "mtime", "params", "input", "--quiet", "all"]
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    os.set_inheritable(lock.fileno(), True)
    # not a child: who kills this process kills Snakemake, and `follow_parent` ends its steps
    os.execve(sys.executable, command, {**os.environ, RUNNER: str(os.getpid()), "PATH": path})


def _take_turn(path: Path, name: str) -> TextIO:
    handle = path.open("a")
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        print(f"dfd: another run of {name!r} is at work; waiting for it to end", file=sys.stderr)  # noqa: T201
        fcntl.flock(handle, fcntl.LOCK_EX)
    return handle


def workers() -> int:
    """How many processes or threads a step may use: DFD_THREADS, else all processors that this process may use."""
    import joblib

    return int(os.environ.get("DFD_THREADS") or joblib.cpu_count())


def start_tensorflow() -> None:
    """Import TensorFlow and let it look for devices, without its native start-up lines on stderr."""
    kept = os.dup(2)
    with tempfile.TemporaryFile() as said:
        os.dup2(said.fileno(), 2)
        try:
            import tensorflow as tf

            tf.config.list_logical_devices()
        except Exception:
            said.seek(0)
            os.write(kept, said.read())  # what it said may be why it failed
            raise
        finally:
            os.dup2(kept, 2)
            os.close(kept)


def follow_parent() -> None:
    """End this process when the run that started it is gone, so that a killed run leaves nobody writing."""
    runner = int(os.environ.get(RUNNER, 0))
    if runner:
        threading.Thread(target=_watch, args=(runner,), daemon=True).start()


def _watch(runner: int) -> None:
    while _is_alive(runner):
        time.sleep(0.5)
    os._exit(1)


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
