"""A job that behaves badly, as files make decoders behave; a module of its own, so that processes load nothing else."""

import os
import re
import signal
import time
from pathlib import Path


def work(what: str, mark: Path) -> str:
    """Do as told; runs in another process."""
    if what == "stuck":
        hang()
    if what == "crash" or (what == "crash once" and not mark.exists()):
        mark.touch()
        os.kill(os.getpid(), signal.SIGSEGV)
    if what == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if what == "memory":
        raise MemoryError
    if what == "full disk":
        raise OSError("No space left on device")
    if what == "threads":
        return os.environ["OMP_NUM_THREADS"]
    return what


def hang(*_: object) -> None:
    """In C, without ever letting go of the interpreter."""
    re.match(r"(a+)+$", "a" * 60 + "b")


def ready(file: str, how: str) -> None:
    """A control job; `file` counts how often it was done."""
    mark = Path(file)
    times = int(mark.read_text()) if mark.exists() else 0
    mark.write_text(str(times + 1))
    if how == "slow":
        time.sleep(1.5)
    if how == "crash":
        os.kill(os.getpid(), signal.SIGSEGV)
    if how == "one alone":
        try:
            Path(f"{file}-{os.getppid()}").mkdir()  # the first process to come here gets ready, as if there was memory for one
        except FileExistsError:
            os.kill(os.getpid(), signal.SIGKILL)
