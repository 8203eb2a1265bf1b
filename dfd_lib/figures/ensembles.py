"""Does ensembling help, and how different are the members."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dfd_lib.figures.style import ACCENT, FAINT, INK, MUTED, WIDTH, bare, need, nothing, short_ticks, shorten, spread, styled, triangle
from dfd_lib.formats import share, signed

_COLUMNS = ["name", "rule", "members", "size", "val_auc", "gain", "gain_low", "gain_high"]


@styled
def ensemble_gain(ensembles: pd.DataFrame, best: int = 20) -> Figure:
    """Left: validation AUC of every ensemble by its size. Right: who is in the best ones, and their gain on test.

    The gain is test AUC minus that of the best single model, with its 95 %
    interval; an interval that holds 0 is no real gain. On the left, size 1 are
    the single models.

    Args:
        ensembles: the ensembles table; its first row is the best single model,
            and single models have the rule `single`.
        best: how many ensembles stand on the right, the best on `val`.

    Returns:
        The figure; where there is no ensemble (one model), one that says so.

    Raises:
        ValueError: a column is missing or there is no row.
    """
    need(ensembles, _COLUMNS, "ensemble_gain")
    combined = ensembles[ensembles["rule"] != "single"]
    if combined.empty:
        return nothing("One model: there is nothing to combine.")
    chosen = combined.sort_values("val_auc", ascending=False, kind="stable").head(best)
    members = _members(chosen)
    figure = plt.figure(figsize=(WIDTH, max(3.2, 0.2 * len(chosen) + 1.5)))
    sizes, matrix, gain = figure.subplots(1, 3, width_ratios=[4, 0.45 * members.shape[1] + 0.6, 3.2])
    _sizes(sizes, ensembles, ensembles["val_auc"].iloc[0])
    _membership(matrix, members, list(chosen["rule"]))
    _gains(gain, chosen)
    return figure


@styled
def diversity(table: pd.DataFrame) -> Figure:
    """How often two models disagree, and how much their errors move together.

    An ensemble lives on members that are good and err on different crops:
    look for high disagreement and low correlation.

    Args:
        table: left, right, disagreement (0..1), error_correlation (-1..1).

    Returns:
        Two maps; of an empty table (one model) a figure that says so.

    Raises:
        ValueError: a column is missing.
    """
    if table.empty:
        return nothing("One model: there is no other to differ from.")
    need(table, ["left", "right", "disagreement", "error_correlation"], "diversity")
    names = list(dict.fromkeys([*table["left"], *table["right"]]))
    beside = len(names) <= 9
    width = min(WIDTH, (0.6 * len(names) + 5.4) if beside else (0.6 * len(names) + 2.5))
    figure, axes = plt.subplots(*((1, 2) if beside else (2, 1)), figsize=(width, (0.28 * len(names) + 1.1) * (1 if beside else 2)))
    for axis, column, title, colors in (
        (axes[0], "disagreement", "share of answers that differ", "PRGn"),
        (axes[1], "error_correlation", "correlation of errors", "PuOr"),
    ):
        _heat(axis, table, names, column, colors)
        axis.set_title(title)
    return figure


def _members(chosen: pd.DataFrame) -> pd.DataFrame:
    """Which model (column, the commonest first) is in which ensemble (row)."""
    inside = chosen["members"].str.get_dummies("+")
    return inside[inside.sum().sort_values(ascending=False, kind="stable").index].astype(bool)


def _sizes(axis: Axes, table: pd.DataFrame, single: float) -> None:
    dot = 2.5 if len(table) > 200 else 4
    for size, rows in table.groupby("size"):
        axis.plot(size + spread(len(rows), 0.7), rows["val_auc"], "o", color=ACCENT, markersize=dot, alpha=0.6, markeredgewidth=0)
        axis.hlines(rows["val_auc"].median(), size - 0.38, size + 0.38, color=INK, linewidth=1.2)
    axis.axhline(single, color=INK, linestyle=":", linewidth=1)
    behind = {"facecolor": "white", "alpha": 0.8, "pad": 0.5, "linewidth": 0}
    where = {"xycoords": ("axes fraction", "data"), "xytext": (0, -3), "textcoords": "offset points", "ha": "right", "va": "top"}
    axis.annotate(f"best single {share(single)}", (0.99, single), fontsize=8, bbox=behind, **where)
    axis.set_xticks(sorted(table["size"].unique()))
    axis.set_xlim(table["size"].min() - 0.6, table["size"].max() + 0.6)
    short_ticks(axis.yaxis)
    axis.set(xlabel="members (the line is the median)", ylabel="AUC on val")
    axis.set_title("every ensemble, on val")


def _membership(axis: Axes, members: pd.DataFrame, rules: list[str]) -> None:
    rows, columns = np.indices(members.shape)
    inside = members.to_numpy()
    axis.scatter(columns[~inside], rows[~inside], s=14, color=FAINT, linewidths=0)
    axis.scatter(columns[inside], rows[inside], s=26, color=INK, linewidths=0)
    axis.set_xticks(range(members.shape[1]), [shorten(name, 18) for name in members], rotation=60, ha="right", rotation_mode="anchor")
    axis.set_yticks(range(len(rules)), [rule.replace("_", " ") for rule in rules], fontsize=7.5)
    axis.set(ylim=(len(rules) - 0.5, -0.5), xlim=(-0.6, members.shape[1] - 0.4))
    axis.set_title(f"best {len(rules)} on val")
    bare(axis)


def _gains(axis: Axes, chosen: pd.DataFrame) -> None:
    places = np.arange(len(chosen))
    real = (chosen["gain_low"] > 0).to_numpy()
    colors = np.where(real, ACCENT, MUTED)
    axis.axvline(0, color=INK, linewidth=0.8)
    axis.hlines(places, chosen["gain_low"], chosen["gain_high"], colors=colors, linewidth=1.6)
    axis.scatter(chosen["gain"], places, s=24, color=colors, zorder=3)
    for place, (gain, high) in enumerate(zip(chosen["gain"], chosen["gain_high"], strict=True)):
        right = gain if np.isnan(high) else high
        if not np.isnan(gain):
            axis.annotate(signed(gain), (right, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=7.5)
    axis.set(ylim=(len(chosen) - 0.5, -0.5), yticks=[], xlabel="AUC on test minus best single")
    axis.xaxis.set_major_locator(MaxNLocator(4))
    short_ticks(axis.xaxis)
    axis.set_title("gain on test")
    axis.margins(x=0.15)
    axis.grid(axis="x")
    axis.spines["left"].set_visible(False)


def _heat(axis: Axes, table: pd.DataFrame, names: list[str], column: str, colors: str) -> None:
    square = pd.DataFrame(np.nan, names, names)
    for left, right, value in table[["left", "right", column]].itertuples(index=False):
        later, earlier = sorted((left, right), key=names.index, reverse=True)
        square.loc[later, earlier] = value
    square = square.iloc[1:, :-1]
    triangle(axis, square, square.map(lambda value: share(value, 2)), max(square.abs().max(axis=None), 0.01), colors)
