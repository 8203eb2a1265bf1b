"""What a page is made of: words, tables, pictures, lists and code; the template knows how each looks."""

from dataclasses import dataclass, field
from typing import ClassVar

import pandas as pd

from dfd_lib.formats import MISSING, share, signed


@dataclass(frozen=True)
class Cell:
    """What stands in a table's cell, and by what the column is sorted."""

    text: str
    order: float | str | None = None
    interval: str = ""
    best: bool = False


@dataclass(frozen=True)
class Column:
    """A table's column; numbers stand right, and `hint` explains the title."""

    title: str
    number: bool = False
    hint: str = ""


@dataclass(frozen=True)
class Table:
    """A table whose first column names the row."""

    kind: ClassVar[str] = "table"
    caption: str
    columns: list[Column]
    rows: list[list[Cell]]
    foot: str = ""
    folded: bool = False


@dataclass(frozen=True)
class Picture:
    """A figure as a data: URI, with its size in CSS pixels."""

    kind: ClassVar[str] = "picture"
    name: str
    uri: str
    width: int
    height: int
    alt: str
    caption: str
    chart: bool = True


@dataclass(frozen=True)
class Words:
    """Paragraphs; `tone` is empty, `good` or `warning`."""

    kind: ClassVar[str] = "words"
    paragraphs: list[str]
    tone: str = ""


@dataclass(frozen=True)
class Items:
    """A list of texts, each with the address it links to or nothing."""

    kind: ClassVar[str] = "items"
    title: str
    items: list[tuple[str, str]]
    folded: bool = False


@dataclass(frozen=True)
class Code:
    """Text to copy, or a file as it lies on disk."""

    kind: ClassVar[str] = "code"
    title: str
    text: str
    folded: bool = False


Block = Table | Picture | Words | Items | Code


@dataclass(frozen=True)
class Section:
    """A heading and what stands under it; without blocks it is left out."""

    key: str
    title: str
    blocks: list[Block] = field(default_factory=list)


def text_cell(value: object) -> Cell:
    """A cell of text, sorted as text; nothing is an en dash.

    Example:
        >>> text_cell("lenet"), text_cell("").text
        (Cell(text='lenet', order='lenet', interval='', best=False), '–')
    """
    text = "" if pd.isna(value) else str(value)
    return Cell(text or MISSING, text)


def number_cell(value: float, text: str) -> Cell:
    """A cell sorted by a number and shown as `text`; NaN is shown and sorted as missing."""
    return Cell(MISSING) if pd.isna(value) else Cell(text, float(value))


def metric_cell(row: pd.Series, metric: str, *, sign: bool = False, best: bool = False) -> Cell:
    """A metric with its interval from `<metric>_low` and `<metric>_high`, where the row has them.

    Example:
        >>> metric_cell(pd.Series({"auc": 0.931, "auc_low": 0.902, "auc_high": 0.955}), "auc")
        Cell(text='.931', order=0.931, interval='.902–.955', best=False)
    """
    value, low, high = (row.get(name, float("nan")) for name in (metric, f"{metric}_low", f"{metric}_high"))
    write = signed if sign else share
    dash = " to " if sign else "–"
    ends = "" if pd.isna(low) or pd.isna(high) else f"{write(low)}{dash}{write(high)}"
    return Cell(MISSING) if pd.isna(value) else Cell(write(value), float(value), ends, best)
