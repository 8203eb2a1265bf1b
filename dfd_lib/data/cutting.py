"""From files to crops and records, in processes; what is unchanged is not cut again."""

import functools
import hashlib
import json
import time
from pathlib import Path
from typing import Any

import pandas as pd
from tqdm import tqdm

from dfd_lib.data.clips import BAD, Boxes, Record, boxes_of, cut_file, skipped
from dfd_lib.data.crops import CropSpec
from dfd_lib.data.faces import Detector, open_detector
from dfd_lib.data.names import folder_name
from dfd_lib.data.records import FILE, identify, is_unchanged, read_record, replace_record, unread, write_record
from dfd_lib.data.workers import Jobs, Lost, run_jobs
from dfd_lib.paths import whole


def cut_files(
    listing: pd.DataFrame, root: Path, out: Path, settings: dict[str, Any], *, limit: float, workers: int, progress: bool
) -> dict[str, Record]:
    """Cut the faces of many files, originals before their swaps.

    Args:
        listing: file, kind, and original: the file in whose boxes this one is
            cut, which is listed and has none itself; empty: it is searched.
        root: the folder that `file` is relative to.
        out: the folder of `crops/`.
        settings: everything but the file itself that decides its crops.
        limit: seconds that a file may take.
        workers: processes, see `dfd_lib.data.workers.run_jobs`.
        progress: show a progress bar.

    Returns:
        From file to record, of every file.
    """

    def job(file: str, kind: str, original: Record | None) -> tuple:
        own = {"kind": kind, **settings, **({"boxes": _digest(original)} if original else {})}
        return root / file, out / "crops" / folder_name(file), own, limit, boxes_of(original) if original else None

    rows = list(listing[["file", "kind", "original"]].itertuples(index=False))
    with tqdm(total=len(rows), unit="clip", disable=not progress) as bar:
        results = _cut({file: job(file, kind, None) for file, kind, original in rows if not original}, workers, limit, bar)
        swaps = {file: job(file, kind, results[original]) for file, kind, original in rows if original}
        return results | _cut(swaps, workers, limit, bar, hope=_any_read(results))


def _digest(record: Record) -> str:
    """What of an original decides the crops of its swaps."""
    size = [record["coverage"][side] for side in ("width", "height")]
    return hashlib.sha256(json.dumps([size, record["rows"]]).encode()).hexdigest()


def _any_read(records: dict[str, Record]) -> bool:
    return any(record["coverage"]["status"] == "ok" for record in records.values())


def _cut(jobs: Jobs, workers: int, limit: float, bar: tqdm, hope: bool = False) -> dict[str, Record]:
    """What is unchanged by size and time is not even handed to a process."""
    kept = {}
    for file, (path, folder, settings, *_) in jobs.items():
        record = read_record(folder, limit)
        if record and is_unchanged(record, path, settings):
            kept[file] = record
    bar.update(len(kept))
    todo = {file: job for file, job in jobs.items() if file not in kept}
    results = run_jobs(_cut_one, todo, workers=workers, limit=limit, bar=bar, hope=hope or _any_read(kept))
    lost = {file: _lose(result, *jobs[file]) for file, result in results.items() if isinstance(result, Lost)}
    return kept | results | lost


def _cut_one(path: Path, folder: Path, settings: dict[str, Any], limit: float, boxes: Boxes | None) -> Record:
    """One file's record, from an earlier run where its content is the same. Never raises for a bad file."""
    began = time.monotonic()
    try:
        known = identify(path, settings)
    except BAD as error:
        return skipped(path, error)
    record = read_record(folder, limit)
    if record and record["source"] == known["source"]:
        replace_record({**record, **known}, folder)
        return record
    spec, detector = CropSpec.from_dict(settings["crop"]), _detector(settings["detector"]["name"])
    with whole(folder) as beside:
        beside.mkdir()
        sampling, step = {**settings["sampling"], "limit": limit}, settings["detector"]["step"]
        record = cut_file(path, settings["kind"], beside, detector, spec, sampling, step=step, boxes=boxes)
        slow = {"limit": limit} if record["coverage"]["status"] == "skipped" and time.monotonic() - began >= limit else {}
        write_record({**record, **known, **slow}, beside / FILE)
    return record


def _lose(lost: Lost, path: Path, folder: Path, settings: dict[str, Any], limit: float, *_: object) -> Record:
    """The record of a file that ended its process; it is not tried again as it is, unless it may not have been its fault.

    Its content was not read, for that may be what hangs.
    """
    record = skipped(path, ValueError(lost.reason))
    if not lost.killed:
        with whole(folder) as beside:
            beside.mkdir()
            write_record({**record, **unread(path, settings), **({"limit": limit} if lost.slow else {})}, beside / FILE)
    return record


@functools.cache
def _detector(name: str) -> Detector:
    """One detector a process."""
    return open_detector(name)
