"""What moved between two reports."""

from pathlib import Path

import numpy as np
import pandas as pd

from dfd_lib.formats import METRIC_NAMES, count, share, signed
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


def in_words(table: pd.DataFrame) -> list[str]:
    """Say what `diff` found in few lines: who is new or gone, which numbers left their interval, how many stayed within it.

    What all rows share (one seed, one data set, say) stands once, in the first line; so do numbers that are the same by frame and by clip.

    Args:
        table: as `diff` returns it.

    Returns:
        Lines for a terminal, without line ends.
    """
    if table.empty:
        return ["nothing moved"]
    differ = [key for key in METRICS_KEY if key == "model" or table[key].nunique() > 1]
    shared = [_word(key, table[key].iloc[0]) for key in METRICS_KEY if key not in differ]
    lines = [f"all of {', '.join(shared)}"] if shared else []
    for what, said in (("added", "only after"), ("removed", "only before")):
        lines += [f"{said}: {which}" for which in _who(table[table["what"] == what], differ)]
    moved = table[table["what"] == "moved"]
    out, within = moved[moved["outside"]], moved[~moved["outside"]]
    if len(out):
        lines += ["outside the 95 % interval of before:", *_by_row(out, differ)]
    if len(within):
        largest = within["change"].abs().max()
        lines += [f"{count(len(within), 'other number')} moved, within that interval or without one, by {share(largest)} at most"]
    return lines


def _who(rows: pd.DataFrame, differ: list[str]) -> list[str]:
    """Models by what of them is new or gone: `lenet, meso4 (test, val; frame, video)`."""
    parts, models = [key for key in differ if key not in ("model", "aggregator")], {}
    for model, own in rows.groupby("model", sort=False):
        which = "; ".join(", ".join(_word(key, one) for one in sorted(own[key].unique())) for key in parts)
        models.setdefault(which, []).append(model)
    return [", ".join(names) + f" ({which})" * bool(which) for which, names in models.items()]


def _by_row(rows: pd.DataFrame, differ: list[str]) -> list[str]:
    """A line for each row of the metrics table, `  lenet, test, frame: AUC .741 → .667 (−.075)`; equal ones of two levels are one."""
    keys, levels = [key for key in differ if key not in ("level", "aggregator")], {}
    for of, own in rows.groupby([*keys, "level", "aggregator"], sort=False):
        numbers = [
            f"{METRIC_NAMES[row.metric]} {share(row.before)} → {share(row.after)} ({signed(row.change)})" for row in own.itertuples()
        ]
        row = ", ".join(_word(key, one) for key, one in zip(keys, of, strict=False))
        levels.setdefault((row, ", ".join(numbers)), []).append(of[len(keys)])
    of_level = {key: f", {' and '.join(of)}" if "level" in differ else "" for key, of in levels.items()}
    return [f"  {row}{of_level[row, numbers]}: {numbers}" for row, numbers in levels]


def _word(key: str, value: object) -> str:
    return f"seed {value}" if key == "seed" else str(value)


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
