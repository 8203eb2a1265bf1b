"""Records of files -> the manifest, one row a crop, and the coverage, one row a file.

Both are made row by row, in their order, from records that lie on disk, so that
memory does not grow with the crops.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dfd_lib.data.chunks import Row, write_rows
from dfd_lib.data.clips import Record
from dfd_lib.data.names import folder_name
from dfd_lib.tables import MANIFEST, check_manifest, read_table

COVERAGE = {
    "file": str, "label": int, "status": str, "reason": str,
    "frames_read": int, "faces_found": int, "faces_kept": int, "width": int, "height": int,
}  # fmt: skip
"""Columns of the coverage table, and their types.

`status` is `ok` (crops were kept) or `skipped`. `reason` says why a file was
skipped; of one that is `ok` it is empty, or a remark: that the video ended
early, that not all faces were kept, that a table names the file twice.
`label` is -1 where the layout says none. Sizes are in pixels, 0 = unknown.
"""

FACTS = ["file", "kind", "label", "split", "dataset", "method", "video", "frame", "person", "donor", "group"]
"""What a listing must tell of each file."""

ROWS = {
    name: str if str(column.dtype).startswith("str") else int if str(column.dtype).startswith("int") else float
    for name, column in MANIFEST.columns.items()
}
"""Columns of the manifest, and their types."""

_UNSEEN = dict.fromkeys(("frames_read", "faces_found", "faces_kept", "width", "height"), 0)


@dataclass(frozen=True)
class Tables:
    """The two tables of an extraction, as they lie on disk.

    Args:
        folder: where they are.
        faces: rows of the manifest.
        files: rows of the coverage.
        skipped: files among them of which no face was kept.
    """

    folder: Path
    faces: int
    files: int
    skipped: int

    def read(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """The manifest, sorted by path, and the coverage, sorted by file."""
        coverage = self.folder / "coverage.csv"
        return read_table(self.folder / "manifest.parquet"), read_table(
            coverage if coverage.is_file() else coverage.with_suffix(".parquet")
        )


def check_listing(listing: pd.DataFrame) -> pd.DataFrame:
    """Return the listing, or raise ValueError if it lacks a column, has no row, or has two of one file."""
    missing = [name for name in FACTS if name not in listing]
    if missing or listing.empty:
        came = f"without {', '.join(missing)}" if missing else "without a row"
        raise ValueError(f"listing: expected one row a file with {', '.join(FACTS)}; came one {came}. Make it with dfd_lib.data.sources.")
    twice = listing["file"][listing["file"].duplicated()]
    if len(twice):
        raise ValueError(
            f"listing: expected one row a file, came {len(twice)} more than that, the first of {twice.iloc[0]}. Keep one of each."
        )
    return listing


def coverage_rows(listing: pd.DataFrame, record: Callable[[str], Record], problems: pd.DataFrame | None = None) -> Iterator[Row]:
    """What became of each file, once, sorted by file.

    Args:
        listing: one row a file.
        record: from a file to what was seen in it.
        problems: files that the listing left out, and why, or remarks on files
            that it lists: file, reason.
    """
    labels = dict(zip(listing["file"], listing["label"], strict=True))
    remarks = {} if problems is None else problems.groupby("file")["reason"].agg("; ".join).to_dict()
    for file in sorted({*labels, *remarks}):
        seen = record(file)["coverage"] if file in labels else {"status": "skipped", "reason": "", **_UNSEEN}
        reason = "; ".join(filter(None, (seen["reason"], remarks.get(file))))
        yield {"file": file, "label": labels.get(file, -1), **seen, "reason": reason}


def manifest_rows(listing: pd.DataFrame, record: Callable[[str], Record], place: Callable[[str, str], str]) -> Iterator[Row]:
    """What was seen, joined with what the listing knows of each file; sorted by path.

    Args:
        listing: one row a file.
        record: from a file to what was seen in it.
        place: from a file and the name of its crop to the manifest's path;
            such that two files' paths are never mixed when they are sorted.
    """
    order = listing["file"].map(lambda file: place(file, "")).argsort(kind="stable")
    for facts in listing[FACTS].iloc[order].itertuples(index=False):
        file = facts._asdict()
        rows = ({**file, **row, "path": place(file["file"], row["name"])} for row in record(file["file"])["rows"])
        for row in sorted(rows, key=lambda row: row["path"]):
            yield {**row, "frame": file["frame"] if row["frame"] is None else row["frame"]}


def crop_path(file: str, name: str) -> str:
    """Where a crop lies, relative to the folder of the extraction."""
    return f"crops/{folder_name(file)}/{name}"


class Tally:
    """What is in a coverage, counted while its rows go by."""

    def __init__(self) -> None:
        self.files, self.skipped = 0, 0
        self._kept: Counter[int] = Counter()  # faces, by label
        self._reasons: Counter[str] = Counter()  # why files were skipped

    def count(self, rows: Iterable[Row]) -> Iterator[Row]:
        """The rows, as they are."""
        for row in rows:
            self.files += 1
            self._kept[row["label"]] += row["faces_kept"]
            if row["status"] == "skipped":
                self.skipped += 1
                self._reasons[row["reason"]] += 1
            yield row

    def check_classes(self) -> None:
        """Raise ValueError if there were files of a class, but no face of it was kept, with the most frequent reason."""
        lost = [name for label, name in ((0, "real"), (1, "fake")) if label in self._kept and not self._kept[label]]
        if lost:
            reason, often = self._reasons.most_common(1)[0]
            raise ValueError(
                f"faces: expected at least one crop of every class, came none of {' and '.join(lost)}; "
                f"most often ({often} of {self.files} files): {reason}"
            )


def forget(out: Path) -> None:
    """Remove the manifest of an extraction: it must never name crops that are being replaced."""
    (out / "manifest.parquet").unlink(missing_ok=True)


def write_tables(manifest: Iterable[Row], coverage: Iterable[Row], folder: Path, *, part: bool = False) -> Tables:
    """Write coverage.csv, then manifest.parquet unless a class is lost; both row by row.

    Args:
        manifest: rows of the manifest, sorted by path; asked for when the coverage is written.
        coverage: rows of the coverage, sorted by file.
        folder: where to.
        part: of a shard: the coverage is coverage.parquet, and a class may be lost.

    Raises:
        ValueError: see `Tally.check_classes`; the coverage is written by then and says why.
    """
    tally = Tally()
    write_rows(tally.count(coverage), folder / ("coverage.parquet" if part else "coverage.csv"), COVERAGE)
    if not part:
        tally.check_classes()
    faces = write_rows(manifest, folder / "manifest.parquet", ROWS, check_manifest)
    return Tables(folder, faces, tally.files, tally.skipped)
