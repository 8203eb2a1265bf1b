"""How the models trained."""

import math

import matplotlib.pyplot as plt
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dfd_lib.figures.style import ACCENT, INK, MUTED, WIDTH, need, shorten, styled
from dfd_lib.formats import share


@styled
def training_curves(histories: pd.DataFrame) -> Figure:
    """Loss above, AUC below, over the epochs: training grey, validation green; the kept epoch is marked.

    Several seeds of a model are drawn over each other. The kept epoch is the
    one of the highest validation AUC, the first of equals.

    Args:
        histories: model, seed, epoch, loss, auc, val_loss, val_auc.

    Raises:
        ValueError: a column is missing or there is no row.
    """
    need(histories, ["model", "seed", "epoch", "loss", "auc", "val_loss", "val_auc"], "training_curves")
    models = list(histories.groupby("model", sort=False))
    columns = min(5, len(models))
    blocks = math.ceil(len(models) / columns)
    figure, grid = plt.subplots(2 * blocks, columns, squeeze=False, sharex="col", figsize=(WIDTH, 2.9 * blocks))
    for spare in grid.flat:
        spare.set_visible(False)
    for place, (name, rows) in enumerate(models):
        loss, auc = grid[place // columns * 2 : place // columns * 2 + 2, place % columns]
        _curves(loss, rows, "loss")
        _curves(auc, rows, "auc")
        loss.set_title(shorten(name, 22))
        auc.set_xlabel("epoch")
        if place % columns == 0:
            loss.set_ylabel("loss")
            auc.set_ylabel("AUC")
    _name_lines(grid[0, 0])
    return figure


def _curves(axis: Axes, rows: pd.DataFrame, name: str) -> None:
    axis.set_visible(True)
    for _, one in rows.groupby("seed"):
        one = one.sort_values("epoch")
        best = one.loc[one["val_auc"].idxmax()] if one["val_auc"].notna().any() else None
        lone = "." if len(one) == 1 else ""
        axis.plot(one["epoch"], one[name], marker=lone, color=MUTED, linewidth=1)
        axis.plot(one["epoch"], one[f"val_{name}"], marker=lone, color=ACCENT, linewidth=1.6)
        if best is not None:
            axis.plot(best["epoch"], best[f"val_{name}"], "o", color=ACCENT, markersize=6, markeredgecolor=INK, markeredgewidth=1)
            axis.axvline(best["epoch"], color=MUTED, linewidth=0.6, linestyle=":")
    if name == "auc" and rows["val_auc"].notna().any():
        axis.annotate(f"best {share(rows['val_auc'].max())}", (1, 0.04), xycoords="axes fraction", ha="right", fontsize=8, color=ACCENT)
    axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axis.yaxis.set_major_locator(MaxNLocator(3))
    axis.tick_params(labelbottom=name == "auc")
    axis.grid(axis="y")


def _name_lines(axis: Axes) -> None:
    axis.annotate("train", (0.98, 0.97), xycoords="axes fraction", ha="right", va="top", fontsize=8, color=MUTED)
    axis.annotate("val", (0.98, 0.80), xycoords="axes fraction", ha="right", va="top", fontsize=8, color=ACCENT)
