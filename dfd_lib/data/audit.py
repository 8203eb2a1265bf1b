"""The proof that the parts of a split share nothing, or the pairs that leak."""

from itertools import combinations

import numpy as np
import pandas as pd

from dfd_lib.data.groups import numbers, values
from dfd_lib.tables import SPLITS

CHECKS = {"group": ["group"], "video": ["video"], "person or donor": ["person", "donor"]}
"""What no two parts may share, and the columns that hold it. A person who is a donor elsewhere is shared too."""


def audit(manifest: pd.DataFrame) -> pd.DataFrame:
    """Count what each pair of parts shares.

    Args:
        manifest: a split manifest; rows without a part are passed over.

    Returns:
        One row a check and pair of parts (no row for a check of which the
        manifest knows nothing, such as persons that nobody named), with the columns check, left, right
        (the parts), shared (values that both hold), rows (crops of the two
        parts that hold one of these), example (the first of these in the
        alphabet, or empty) and ok (nothing is shared).

    Example:
        >>> rows = {"split": ["train", "test"], "dataset": "d", "group": ["g", "h"], "video": ["v", "w"]}
        >>> table = audit(pd.DataFrame({**rows, "person": ["ann", "bob"], "donor": ["", "ann"]}))
        >>> table[["check", "shared", "ok"]].to_dict("list")
        {'check': ['group', 'video', 'person or donor'], 'shared': [0, 0, 1], 'ok': [True, True, False]}
    """
    present = [part for part in SPLITS if (manifest["split"] == part).any()]
    found = []
    for check, columns in CHECKS.items():
        held = _held(manifest, columns)
        for left, right in combinations(present, 2) if len(held) else ():
            found.append((check, left, right, *_overlap(held, left, right)))
    table = pd.DataFrame(found, columns=["check", "left", "right", "shared", "rows", "example"])
    return table.assign(ok=table["shared"] == 0)


def _held(manifest: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Which part holds which value in which row: columns row, code, value, part (its place in SPLITS)."""
    row, code, text = values(manifest, columns)
    part = pd.Index(SPLITS).get_indexer(manifest["split"])[row]
    held = pd.DataFrame({"row": row, "code": code, "value": pd.Series(text, dtype=object), "part": part})
    return held[part >= 0]


def _overlap(held: pd.DataFrame, left: str, right: str) -> tuple[int, int, str]:
    """Shared values, rows that hold one, and the first of them."""
    parts = [SPLITS.index(left), SPLITS.index(right)]
    has = np.zeros((2, held["code"].max() + 1), bool)
    for side, part in zip(has, parts, strict=True):
        side[held["code"][held["part"] == part]] = True
    both = has.all(axis=0)
    if not both.any():
        return 0, 0, ""
    touched = held[held["part"].isin(parts) & both[held["code"]]]
    return int(both.sum()), touched["row"].nunique(), touched["value"].min()


def leaks(manifest: pd.DataFrame, limit: int = 100) -> pd.DataFrame:
    """List what leaks, with a crop on either side.

    Args:
        manifest: a split manifest.
        limit: the most rows for one check.

    Returns:
        One row a shared value and pair of parts, with the columns check,
        value, left, left_path, right, right_path; in the order of the
        alphabet. Empty where nothing leaks.
    """
    columns = ["check", "value", "left", "left_path", "right", "right_path"]
    found = [_pairs(_held(manifest, own), manifest["path"]).head(limit).assign(check=check) for check, own in CHECKS.items()]
    return pd.concat(found, ignore_index=True)[columns]


def _pairs(held: pd.DataFrame, path: pd.Series) -> pd.DataFrame:
    """The first crop on either side of each value that two parts hold."""
    held = held[held.groupby("code")["part"].transform("nunique") > 1]
    held = held.assign(path=path.to_numpy(object)[held["row"]])
    first = held.sort_values("path").drop_duplicates(["code", "part"])[["code", "value", "part", "path"]]
    pairs = first.merge(first.drop(columns="value"), on="code", suffixes=("_left", "_right"))
    pairs = pairs[pairs["part_left"] < pairs["part_right"]].sort_values(["value", "code", "part_left", "part_right"])
    names = np.array(SPLITS, object)
    pairs = pairs.assign(left=names[pairs["part_left"]], right=names[pairs["part_right"]])
    return pairs.rename(columns={"path_left": "left_path", "path_right": "right_path"})


def summary(manifest: pd.DataFrame) -> pd.DataFrame:
    """Count each part of a split.

    Returns:
        One row a part, in the order train, val, calib, test, with the columns
        split, groups, videos, crops, real, fake and fake_share (0..1).
    """
    own = {column: numbers(manifest, column) for column in ("group", "video")}
    table = manifest[["split", "label"]].assign(**own, real=manifest["label"] == 0)
    counts = table.groupby("split").agg(
        groups=("group", "nunique"), videos=("video", "nunique"), crops=("label", "size"), real=("real", "sum"), fake=("label", "sum")
    )
    counts = counts.loc[[part for part in SPLITS if part in counts.index]]
    return counts.assign(fake_share=counts["fake"] / counts["crops"]).reset_index()
