"""What killed runs and files that are gone left in the folder of an extraction: found by its marks, and removed."""

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from dfd_lib.data.manifest import forget
from dfd_lib.data.names import folder_name
from dfd_lib.data.records import load_record
from dfd_lib.data.shard import Shard
from dfd_lib.paths import PART

_PART = re.compile(re.escape(PART) + r"(?P<name>.+)-(?:[a-z0-9_]{8}|record)")  # of `whole`, and of `replace_record`


def remove_unfinished(out: Path, files: Iterable[str], shard: Shard | None) -> int:
    """Remove what was being written when a run was killed, and is written by nobody any more.

    Args:
        out: the folder of an extraction.
        files: those of this run.
        shard: others may be at work, so only its own is removed; None: nobody is.

    Returns:
        How many there were.
    """
    own = {shard.folder(out).name, *map(folder_name, files)} if shard else None
    found = [path for folder in (out, out / "crops", out / "shards") for path in folder.glob(f"{PART}*")]
    found += [] if shard else [*(out / "shards").glob(f"*/{PART}*")]
    gone = [path for path in found if (mark := _PART.fullmatch(path.name)) and (own is None or mark["name"] in own)]
    for path in gone:
        _remove(path)
    return len(gone)


def remove_orphans(out: Path, root: Path, files: Iterable[str], shard: Shard | None) -> int:
    """Remove the crops of files that are in the source no more.

    A folder is known as ours by its record, which names the file and so the
    folder. A file that is still there, but was not asked for this time, keeps
    its crops.

    Args:
        out: the folder of an extraction.
        root: the source.
        files: all that are listed, in whatever shard.
        shard: only what would be its own is removed.

    Returns:
        How many files there were.
    """
    listed = set(map(folder_name, files))
    gone = [folder for folder in (out / "crops").glob("*") if folder.name not in listed and _is_orphan(folder, root, shard)]
    if gone and shard:  # a finished manifest names them; without shards it was just written anew
        forget(out)
    for folder in gone:
        _remove(folder)
    return len(gone)


def _is_orphan(folder: Path, root: Path, shard: Shard | None) -> bool:
    record = load_record(folder)
    file = record["file"] if record else None
    ours = isinstance(file, str) and folder_name(file) == folder.name and (shard is None or shard.has(file))
    return ours and not (root / file).exists()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def told(unfinished: int, orphans: int) -> str:
    """What was removed in one line, empty if nothing was.

    Example:
        >>> told(0, 2)
        'removed: crops of 2 files that are in the source no more'
    """
    parts = [f"{unfinished} unfinished by a run that was killed"] if unfinished else []
    parts += [f"crops of {orphans} files that are in the source no more"] if orphans else []
    return f"removed: {', '.join(parts)}" if parts else ""
