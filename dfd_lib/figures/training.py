"""How the models trained."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dfd_lib.figures.style import ACCENT, INK, MUTED, need, panels, short_ticks, shorten, styled
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
    figure, axes = panels(len(models), height=1.35, per_panel=2)
    for (loss, auc), (name, rows) in zip(axes, models, strict=True):
        _curves(loss, rows, "loss")
        _curves(auc, rows, "auc")
        loss.set_title(shorten(name, 22))
        auc.set_xlabel("epoch")
        if loss.get_subplotspec().is_first_col():
            loss.set_ylabel("loss")
            auc.set_ylabel("AUC")
    _name_lines(axes[0][0])
    return figure


def _curves(axis: Axes, rows: pd.DataFrame, name: str) -> None:
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
        axis.set_title(f"best {share(rows['val_auc'].max())}", loc="right", fontsize=8, color=ACCENT, pad=3)
    axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axis.yaxis.set_major_locator(MaxNLocator(3))
    axis.tick_params(labelbottom=name == "auc")
    short_ticks(axis.yaxis)
    axis.grid(axis="y")


def _name_lines(axis: Axes) -> None:
    axis.annotate("train", (0.98, 0.97), xycoords="axes fraction", ha="right", va="top", fontsize=8, color=MUTED)
    axis.annotate("val", (0.98, 0.80), xycoords="axes fraction", ha="right", va="top", fontsize=8, color=ACCENT)
