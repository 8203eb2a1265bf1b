"""Arrays that were costly to make, kept in `data/cache`: made once, however many ask at once, and bounded on disk.

Every array is one `.npy` file whose name says what it holds. It may be deleted
at any time; the next who wants it makes it again. Whoever reads an array holds
a shared lock on its file for as long as the array lives, so that room is never
made at the expense of a run at work.

`DFD_CACHE_GB` bounds the folder (default 50): before an array is made, those
that were used least recently are removed until it fits.
"""

import fcntl
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

import numpy as np

from dfd_lib.paths import PART, cache_dir, remove_parts, whole

GIGABYTE = 10**9

KINDS = (".npy", ".onnx")
"""Arrays, and networks."""

Fill = Callable[[Callable[[int, np.ndarray], None]], None]
"""Makes an array: calls the `write(row, values)` it is given for every row, from any thread; `values` may be several rows."""


@dataclass(frozen=True)
class Entry:
    """One array or network: its file, its bytes on disk, when it was last opened (seconds since 1970), whether it is being read."""

    path: Path
    bytes: int
    used: float
    in_use: bool


def cached_array(name: str, shape: tuple[int, ...], dtype: type, fill: Fill) -> np.memmap:
    """An array from the cache, made first where it is not there.

    A second process that wants the same array waits for the first instead of
    making it again. Rows are written past the page tables, so that memory does
    not grow with the array.

    Args:
        name: says what it holds: equal names promise equal contents.
        shape: the first axis is that of the rows.
        dtype: of the numbers.
        fill: called where the array must be made; rows that it leaves out are zeros and take no room.

    Returns:
        Memory-mapped, read-only.

    Raises:
        ValueError: DFD_CACHE_GB is no number.
    """
    folder = cache_dir()
    target = folder / f"{name}.npy"
    with _alone(target.with_suffix(".lock")):
        if not target.exists():
            remove_parts(folder, target.name)  # a killed run may have left gigabytes
            make_room(int(np.prod(shape)) * np.dtype(dtype).itemsize)
            with whole(target) as beside:
                _write(beside, shape, np.dtype(dtype), fill)
        return _open(target)


def cached_bytes(name: str, make: Callable[[], bytes]) -> bytes:
    """A small file from the cache, made first where it is not there; equal names promise equal contents."""
    target = cache_dir() / name
    with _alone(target.with_suffix(".lock")):
        if not target.exists():
            make_room()
            with whole(target) as beside:
                beside.write_bytes(make())
        os.utime(target)
        return target.read_bytes()


def entries() -> list[Entry]:
    """What is in the cache, the least recently used first."""
    kept = [path for path in cache_dir().glob("*") if path.suffix in KINDS]
    found = [(path, path.stat()) for path in kept]
    there = [Entry(path, 512 * facts.st_blocks, facts.st_mtime, _is_read(path)) for path, facts in found]  # rows never written take none
    return sorted(there, key=lambda entry: entry.used)


def make_room(wanted: int = 0, limit: float | None = None) -> list[Entry]:
    """Remove what was used least recently until the rest and `wanted` more bytes are within the limit; never what is in use.

    Args:
        wanted: bytes that are to be written.
        limit: in gigabytes; default: DFD_CACHE_GB.

    Returns:
        What was removed.
    """
    allowed = (cache_limit() if limit is None else limit) * GIGABYTE - wanted
    _remove_abandoned()
    there, gone = entries(), []
    total = sum(entry.bytes for entry in there)
    for entry in there:
        if total > allowed and _remove(entry.path):
            total -= entry.bytes
            gone.append(entry)
    return gone


def cache_limit() -> float:
    """DFD_CACHE_GB, in gigabytes; 50 where it is not set."""
    came = os.environ.get("DFD_CACHE_GB") or "50"
    try:
        return float(came)
    except ValueError:
        raise ValueError(f"DFD_CACHE_GB: expected a number of gigabytes such as 20, came {came!r}") from None


def _write(path: Path, shape: tuple[int, ...], dtype: np.dtype, fill: Fill) -> None:
    width = int(np.prod(shape[1:])) * dtype.itemsize
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, {"descr": dtype.str, "fortran_order": False, "shape": shape})
        file.flush()
        start = file.tell()

        def write(row: int, values: np.ndarray) -> None:
            rest = memoryview(np.ascontiguousarray(values, dtype)).cast("B")
            place = start + row * width
            while rest:
                done = os.pwrite(file.fileno(), rest, place)
                rest, place = rest[done:], place + done

        fill(write)
        os.ftruncate(file.fileno(), start + shape[0] * width)  # rows at the end may have been left out
        os.fsync(file.fileno())  # or a crash of the machine could leave zeros under a valid name


def _open(path: Path) -> np.memmap:
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)  # the mapping keeps the file open, so this holds until the array is gone
        os.utime(path)
        np.lib.format.read_magic(file)
        shape, _, dtype = np.lib.format.read_array_header_1_0(file)
        return np.memmap(file, dtype, "r", file.tell(), shape)


def _is_read(path: Path) -> bool:
    return not _when_unread(path, lambda: None)


def _remove(path: Path) -> bool:
    return _when_unread(path, path.unlink)


def _when_unread(path: Path, act: Callable[[], None]) -> bool:
    """Do something while nobody reads an array; False where somebody does, where it is gone, or where that cannot be known."""
    try:
        with path.open("r+b") as file:  # NFS locks for us alone only what is open for writing
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            act()
    except OSError:
        return False
    return True


def _remove_abandoned() -> None:
    """Remove what killed processes left half-written, and their locks."""
    folder = cache_dir()
    left = {folder / part.name.removeprefix(PART).rpartition("-")[0] for part in folder.glob(f"{PART}*-*")}
    for lock in {path.with_suffix(".lock") for path in left} | set(folder.glob("*.lock")):
        if handle := _lock(lock, wait=False):
            with handle:
                for kind in KINDS:
                    remove_parts(folder, f"{lock.stem}{kind}")
                lock.unlink()


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    lock.parent.mkdir(parents=True, exist_ok=True)
    with _lock(lock, wait=True):  # released by the system even if we are killed
        try:
            yield
        finally:
            lock.unlink()


def _lock(lock: Path, wait: bool) -> TextIO | None:
    """The lock's open file; None where another holds it and we do not wait."""
    while True:
        handle = lock.open("w")
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
            if os.fstat(handle.fileno()).st_ino == lock.stat().st_ino:
                return handle
        except FileNotFoundError:
            pass  # who held it removed it: what we have locked is no longer there, so once more
        except BlockingIOError:
            handle.close()
            return None
        handle.close()
