"""What a good number may be worth: what a leak would have bought, and what can be guessed without a face."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dfd_lib.figures.style import ACCENT, FAINT, INK, MUTED, WIDTH, need, nothing, short_ticks, styled
from dfd_lib.formats import METRIC_NAMES, share, signed

_TAX = "difference"


@styled
def leak_tax(table: pd.DataFrame | None) -> Figure:
    """Accuracy and AUC of one model on frames at random and on whole groups.

    The line is the honest 95 % interval; the short, pale and thick one is what is
    printed where frames are taken for independent.

    Args:
        table: of `dfd_lib.evaluation.leaktax`; None where the recipe does not ask for it.

    Raises:
        ValueError: a column is missing or there is no row.
    """
    if table is None:
        return nothing("The recipe does not ask for it; a line `leak_tax: {model: lenet}` in it does.")
    metrics = ("accuracy", "auc")
    ends = [f"{metric}{how}_{end}" for metric in metrics for how in ("", "_rows") for end in ("low", "high")]
    rows = need(table, ["split", "majority", *metrics, *ends], "leak_tax").set_index("split")
    tax, rows = rows.loc[_TAX], rows.drop(index=_TAX)
    figure, axes = plt.subplots(1, 2, sharey=True, figsize=(WIDTH, 0.42 * len(rows) + 1.0))
    for axis, metric in zip(axes, metrics, strict=True):
        _both(axis, rows, metric)
        name = METRIC_NAMES[metric]
        axis.set_title(f"{name}: {signed(tax[metric])} ({signed(tax[f'{metric}_low'])} to {signed(tax[f'{metric}_high'])}) by the leak")
        axis.set_xlabel(f"{name} on test, dotted: {'always the commoner class' if metric == 'accuracy' else 'chance'}")
        axis.axvline(0.5 if metric == "auc" else rows["majority"].mean(), color=MUTED, linestyle=":", linewidth=1)
    axes[0].set_yticks(range(len(rows)), list(rows.index))
    axes[0].set_ylim(len(rows) - 0.5, -0.5)
    return figure


def _both(axis: Axes, rows: pd.DataFrame, metric: str) -> None:
    places, colors = np.arange(len(rows)), [INK, ACCENT]
    axis.hlines(places, rows[f"{metric}_rows_low"], rows[f"{metric}_rows_high"], color=FAINT, linewidth=9)
    axis.hlines(places, rows[f"{metric}_low"], rows[f"{metric}_high"], color=colors)
    axis.scatter(rows[metric], places, color=colors, s=30, zorder=3)
    for place, value in zip(places, rows[metric], strict=True):
        axis.annotate(share(value), (value, place), xytext=(0, 8), textcoords="offset points", ha="center", fontsize=8)
    axis.margins(x=0.12)
    axis.tick_params(axis="y", length=0)
    axis.grid(axis="x")
    short_ticks(axis.xaxis)


@styled
def shortcuts(table: pd.DataFrame) -> Figure:
    """How well labels can be guessed from each family of facts, with the 95 % interval; green warns, the rows of all facts last.

    Args:
        table: of `dfd_lib.evaluation.shortcuts`.

    Raises:
        ValueError: a column is missing.
    """
    columns = ["family", "kind", "auc", "auc_low", "auc_high", "shuffled", "shuffled_high", "warn"]
    if table.empty:
        return nothing("Nothing that is not the face varies.")
    need(table, columns, "shortcuts")
    if table["auc"].isna().all():
        return nothing("Too few groups to tell whether labels can be guessed without the face.")
    places = np.arange(len(table))
    colors = [ACCENT if warns else MUTED for warns in table["warn"].astype(bool)]
    figure, axis = plt.subplots(figsize=(WIDTH * 0.75, 0.26 * len(table) + 0.9))
    axis.hlines(places, table["auc_low"], table["auc_high"], color=colors)
    axis.scatter(table["auc"], places, color=colors, s=26, zorder=3)
    for place, auc, color in zip(places, table["auc"], colors, strict=True):
        axis.annotate(share(auc), (1.02, place), xycoords=("axes fraction", "data"), va="center", color=INK if color == ACCENT else MUTED)
    tried = table["shuffled"].notna()
    axis.scatter(table.loc[tried, "shuffled"], places[tried], marker="|", s=90, color=INK, linewidth=1.2)
    axis.axvline(0.5, color=MUTED, linestyle=":", linewidth=1.2)
    axis.set_yticks(places, [_family(row) for _, row in table.iterrows()])
    axis.set_ylim(len(table) - 0.5, -0.5)
    axis.set(xlabel="AUC of a guess without the face, on unseen groups (.5: nothing; bar: labels shuffled)")
    axis.set_xlim(min(0.4, table["auc_low"].min() - 0.02), 1.01)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    short_ticks(axis.xaxis)
    return figure


def _family(row: pd.Series) -> str:
    return f"{row['family']} (crop)" if row["kind"] == "crop" and not row["family"].endswith("crop") else row["family"]
