"""A job that behaves badly, as files make decoders behave; a module of its own, so that processes load nothing else."""

import os
import re
import signal
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
    if what == "full disk":
        raise OSError("No space left on device")
    if what == "threads":
        return os.environ["OMP_NUM_THREADS"]
    return what


def hang(*_: object) -> None:
    """In C, without ever letting go of the interpreter."""
    re.match(r"(a+)+$", "a" * 60 + "b")
