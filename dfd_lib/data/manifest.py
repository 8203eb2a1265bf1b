"""Records of files -> the manifest, one row a crop, and the coverage, one row a file."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from dfd_lib.data.clips import Record
from dfd_lib.tables import MANIFEST, check_manifest, write_table

COVERAGE = ["file", "label", "status", "reason", "frames_read", "faces_found", "faces_kept", "width", "height"]
"""Columns of the coverage table.

`status` is `ok` (crops were kept) or `skipped`. `reason` says why a file was
skipped; of one that is `ok` it is empty, or a remark: that the video ended early.
`label` is -1 where the layout says none. Sizes are in pixels, 0 = unknown.
"""

FACTS = ["file", "kind", "label", "split", "dataset", "method", "video", "frame", "person", "donor", "group"]
"""What a listing must tell of each file."""


def check_listing(listing: pd.DataFrame) -> pd.DataFrame:
    """Return the listing, or raise ValueError if it lacks a column or has no row."""
    missing = [name for name in FACTS if name not in listing]
    if missing or listing.empty:
        came = f"without {', '.join(missing)}" if missing else "without a row"
        raise ValueError(f"listing: expected one row a file with {', '.join(FACTS)}; came one {came}. Make it with dfd_lib.data.sources.")
    return listing


def coverage_table(listing: pd.DataFrame, results: dict[str, Record], problems: pd.DataFrame | None = None) -> pd.DataFrame:
    """What became of each file, sorted by file.

    Args:
        listing: one row a file.
        results: from file to record.
        problems: files that the listing left out, and why: file, reason.
    """
    rows = [
        {"file": file, "label": label, **results[file]["coverage"]} for file, label in listing[["file", "label"]].itertuples(index=False)
    ]
    left_out = [] if problems is None else problems[["file", "reason"]].itertuples(index=False)
    none = dict.fromkeys(("frames_read", "faces_found", "faces_kept", "width", "height"), 0)
    rows += [{"file": file, "label": -1, "status": "skipped", "reason": reason, **none} for file, reason in left_out]
    return pd.DataFrame(rows, columns=COVERAGE).sort_values(["file", "reason"], ignore_index=True)


def manifest_table(listing: pd.DataFrame, results: dict[str, Record], place: Callable[[str, str], str]) -> pd.DataFrame:
    """Join what was seen with what the listing knows of each file; sorted by path and checked.

    Args:
        listing: one row a file.
        results: from file to record.
        place: from a file and the name of its crop to the manifest's path.
    """
    rows = [
        {**file, **row, "frame": file["frame"] if row["frame"] is None else row["frame"], "path": place(file["file"], row["name"])}
        for file in listing[FACTS].to_dict("records")
        for row in results[file["file"]]["rows"]
    ]
    numbers = dict.fromkeys(("box_x", "box_y", "box_w", "box_h", "score"), float)
    table = pd.DataFrame(rows, columns=list(MANIFEST.columns)).astype(numbers)
    return check_manifest(table.sort_values("path", ignore_index=True)) if rows else table


def write_tables(manifest: pd.DataFrame, coverage: pd.DataFrame, out: Path) -> None:
    """Write coverage.csv, then manifest.parquet unless a class is lost.

    Raises:
        ValueError: see `check_classes`; the coverage is written by then and says why.
    """
    write_table(coverage, out / "coverage.csv")
    check_classes(coverage)
    write_table(manifest, out / "manifest.parquet")


def check_classes(coverage: pd.DataFrame) -> None:
    """Raise ValueError if no face of one class was kept, with the most frequent reason."""
    kept = coverage[coverage["label"] >= 0].groupby("label")["faces_kept"].sum()
    lost = [name for label, name in ((0, "real"), (1, "fake")) if kept.get(label) == 0]
    if lost:
        reasons = coverage[coverage["status"] == "skipped"]["reason"].value_counts()
        raise ValueError(
            f"faces: expected at least one crop of every class, came none of {' and '.join(lost)}; "
            f"most often ({reasons.iloc[0]} of {len(coverage)} files): {reasons.index[0]}"
        )
