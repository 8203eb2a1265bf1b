"""What moved between two reports."""

from pathlib import Path

import numpy as np
import pandas as pd

from dfd_lib.tables import METRICS, METRICS_KEY, check_metrics, read_table

_SMALLEST = 5e-7
"""Tables are written with six digits; less is rounding."""


def diff(left_dir: str | Path, right_dir: str | Path) -> pd.DataFrame:
    """Compare the metrics of two reports.

    Args:
        left_dir: the folder of the report before, with metrics.csv.
        right_dir: the folder of the report after.

    Returns:
        One row for each number that moved, the largest change first: the key
        columns of the metrics table, `metric`, `before`, `after`, `change`,
        `outside` (after lies outside the 95 % interval of before; False where
        there was none) and `what` = `moved`. Rows of the metrics table that
        only one report has come first, one row each, with `what` = `added` or
        `removed` and empty numbers.

    Raises:
        FileNotFoundError: a folder has no metrics.csv.
        ValueError: one is not a metrics table.
    """
    before, after = (_numbers(Path(folder)) for folder in (left_dir, right_dir))
    both = before.merge(after, on=[*METRICS_KEY, "metric"], how="outer", suffixes=("_before", "_after"), indicator=True)
    same = both["_merge"] == "both"
    return pd.concat([_one_sided(both[~same]), _moved(both[same])], ignore_index=True)


def _numbers(folder: Path) -> pd.DataFrame:
    """One row a number: the key, the metric, its value and its interval."""
    table = check_metrics(read_table(folder / "metrics.csv"))
    parts = []
    for metric in METRICS:
        ends = {end: table.get(f"{metric}_{end}", pd.Series(np.nan, table.index)) for end in ("low", "high")}
        parts.append(table[METRICS_KEY].assign(metric=metric, value=table[metric], **ends))
    return pd.concat(parts, ignore_index=True)


def _one_sided(rows: pd.DataFrame) -> pd.DataFrame:
    once = rows.drop_duplicates(METRICS_KEY)
    what = once["_merge"].map({"left_only": "removed", "right_only": "added"}).astype(str)
    empty = once[METRICS_KEY].assign(metric="", before=np.nan, after=np.nan, change=np.nan, outside=False, what=what)
    return empty.sort_values(["what", *METRICS_KEY], ignore_index=True)


def _moved(rows: pd.DataFrame) -> pd.DataFrame:
    before, after = rows["value_before"], rows["value_after"]
    appeared = before.isna() != after.isna()
    outside = (after < rows["low_before"]) | (after > rows["high_before"])
    table = rows[[*METRICS_KEY, "metric"]].assign(before=before, after=after, change=after - before, outside=outside, what="moved")
    table = table[((after - before).abs() > _SMALLEST) | appeared]
    return table.sort_values("change", key=lambda change: -change.abs(), kind="stable", ignore_index=True)
