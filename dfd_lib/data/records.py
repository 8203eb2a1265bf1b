"""What an earlier run knows of a file, and whether it still holds.

A record lies beside the crops as `rows.json`. It says what was seen (see
`dfd_lib.data.clips`) and how it is known to hold:

    source  the file's SHA-256 and the settings that decide its crops
    stat    the file's size and time of change, by which it is recognised without being read
    limit   only where the file took too long: the seconds that were not enough
"""

import hashlib
import json
import math
from pathlib import Path
from typing import Any

from dfd_lib.data.clips import Record
from dfd_lib.data.media import check_file, words
from dfd_lib.paths import PART

FILE = "rows.json"
"""The record's name, in the folder of the crops."""


def read_record(folder: Path, limit: float) -> Record | None:
    """The record in a folder of crops, or None: there is none, it is damaged, a crop is gone, or it ran out of time and has more now.

    Args:
        folder: where the crops lie.
        limit: seconds that the file may take.
    """
    try:
        record = json.loads((folder / FILE).read_text())
        names = {path.name for path in folder.iterdir()}
        complete = {"coverage", "source", "stat"} <= set(record) and {row["name"] for row in record["rows"]} <= names
        return record if complete and limit <= record.get("limit", math.inf) else None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def is_unchanged(record: Record, path: Path, settings: dict[str, Any]) -> bool:
    """Whether a file still has the record's size and time of change, and the settings are the record's; the file is not read."""
    try:
        return record["stat"] == stat_of(path) and record["source"] == {**settings, "sha256": record["source"]["sha256"]}
    except (OSError, KeyError, TypeError):
        return False


def identify(path: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """The `source` and `stat` of a file's record.

    Raises:
        FileNotFoundError, ValueError: it cannot be read.
    """
    check_file(path)
    try:
        stat = stat_of(path)  # first: what is changed while it is read is then not taken for unchanged
        with path.open("rb") as file:
            return {"source": {**settings, "sha256": hashlib.file_digest(file, "sha256").hexdigest()}, "stat": stat}
    except OSError as error:
        raise ValueError(f"{path}: expected a readable file; {words(error)}. Copy it again.") from None


def unread(path: Path, settings: dict[str, Any]) -> dict[str, Any]:
    """The same of a file that must not be read, since that may be what hangs."""
    try:
        return {"source": {**settings, "sha256": ""}, "stat": stat_of(path)}
    except OSError:  # it is gone by now
        return {"source": {}, "stat": []}


def stat_of(path: Path) -> list[int]:
    """Size in bytes, and the time of the last change in nanoseconds."""
    status = path.stat()
    return [status.st_size, status.st_mtime_ns]


def write_record(record: Record, path: Path) -> None:
    """As JSON."""
    path.write_text(json.dumps(record))


def replace_record(record: Record, folder: Path) -> None:
    """Write the record anew in a folder that is there, whole or not at all."""
    beside = folder.with_name(f"{PART}{folder.name}-record")
    write_record(record, beside)
    beside.replace(folder / FILE)
