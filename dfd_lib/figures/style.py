"""The house style: one look for every figure, and how a figure is written.

Colours are Okabe and Ito's, which colour-blind readers can tell apart
(Okabe & Ito 2008, "Color Universal Design"). Real is blue and fake vermillion
in every figure; what a panel is about is green, everything else is grey.
"""

import functools
import math
from collections.abc import Callable
from pathlib import Path

import matplotlib.pyplot as plt
import matplotlib.style
import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from dfd_lib.formats import tick
from dfd_lib.paths import whole

REAL = "#0072B2"
FAKE = "#D55E00"
ACCENT = "#009E73"
MUTED = "#8C8C8C"
FAINT = "#D9D9D9"
INK = "#222222"

WIDTH = 9.0
"""Inches; a figure is shown about 1,000 CSS pixels wide, so 9 pt reads as 14 px."""

MAJORITY = "majority"
"""The model name of the baseline that always gives the commoner class."""

_RC = {
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.labelcolor": INK,
    "axes.edgecolor": MUTED,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.unicode_minus": True,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "grid.color": FAINT,
    "grid.linewidth": 0.6,
    "axes.axisbelow": True,
    "text.color": INK,
    "text.parse_math": False,  # a `$` in a file or model name is a dollar sign
    "lines.linewidth": 1.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "figure.facecolor": "white",
    "figure.dpi": 100,
    "figure.constrained_layout.use": True,
}


def styled(plot: Callable[..., Figure]) -> Callable[..., Figure]:
    """Draw a figure in the house style, without touching the caller's settings."""

    @functools.wraps(plot)
    def draw(*args, **kwargs) -> Figure:
        with matplotlib.style.context(["default", _RC]):
            opened = set(plt.get_fignums())
            try:
                figure = plot(*args, **kwargs)
            except BaseException:
                for number in set(plt.get_fignums()) - opened:
                    plt.close(number)
                raise
            # ticks are made when first drawn and must be made in this style
            figure.draw_without_rendering()
        return figure

    return draw


def save(figure: Figure, path: str | Path) -> Figure:
    """Write a figure as PNG, whole or not at all, and close it.

    Equal input gives equal bytes: the file carries no date and no version.

    Args:
        figure: what one of this package's functions drew.
        path: the file to write, ending in `.png`.

    Returns:
        The figure, so that it is shown where a notebook's cell ends with this call.

    Raises:
        ValueError: the path does not end in `.png`.
    """
    if Path(path).suffix != ".png":
        raise ValueError(f"figure {str(path)!r}: expected a path that ends in .png; the report embeds PNG files. Rename it.")
    with whole(path) as beside:
        figure.savefig(beside, format="png", dpi=150, metadata={"Software": None})
    plt.close(figure)
    return figure


def panels(number: int, columns: int = 5, height: float = 1.9, per_panel: int = 1, **kwargs) -> tuple[Figure, list[list[Axes]]]:
    """A grid of equal panels, `columns` over the full width.

    Args:
        number: how many panels.
        columns: how many stand beside each other.
        height: inches a row of axes.
        per_panel: how many axes a panel has, one above the other.
        kwargs: for `plt.subplots`.

    Returns:
        The figure, and each panel's axes, from top to bottom.
    """
    rows = math.ceil(number / columns)
    used = min(columns, number)
    size = (max(WIDTH * used / columns, 3.6), height * rows * per_panel + 0.4)
    figure, grid = plt.subplots(rows * per_panel, used, figsize=size, squeeze=False, **kwargs)
    lines = grid.reshape(rows, per_panel, used)
    places = [lines[place // used, :, place % used] for place in range(rows * used)]
    for spare in places[number:]:
        for axis in spare:
            axis.set_visible(False)
    for lowest in places[max(number - used, 0) : number]:
        lowest[-1].tick_params(labelbottom=True)  # shared ticks stand only in the last row, which may be short
    return figure, [list(axes) for axes in places[:number]]


def nothing(words: str) -> Figure:
    """A small figure that says why there is nothing to draw, where that is no mistake."""
    figure, axis = plt.subplots(figsize=(WIDTH / 2, 0.6))
    axis.annotate(words, (0, 0.5), va="center", color=MUTED)
    axis.set_axis_off()
    return figure


def need(table: pd.DataFrame, columns: list[str], what: str) -> pd.DataFrame:
    """Return `table`, or raise ValueError where a column is missing or there is no row."""
    missing = [column for column in columns if column not in table]
    if missing:
        raise ValueError(
            f"{what}: expected the columns {', '.join(columns)}; missing {', '.join(missing)}. Rerun the stage that writes it."
        )
    if table.empty:
        raise ValueError(f"{what}: expected at least one row, came none. Choose rows that exist, or rerun the stage that writes it.")
    return table


def pick(table: pd.DataFrame, what: str, **wanted: str | None) -> pd.DataFrame:
    """The rows with these values, such as `split="test"`; `None` takes every value.

    Raises:
        ValueError: no row has the value; the message lists those there are.
    """
    for column, value in wanted.items():
        if value is None:
            continue
        there = sorted(table[column].unique())
        if value not in there:
            raise ValueError(
                f"{what}: expected {column} {value!r}, came only {', '.join(map(repr, there)) or 'no row'}. Choose one of these."
            )
        table = table[table[column] == value]
    return table


def levels(table: pd.DataFrame) -> list[str]:
    """Those of `frame` and `video` that a table has, in this order."""
    return [level for level in ("frame", "video") if (table["level"] == level).any()]


def short_ticks(*axes: Axis) -> None:
    """Write ticks as the numbers in the text are: `.5`."""
    for axis in axes:
        axis.set_major_formatter(FuncFormatter(tick))


def unit_square(axis: Axes) -> None:
    """Both axes from 0 to 1, equally long, with as few ticks as can be read in a small panel."""
    axis.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), xticks=[0, 0.5, 1], yticks=[0, 0.5, 1])
    short_ticks(axis.xaxis, axis.yaxis)
    axis.set_aspect("equal")


def triangle(axis: Axes, square: pd.DataFrame, text: pd.DataFrame, limit: float, colors: str, names_above: bool = False) -> None:
    """A heat map of the cells that are not NaN, pale enough for dark text on every one.

    Args:
        axis: where.
        square: what colours the cells; zero is white.
        text: what is written in them.
        limit: the largest value, which gets a medium shade.
        colors: a diverging colour map.
        names_above: the columns' names stand above, else below.
    """
    seaborn.heatmap(
        square, mask=square.isna(), annot=text, fmt="", cmap=colors, vmin=-1.9 * limit, vmax=1.9 * limit, cbar=False, ax=axis,
        linewidths=1.5, linecolor="white", annot_kws={"size": 8, "color": INK},
    )  # fmt: skip
    axis.set(xlabel="", ylabel="")
    places = np.arange(len(square)) + 0.5
    slant = {"rotation": 35, "ha": "left" if names_above else "right", "rotation_mode": "anchor"}
    axis.set_xticks(places, [shorten(name, 18) for name in square.columns], **slant)
    axis.tick_params(labeltop=names_above, labelbottom=not names_above)
    axis.set_yticks(places, [shorten(name, 22) for name in square.index], rotation=0)
    bare(axis)


def bare(axis: Axes) -> None:
    """Take away ticks and frame."""
    axis.tick_params(length=0)
    for spine in axis.spines.values():
        spine.set_visible(False)


def shorten(name: str, length: int = 30) -> str:
    """Cut a long name in its middle, where names differ least.

    Example:
        >>> shorten("mean(lenet, meso4, mesoinception4, resnet)", 20)
        'mean(lenet…4, resnet)'
    """
    half = length // 2
    return name if len(name) <= length + 1 else f"{name[:half]}…{name[-half:]}"


def spread(number: int, width: float) -> np.ndarray:
    """`number` offsets within ±width/2 that fill the room evenly and without a random draw.

    The golden ratio's multiples, modulo 1, never cluster (Weyl's
    equidistribution theorem).
    """
    golden = (math.sqrt(5) - 1) / 2
    return (np.arange(number) * golden % 1 - 0.5) * width
