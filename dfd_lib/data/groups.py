"""What a split must not tear apart: everything that is linked by a person, a source video or a scene."""

import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

LINKS = ("person", "donor", "source", "video", "scene")
"""Columns whose equal values link rows; empty text links nothing."""

_NAME_SPACES = {"person": "identity", "donor": "identity", "source": "video"}
"""A person may be another's donor, and a source is a video; any other column stands for itself."""


def connected_groups(table: pd.DataFrame, columns: tuple[str, ...] = LINKS) -> pd.Series:
    """Group rows that are linked, directly or through others, by equal values.

    `person` and `donor` share one name space, and so do `source` and `video`.
    Where there is a column `dataset`, nothing links two data sets.

    Args:
        table: any table with a column `video`; columns it lacks are passed over.
        columns: the columns that link.

    Returns:
        A group for each row, named after the first of its videos.

    Example:
        >>> table = pd.DataFrame({"video": ["a", "b", "c"], "person": ["x", "y", "z"], "donor": ["", "x", ""]})
        >>> connected_groups(table).to_list()
        ['a', 'a', 'c']
    """
    present = [column for column in columns if column in table]
    spaces = dict.fromkeys(_NAME_SPACES.get(column, column) for column in present)
    rows, nodes, count = [], [], len(table)
    for space in spaces:
        row, value, _ = values(table, [column for column in present if _NAME_SPACES.get(column, column) == space])
        rows.append(row)
        nodes.append(value + count)
        count += value.max(initial=-1) + 1
    row, node = (np.concatenate(part) if part else np.empty(0, int) for part in (rows, nodes))
    graph = coo_array((np.ones(len(row), np.int8), (row, node)), shape=(count, count))
    component = connected_components(graph, directed=False)[1][: len(table)]
    code, names = pd.factorize(table["video"], sort=True)
    first = pd.Series(code).groupby(component).transform("min")
    return pd.Series(names.take(first.to_numpy()), table.index, dtype=str, name="group")


def values(table: pd.DataFrame, columns: list[str]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All values in columns of one name space, that are not empty.

    Returns:
        (row, code, text): arrays of one length; row `row[i]` of the table holds
        `text[i]`, the value with the number `code[i]`, counted from 0. Equal
        text in two data sets has two numbers.
    """
    text = pd.concat([table[column] for column in columns], ignore_index=True).fillna("").astype(str)
    known = np.flatnonzero(text != "")
    row = known % max(len(table), 1)
    text = text.to_numpy()[known]
    code = pd.factorize(text)[0]
    if "dataset" in table:
        dataset, names = pd.factorize(table["dataset"])
        code = pd.factorize(code * len(names) + dataset[row])[0]
    return row, code, text


def numbers(table: pd.DataFrame, column: str) -> np.ndarray:
    """Number the values of a column from 0 in the order of the alphabet; equal text in two data sets has two numbers.

    Example:
        >>> numbers(pd.DataFrame({"dataset": ["b", "a", "b"], "group": ["x", "x", "x"]}), "group").tolist()
        [1, 0, 1]
    """
    dataset, _ = pd.factorize(table["dataset"], sort=True)
    code, names = pd.factorize(table[column].to_numpy(object), sort=True)
    return pd.factorize(dataset * len(names) + code, sort=True)[0]


def persons_apart(table: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Take one large component apart, person by person.

    Args:
        table: the rows of the component, each with a person or a donor.

    Returns:
        (home, guest): the group of each row's own person, named after the
        first of its videos; and that of its donor, or the row's own home where
        there is none. Rows whose home and guest end up in different parts of a
        split must be left out.
    """
    person = table["person"].where(table["person"] != "", table["donor"])
    home = connected_groups(table.assign(person=person), ("person", "video"))
    return home, guest_groups(table, home)


def guest_groups(table: pd.DataFrame, home: pd.Series) -> pd.Series:
    """The group of each row's donor, where rows are grouped by their own person: its own where there is none.

    Args:
        table: columns person and donor.
        home: the group of each row. Where whole components are the groups, it comes back as it is.
    """
    person = table["person"].where(table["person"] != "", table["donor"])
    home_of = pd.Series(home.to_numpy(), person).groupby(level=0).first()
    # a donor without a clip of their own is at home with the first person who got their face
    strangers = ~table["donor"].isin(home_of.index) & (table["donor"] != "")
    first = home[strangers].groupby(table["donor"][strangers]).min()
    guest = table["donor"].map(pd.concat([home_of, first]))
    return guest.where(table["donor"] != "", home).astype(str)
