"""What files hold, as one short hash: read once, and remembered for as long as nobody touches them."""

import hashlib
import os
import time
from collections.abc import Iterable
from pathlib import Path

from dfd_lib.paths import cache_dir, whole

SETTLED = 2 * 10**9
"""Nanoseconds: what changed more recently may change again without a trace in its times, so it is not remembered."""

KEPT = 1000
"""So many lists of files are remembered, 65 bytes each."""


def contents_hash(paths: list[Path]) -> str:
    """A hash of the contents of files in their order; where they lie, what they are called and how old they are does not matter.

    The files are not read again while size, times and inode of each are what
    they were.

    Raises:
        ValueError: a file is missing.
    """
    facts = [file_facts(path) for path in paths]
    known = _memory() / f"{_stat_hash(paths, facts)}.txt"
    if known.exists():
        os.utime(known)
        return known.read_text()
    found = _read_hash(paths)
    newest = max((max(fact.st_mtime_ns, fact.st_ctime_ns) for fact in facts), default=0)
    if time.time_ns() - newest > SETTLED:
        _forget(KEPT - 1)
        with whole(known) as beside:
            beside.write_text(found)
    return found


def file_facts(path: Path) -> os.stat_result:
    """What the system knows of a crop's file; ValueError if it is missing."""
    try:
        return path.stat()
    except OSError:
        raise ValueError(f"crop {path}: expected a file, found none. Extract the faces again.") from None


def _memory() -> Path:
    return cache_dir() / "contents"


def _stat_hash(paths: list[Path], facts: Iterable[os.stat_result]) -> str:
    digest = hashlib.sha256()
    for path, fact in zip(paths, facts, strict=True):
        digest.update(f"{path.absolute()} {fact.st_size} {fact.st_mtime_ns} {fact.st_ctime_ns} {fact.st_ino}\n".encode())
    return digest.hexdigest()[:24]


def _read_hash(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def _forget(kept: int) -> None:
    for old in sorted(_memory().glob("*.txt"), key=lambda path: path.stat().st_mtime, reverse=True)[kept:]:
        old.unlink(missing_ok=True)
