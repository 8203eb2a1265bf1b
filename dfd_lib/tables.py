"""The three tables that stages hand each other, and their checks.

Stages exchange tables on disk, never live objects. `label` 1 is FAKE and
`p_fake` is P(fake), in every one of them.

=================== ========================================================
manifest.parquet    one row is a face crop
predictions.parquet one row is one model's score of one crop, or of one
                    person in one clip (`level` is `frame` or `video`)
metrics.csv         one row is one model on one split at one level
=================== ========================================================
"""

from pathlib import Path

import pandas as pd
import pandera.pandas as pa

from dfd_lib.paths import whole

SPLITS = ("train", "val", "calib", "test")
"""`train` fits; `val` chooses; `calib` calibrates; `test` is read once."""

METRICS = (
    "accuracy",
    "balanced_accuracy",
    "precision",
    "recall",
    "f1",
    "auc",
    "average_precision",
    "eer",
    "log_loss",
    "brier",
    "ece",
)
"""Metric columns; each may have a `<name>_low` and `<name>_high` beside it (95 % interval)."""

MANIFEST_KEY = ["path"]
PREDICTIONS_KEY = ["model", "seed", "dataset", "level", "condition", "path", "video", "face"]
METRICS_KEY = ["model", "seed", "dataset", "split", "level", "aggregator", "condition"]


def _text(empty: bool = True) -> pa.Column:
    return pa.Column(str, None if empty else pa.Check.str_length(min_value=1))


_LABEL = pa.Column(int, pa.Check.isin([0, 1]))
_METRIC = pa.Column(float, nullable=True)

MANIFEST = pa.DataFrameSchema(
    {
        "path": _text(empty=False),  # relative to the folder that holds the crops
        "label": _LABEL,
        "split": pa.Column(str, pa.Check.isin(["", *SPLITS])),  # "" = not split yet
        "dataset": _text(empty=False),
        "method": _text(),  # "real" for real faces, "unknown" where the source does not say
        "video": _text(empty=False),  # path relative to the data set, without suffix
        "frame": pa.Column(int, pa.Check.ge(0)),
        "face": pa.Column(int, pa.Check.ge(0)),  # which person of the clip
        "person": _text(),  # whose scene it is; "" = unknown
        "donor": _text(),  # whose face was put in; "" = nobody's or unknown
        "group": _text(empty=False),  # what a split must not tear apart
        "box_x": _METRIC,  # pixels of the original frame; NaN = the file was a crop already
        "box_y": _METRIC,
        "box_w": _METRIC,
        "box_h": _METRIC,
        "score": _METRIC,  # the face detector's confidence, 0..1
    },
    strict=True,
)

PREDICTIONS = pa.DataFrameSchema(
    {
        "model": _text(empty=False),
        "seed": pa.Column(int),
        "dataset": _text(empty=False),
        "split": pa.Column(str, pa.Check.isin(["", *SPLITS])),
        "level": pa.Column(str, pa.Check.isin(["frame", "video"])),
        "condition": _text(empty=False),  # "clean", or a corruption and its strength
        "path": _text(),  # "" at level video
        "video": _text(empty=False),
        "face": pa.Column(int, pa.Check.ge(0)),
        "frame": pa.Column(int, pa.Check.ge(-1)),  # -1 at level video
        "group": _text(empty=False),
        "label": _LABEL,
        "p_fake": pa.Column(float, pa.Check.in_range(0, 1)),
    },
    strict=True,
)

METRICS_TABLE = pa.DataFrameSchema(
    {
        "model": _text(empty=False),
        "seed": pa.Column(int),
        "dataset": _text(empty=False),
        "split": pa.Column(str, pa.Check.isin(["", *SPLITS])),
        "level": pa.Column(str, pa.Check.isin(["frame", "video"])),
        "aggregator": _text(empty=False),  # "none" at level frame
        "frames_per_clip": pa.Column(float, nullable=True, required=False),  # that it aggregates, in the median; NaN = none
        "condition": _text(empty=False),
        "n": pa.Column(int, pa.Check.gt(0)),
        "n_fake": pa.Column(int, pa.Check.ge(0)),
        "threshold": pa.Column(float),
        **dict.fromkeys(METRICS, _METRIC),
        **{f"{name}_{end}": pa.Column(float, nullable=True, required=False) for name in METRICS for end in ("low", "high")},
    },
    strict=True,
)


_TYPES = {
    name: str if str(column.dtype).startswith("str") else float
    for schema in (MANIFEST, PREDICTIONS, METRICS_TABLE)
    for name, column in schema.columns.items()
    if not str(column.dtype).startswith("int")
} | {"commit": str}  # 7821157 and 170e7 are commits, no numbers


def check_manifest(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` with exactly the manifest's columns and types, or raise ValueError."""
    return _check(table, MANIFEST, MANIFEST_KEY, "manifest")


def check_predictions(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` with exactly the predictions' columns and types, or raise ValueError."""
    return _check(table, PREDICTIONS, PREDICTIONS_KEY, "predictions")


def check_metrics(table: pd.DataFrame) -> pd.DataFrame:
    """Return `table` with exactly the metrics' columns and types, or raise ValueError."""
    return _check(table, METRICS_TABLE, METRICS_KEY, "metrics")


def _check(table: pd.DataFrame, schema: pa.DataFrameSchema, key: list[str], name: str) -> pd.DataFrame:
    required = [column for column, spec in schema.columns.items() if spec.required]
    missing = [column for column in required if column not in table]
    unknown = [column for column in table if column not in schema.columns]
    if missing or unknown:
        what = "; ".join(f"{word} {', '.join(map(str, which))}" for word, which in (("missing", missing), ("unknown", unknown)) if which)
        raise ValueError(
            f"{name}: expected the columns {', '.join(required)}; {what}. Correct the columns, or build the table with dfd_lib."
        )
    table = table[[column for column in schema.columns if column in table]]
    try:
        table = schema.validate(table, lazy=True)
    except pa.errors.SchemaErrors as error:
        raise ValueError(_describe(error, name)) from None
    twice = table[table.duplicated(key)]
    if len(twice):
        row = ", ".join(f"{column}={twice.iloc[0][column]!r}" for column in key)
        raise ValueError(f"{name}: expected one row a key, {len(twice)} rows repeat one; the first repeats {row}. Remove the doubles.")
    return table


def _describe(error: pa.errors.SchemaErrors, name: str) -> str:
    first = error.failure_cases.iloc[0]
    row = "" if pd.isna(first["index"]) else f" in row {first['index']}"
    return (
        f"{name}: column {first['column']!r}: expected {first['check']}, came {str(first['failure_case'])!r}{row} "
        f"({len(error.failure_cases)} such in all). Correct the rows, or the program that wrote them."
    )


def conditions_of(table: pd.DataFrame) -> list[str]:
    """The conditions beside `clean` that a table of ablations has columns of.

    Example:
        >>> conditions_of(pd.DataFrame(columns=["difference", "difference_jpeg-40"]))
        ['jpeg-40']
    """
    return [name.removeprefix("difference_") for name in table.columns if name.startswith("difference_")]


def read_table(path: str | Path) -> pd.DataFrame:
    """Read a parquet or CSV table, by its suffix; empty text stays empty text."""
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"table {path}: expected a file, found none. Run the stage that writes it (`dfd report`).")
    if path.suffix == ".parquet":
        return pd.read_parquet(path)
    # a video may be called 00170 or nan, empty text is not a missing number, and scores that are all 0 or 1 are not whole numbers
    table = pd.read_csv(path, dtype=_TYPES, keep_default_na=False, na_values=[""])
    text = [column for column in table if pd.api.types.is_string_dtype(table[column])]
    return table.fillna(dict.fromkeys(text, ""))


def write_table(table: pd.DataFrame, path: str | Path) -> Path:
    """Write a parquet or CSV table, by its suffix, whole or not at all."""
    path = Path(path)
    with whole(path) as beside:
        if path.suffix == ".parquet":
            table.to_parquet(beside, index=False)
        else:
            table.to_csv(beside, index=False, float_format="%.6g", lineterminator="\n")
    return path
