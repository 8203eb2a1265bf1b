"""From files to crops and records, in processes; what is unchanged is not cut again."""

import functools
import hashlib
import json
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from dfd_lib.data.clips import BAD, Boxes, Record, boxes_of, cut_file, skipped
from dfd_lib.data.crops import CropSpec
from dfd_lib.data.faces import Detector, open_detector
from dfd_lib.data.manifest import forget
from dfd_lib.data.media import reason
from dfd_lib.data.names import folder_name
from dfd_lib.data.records import FILE, identify, is_unchanged, load_record, read_record, replace_record, sizes_of, unread, write_record
from dfd_lib.data.workers import Lost, run_jobs
from dfd_lib.paths import whole

_GONE = "expected the record of its crops, found none. Run this again."
_Row = tuple[str, str, str]
"""File, kind, original."""


class Cutting:
    """Files that are cut, originals before their swaps; what was seen lies on disk, however many they are.

    Args:
        root: the folder that files are relative to.
        out: the folder of `crops/`.
        settings: everything but the file itself that decides its crops.
        limit: seconds that a file may take.
        workers: processes, see `dfd_lib.data.workers.run_jobs`.
    """

    def __init__(self, root: Path, out: Path, settings: dict[str, Any], *, limit: float, workers: int) -> None:
        self.root, self.crops, self.settings, self.limit, self.workers = root, out / "crops", settings, limit, workers
        self._lost: dict[str, str] = {}
        """From a file that could not be read, or had not enough memory, to the reason; nothing of it is recorded."""

    def cut(self, listing: pd.DataFrame, progress: bool) -> None:
        """Cut the faces of files.

        Args:
            listing: file, kind, and original: the file in whose boxes this one
                is cut, which is listed and has none itself; empty: it is searched.
            progress: show a progress bar.
        """
        with tqdm(total=len(listing), unit="clip", disable=not progress) as bar:
            for part in (listing[listing["original"] == ""], listing[listing["original"] != ""]):
                todo = {row[0]: row for row in self._unsettled(part[["file", "kind", "original"]].itertuples(index=False, name=None))}
                _move_on(bar, len(part) - len(todo))
                self._cut(todo, bar)

    def record(self, file: str) -> Record:
        """What was seen in a file that was cut."""
        if file in self._lost:
            return skipped(self.root / file, ValueError(self._lost[file]))
        return load_record(self._folder(file)) or skipped(self.root / file, ValueError(_GONE))

    def _folder(self, file: str) -> Path:
        return self.crops / folder_name(file)

    def _unsettled(self, rows: Iterable[_Row]) -> Iterator[_Row]:
        """The files that are not known by an earlier run, nor skipped with their original."""
        for file, kind, original in rows:
            seen = self.record(original)["coverage"] if original else {"status": "ok"}
            if seen["status"] != "ok":
                said = ValueError(f"its original {original} was skipped: {seen['reason']}")
                self._settle(file, skipped(self.root / file, said), {"source": {}, "stat": []})
                continue
            record = read_record(self._folder(file), self.limit)
            if record is None or not is_unchanged(record, self.root / file, self._source(kind, original)):
                yield file, kind, original

    def _source(self, kind: str, original: str) -> dict[str, Any]:
        return {"kind": kind, **self.settings, **({"boxes": _digest(self.record(original))} if original else {})}

    def _cut(self, todo: dict[str, _Row], bar: tqdm) -> None:
        if todo:
            forget(self.crops.parent)

        def job(file: str, kind: str, original: str) -> tuple:
            boxes = boxes_of(self.record(original)) if original else None
            return file, self.root / file, self._folder(file), self._source(kind, original), self.limit, boxes

        def take(file: str, result: str | Lost) -> None:
            if isinstance(result, Lost):
                self._lose(result, *todo[file])
            elif result:
                self._lost[file] = result

        jobs = ((file, job(*row)) for file, row in todo.items())
        control = (_find_nothing, self.settings["detector"]["name"])
        run_jobs(_cut_one, jobs, take, workers=self.workers, limit=self.limit, bar=bar, control=control)

    def _lose(self, lost: Lost, file: str, kind: str, original: str) -> None:
        """A file that ended its process is not tried again as it is, unless it may not have been its fault.

        Its content was not read, for that may be what hangs.
        """
        if lost.killed:
            self._lost[file] = lost.reason
            return
        known = unread(self.root / file, self._source(kind, original))
        self._settle(file, skipped(self.root / file, ValueError(lost.reason)), {**known, **({"limit": self.limit} if lost.slow else {})})

    def _settle(self, file: str, record: Record, known: dict[str, Any]) -> None:
        with whole(self._folder(file)) as beside:
            beside.mkdir()
            write_record({**record, **known, "file": file, "sizes": {}}, beside / FILE)


def _move_on(bar: tqdm, count: int) -> None:
    """Count what was done before: it is done, but says nothing of how fast this run is."""
    if not bar.disable:
        bar.initial += count
        bar.n += count
        bar.last_print_n += count
        bar.unpause()
        bar.refresh()


def _digest(record: Record) -> str:
    """What of an original decides the crops of its swaps."""
    size = [record["coverage"][side] for side in ("width", "height")]
    return hashlib.sha256(json.dumps([size, record["rows"]]).encode()).hexdigest()


def _cut_one(file: str, path: Path, folder: Path, settings: dict[str, Any], limit: float, boxes: Boxes | None) -> str:
    """Leave one file's crops and record, those of an earlier run where its content is the same.

    Returns:
        Empty, or the reason why the file cannot be read, in which case nothing is left.
    """
    began = time.monotonic()
    try:
        known = {"file": file, **identify(path, settings)}
    except BAD as error:
        return reason(path, error)
    record = read_record(folder, limit)
    if record and record["source"] == known["source"]:
        replace_record({**record, **known}, folder)
        return ""
    spec, detector = CropSpec.from_dict(settings["crop"]), _detector(settings["detector"]["name"])
    with whole(folder) as beside:
        beside.mkdir()
        sampling, step = {**settings["sampling"], "limit": limit}, settings["detector"]["step"]
        record = cut_file(path, settings["kind"], beside, detector, spec, sampling, step=step, boxes=boxes)
        slow = {"limit": limit} if record["coverage"]["status"] == "skipped" and time.monotonic() - began >= limit else {}
        write_record({**record, **known, **slow, "sizes": sizes_of(beside)}, beside / FILE)
    return ""


def _find_nothing(name: str) -> None:
    """The control job: open the detector and search a blank frame."""
    _detector(name)(np.zeros((64, 64, 3), np.uint8))


@functools.cache
def _detector(name: str) -> Detector:
    """One detector a process."""
    return open_detector(name)
