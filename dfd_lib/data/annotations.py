"""Labels and parts as data sets write them, and the CSV and JSON files they stand in."""

import json
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from dfd_lib.data.tree import SUFFIX
from dfd_lib.tables import SPLITS

LABELS = {"real": 0, "0": 0, "fake": 1, "1": 1}

PARTS = {
    **{name: name for name in SPLITS},
    **dict.fromkeys(("training", "train_test"), "train"),
    **dict.fromkeys(("valid", "validation", "dev"), "val"),
    "calibration": "calib",
    "testing": "test",
}
"""Names of the parts of an official split, in lower case, and ours."""


def labels(given: pd.Series, where: pd.Series) -> pd.Series:
    """Turn labels into 0 and 1.

    Args:
        given: real, fake, 0 or 1, in any case.
        where: the place of each row, for the error.

    Raises:
        ValueError: any other label; names the place of the first.

    Example:
        >>> labels(pd.Series(["REAL", "fake", "1"]), pd.Series(["x"] * 3)).to_list()
        [0, 1, 1]
    """
    return _mapped(given, where, LABELS, "label", "REAL, FAKE, 0 (real) or 1 (fake)").astype(int)


def parts(given: pd.Series, where: pd.Series) -> pd.Series:
    """Turn the names of an official split's parts into ours; as `labels`, and empty stays empty."""
    return _mapped(given, where, {**PARTS, "": ""}, "split", "train, val, calib, test or nothing")


def _mapped(given: pd.Series, where: pd.Series, names: Mapping, what: str, allowed: str) -> pd.Series:
    found = given.str.strip().str.lower().map(names)
    if found.isna().any():
        row = found.index[found.isna()][0]
        raise ValueError(f"{where[row]}: {what}: expected {allowed}, came {given[row]!r}; correct it.")
    return found


def whole_numbers(given: pd.Series, where: pd.Series, what: str) -> pd.Series:
    """Turn text into whole numbers from 0, empty into 0; ValueError names the place of anything else."""
    wrong = ~given.str.fullmatch(r"[0-9]{0,18}")
    if wrong.any():
        row = given.index[wrong][0]
        raise ValueError(f"{where[row]}: {what}: expected a whole number from 0, came {given[row]!r}; correct it.")
    return given.where(given != "", "0").astype(int)


def lines(name: str, table: pd.DataFrame) -> pd.Series:
    """The place of each row of a CSV table, for errors."""
    return name + ", line " + pd.Series(range(2, len(table) + 2), table.index).astype(str)


def read_csv(path: Path, name: str, columns: list[str]) -> pd.DataFrame:
    """Read a CSV file as text without missing values.

    Raises:
        ValueError: it cannot be read, or lacks one of `columns`; one line that begins with `name`.
    """
    try:
        table = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", skipinitialspace=True, index_col=False)
    except (ValueError, OSError) as error:  # pandas' own errors are ValueErrors
        raise ValueError(f"{name}: expected a CSV table in UTF-8; {' '.join(str(error).split())}; correct it.") from None
    missing = [column for column in columns if column not in table]
    if missing:
        raise ValueError(f"{name}: expected the columns {', '.join(columns)}, came {', '.join(map(str, table))}; add {missing[0]!r}.")
    return table.fillna("")  # of a line with too few cells


def read_json(path: Path, name: str) -> object:
    """Read a JSON file; ValueError in one line that begins with `name`."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError, RecursionError) as error:
        raise ValueError(f"{name}: expected JSON in UTF-8; {' '.join(str(error).split())}; correct it.") from None


def given_groups(table: pd.DataFrame, root: Path, groups: str) -> tuple[pd.Series, list[tuple[str, str]]]:
    """The user's group of each row, by the name of its file or video, with or without folder and suffix.

    Args:
        table: file, stem, video and scene (a group that the layout gives) of each file.
        root: the data set's folder.
        groups: a CSV file in it: first column the file or video, second its group.

    Returns:
        The groups, and the names that no file has, each with a reason.

    Raises:
        FileNotFoundError: there is no such table.
        ValueError: it has fewer columns, or two groups for one name.
    """
    given = _read_groups(root, groups)
    key = given["name"].str.replace(SUFFIX, "", regex=True).str.normalize("NFC")
    pairs = given.assign(key=key).drop_duplicates(["key", "scene"])
    if pairs["key"].duplicated().any():
        twice = pairs.loc[pairs["key"].duplicated(), "name"].iloc[0]
        raise ValueError(f"{Path(groups).name}: expected one group for {twice!r}, came several; give all of them the same group.")
    scene_of = pairs.set_index("key")["scene"]
    names = [table[name].str.normalize("NFC") for name in ("stem", "video")]
    names += [name.str.replace(r"^.*/", "", regex=True) for name in names]
    found = table["scene"].where(table["scene"] != "")
    for name in names:
        found = found.fillna(name.map(scene_of))
    unknown = ~key.isin(pd.concat(names))
    return found.fillna(""), [(name, f"named in {Path(groups).name}, but no such file") for name in given.loc[unknown, "name"]]


def _read_groups(root: Path, groups: str) -> pd.DataFrame:
    path = root / groups
    if not path.is_file():
        raise FileNotFoundError(f"groups {groups!r}: expected a CSV file at {path}, found none; correct `groups`, or leave it out.")
    given = read_csv(path, path.name, []).iloc[:, :2]
    if given.shape[1] < 2:
        raise ValueError(f"{path.name}: expected two columns, file or video and its group, came {', '.join(given)}; add the groups.")
    return given.set_axis(["name", "scene"], axis=1)
