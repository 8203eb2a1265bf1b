"""What an earlier run knows of a file, and whether it still holds.

A record lies beside the crops as `rows.json`. It says what was seen (see
`dfd_lib.data.clips`) and how it is known to hold:

    file    the file, relative to its source
    source  the file's SHA-256 and the settings that decide its crops
    stat    what the file system says of the file, by which it is recognised without being read
    sizes   bytes of each crop, by its name
    limit   only where the file took too long: the seconds that were not enough

A record of an older version, which lacks one of these, counts as none.
"""

import hashlib
import json
import math
import os
from pathlib import Path
from typing import Any

from dfd_lib.data.clips import Record
from dfd_lib.data.media import check_file, words
from dfd_lib.paths import PART

FILE = "rows.json"
"""The record's name, in the folder of the crops."""

_KEYS = {"coverage", "rows", "file", "source", "stat", "sizes"}
_SEEN = {"status", "reason", "frames_read", "faces_found", "faces_kept", "width", "height"}
_ROW = {"name", "frame", "face", "box_x", "box_y", "box_w", "box_h", "score"}


def load_record(folder: Path) -> Record | None:
    """The record in a folder of crops as it is written there; None: there is none, or it is damaged."""
    try:
        record = json.loads((folder / FILE).read_text())
        whole = record.keys() >= _KEYS and record["coverage"].keys() >= _SEEN and all(row.keys() >= _ROW for row in record["rows"])
        return record if whole and {row["name"] for row in record["rows"]} <= record["sizes"].keys() else None
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def read_record(folder: Path, limit: float) -> Record | None:
    """The same if it still holds: every crop is there and of its size, and a file that ran out of time has no more now.

    Args:
        folder: where the crops lie.
        limit: seconds that the file may take.
    """
    record = load_record(folder)
    if record is None or limit > record.get("limit", math.inf):
        return None
    try:
        sizes = sizes_of(folder)
    except OSError:
        return None
    return record if record["sizes"].items() <= sizes.items() else None


def sizes_of(folder: Path) -> dict[str, int]:
    """Bytes of each crop in a folder, by its name."""
    with os.scandir(folder) as entries:
        return {entry.name: entry.stat().st_size for entry in entries if entry.name != FILE}


def is_unchanged(record: Record, path: Path, settings: dict[str, Any]) -> bool:
    """Whether the file system still says of a file what the record does, and the settings are the record's; the file is not read."""
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
    """Size in bytes, the times at which content and anything of the file changed last in nanoseconds, and its inode.

    A time of change can be set to anything by a copy; the other two cannot.
    """
    status = path.stat()
    return [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]


def write_record(record: Record, path: Path) -> None:
    """As JSON."""
    path.write_text(json.dumps(record))


def replace_record(record: Record, folder: Path) -> None:
    """Write the record anew in a folder that is there, whole or not at all."""
    beside = folder.with_name(f"{PART}{folder.name}-record")
    write_record(record, beside)
    beside.replace(folder / FILE)
