"""What looking at time is worth."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dfd_lib.figures.style import ACCENT, INK, MUTED, WIDTH, need, nothing, short_ticks, shorten, styled
from dfd_lib.formats import signed

_AGAINST = {"frames": "the frames of its trunk", "order": "its frames out of order"}


@styled
def time_gain(table: pd.DataFrame) -> Figure:
    """The gain in AUC of each model of clips over what sees the same frames without their order; green is real.

    Args:
        table: `time.csv`: about, model, against, difference, low, high.

    Returns:
        The figure; without a row, one that says so.

    Raises:
        ValueError: a column is missing.
    """
    if table.empty:
        return nothing("No model of clips beside its trunk: nothing is said of time.")
    need(table, ["about", "model", "against", "difference", "low", "high"], "time_gain")
    figure, axis = plt.subplots(figsize=(WIDTH, 0.45 * len(table) + 0.9))
    places, real = np.arange(len(table)), (table["low"] > 0).to_numpy()
    colors = np.where(real, ACCENT, MUTED)
    axis.axvline(0, color=INK, linewidth=0.8)
    axis.hlines(places, table["low"], table["high"], colors=colors, linewidth=1.8)
    axis.scatter(table["difference"], places, s=30, color=colors, zorder=3)
    for place, row in zip(places, table.itertuples(), strict=True):
        axis.annotate(signed(row.difference), (row.high, place), xytext=(5, 0), textcoords="offset points", va="center", fontsize=8)
    names = [f"{shorten(row.model, 24)} – {_AGAINST.get(row.about, row.about)}\n({shorten(row.against, 28)})" for row in table.itertuples()]
    axis.set_yticks(places, names)
    axis.set_ylim(len(table) - 0.5, -0.5)
    axis.set_xlabel("difference in AUC by clip on test")
    axis.margins(x=0.15)
    axis.grid(axis="x")
    short_ticks(axis.xaxis)
    return figure
