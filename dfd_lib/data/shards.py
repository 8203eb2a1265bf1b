"""Shards: the same extraction on many machines, each with a part of the files, and how the parts are joined.

All write to one folder, which every machine sees. Shard 2 of 8 leaves its part of
the tables there, and `merge_shards` makes of all parts the very bytes that one
machine would have written:

    out/shards/2-of-8/manifest.parquet
    out/shards/2-of-8/coverage.parquet
    out/shards/2-of-8/shard.json        what was cut and how, which all parts must agree on
"""

import heapq
import json
import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import replace
from operator import itemgetter
from pathlib import Path
from typing import Any

from dfd_lib.data.chunks import CHUNK, Row, read_rows
from dfd_lib.data.leftovers import remove_unfinished
from dfd_lib.data.manifest import Tables, forget, write_tables
from dfd_lib.data.shard import Shard
from dfd_lib.paths import whole


def begin_shard(out: Path, shard: Shard | None) -> None:
    """Remove what a new run makes stale: this shard's part and those of another count; without a shard, all parts."""
    for folder in (out / "shards").glob("*-of-*"):
        if shard is None or folder == shard.folder(out) or not folder.name.endswith(f"-of-{shard.count}"):
            shutil.rmtree(folder, ignore_errors=True)
    if shard is None:
        shutil.rmtree(out / "shards", ignore_errors=True)


def write_shard(manifest: Iterable[Row], coverage: Iterable[Row], out: Path, shard: Shard, facts: dict[str, Any]) -> Tables:
    """Leave a shard's part of the tables, whole or not at all.

    Args:
        manifest: one row a crop of this shard, sorted by path.
        coverage: one row a file of this shard, sorted by file.
        out: the folder of the extraction.
        shard: which one it is.
        facts: what all shards must agree on.
    """
    with whole(shard.folder(out)) as beside:
        beside.mkdir()
        tables = write_tables(manifest, coverage, beside, part=True)
        (beside / "shard.json").write_text(json.dumps(facts, sort_keys=True))
    return replace(tables, folder=shard.folder(out))


def merge_shards(out: str | Path) -> Tables:
    """Join the parts of all shards; writes manifest.parquet and coverage.csv as a run without shards does.

    Args:
        out: the folder that the shards wrote to.

    Raises:
        FileNotFoundError: there are no shards.
        ValueError: a shard is missing, two differ in files or settings, or a
            class has no face.
    """
    folders = _complete(Path(out))
    remove_unfinished(Path(out), (), None)  # all shards are done, so nobody is writing
    forget(Path(out))
    at_once = max(1, CHUNK // len(folders))

    def joined(name: str, key: str) -> Iterator[Row]:
        return heapq.merge(*(read_rows(folder / name, at_once) for folder in folders), key=itemgetter(key))

    return write_tables(joined("manifest.parquet", "path"), joined("coverage.parquet", "file"), Path(out))


def _complete(out: Path) -> list[Path]:
    """The folders of all shards, which are all there and agree."""
    facts = {folder: (folder / "shard.json").read_text() for folder in _parts(out)}
    counts = sorted({int(folder.name.rpartition("-")[2]) for folder in facts})
    if not facts:
        raise FileNotFoundError(f"{out}: expected shards to merge, found none. Run `dfd extract --shard 1/n` to n/n with this --out.")
    folders = [Shard(number, counts[-1]).folder(out) for number in range(1, counts[-1] + 1)]
    missing = [f"{number}/{counts[-1]}" for number, folder in enumerate(folders, 1) if folder not in facts]
    if missing:
        raise ValueError(
            f"{out}: expected {counts[-1]} shards, missing {', '.join(missing)}. Run `dfd extract --shard {missing[0]}` again."
        )
    odd = [folder.name for folder in folders if facts[folder] != facts[folders[0]]]
    if odd:
        raise ValueError(
            f"{out}: expected shards of the same files and settings, {', '.join(odd)} differs from {folders[0].name}. "
            f"Run every shard again, with the same options; what is cut already is not cut again."
        )
    return folders


def _parts(out: Path) -> list[Path]:
    return [path.parent for path in sorted((out / "shards").glob("*-of-*/shard.json")) if re.fullmatch(r"\d+-of-\d+", path.parent.name)]
