"""What a score is worth, beside what it costs to serve."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dfd_lib.figures.style import ACCENT, FAINT, MUTED, WIDTH, need, short_ticks, shorten, styled

NEEDED = ["name", "served", "milliseconds", "megabytes", "test_auc", "test_auc_low", "test_auc_high"]


@styled
def costs(table: pd.DataFrame) -> Figure:
    """AUC on test with its interval, milliseconds for one face, and megabytes: a line for each model and ensemble.

    Green is what the detector's file holds. The order is the table's: the best on val first.

    Args:
        table: `costs.csv`: `NEEDED`; intervals may be missing.

    Raises:
        ValueError: a column is missing, or there is no row.
    """
    need(table, NEEDED, "costs")
    places, colors = np.arange(len(table)), np.where(table["served"], ACCENT, MUTED)
    panels = {"sharey": True, "gridspec_kw": {"width_ratios": (3.0, 1.2, 1.2)}, "figsize": (WIDTH, 0.26 * len(table) + 0.9)}
    figure, (score, *prices) = plt.subplots(1, 3, **panels)
    score.hlines(places, table["test_auc_low"], table["test_auc_high"], colors=colors, linewidth=1.6)
    score.scatter(table["test_auc"], places, s=24, color=colors, zorder=3)
    score.set_yticks(places, [shorten(name, 40) for name in table["name"]])
    score.set_ylim(len(table) - 0.4, -0.6)
    score.set_xlabel("AUC on test")
    score.grid(axis="x")
    short_ticks(score.xaxis)
    for axes, name, title in zip(prices, ("milliseconds", "megabytes"), ("milliseconds a face", "megabytes"), strict=True):
        axes.barh(places, table[name], color=np.where(table["served"], ACCENT, FAINT), height=0.7)
        axes.bar_label(axes.containers[0], fmt="%.1f", padding=3, fontsize=7)
        axes.set_xlabel(title)
        axes.margins(x=0.2)
    return figure
