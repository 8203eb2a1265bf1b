"""What changes of a model bought, beside what they cost."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dfd_lib.figures.style import ACCENT, FAINT, FAKE, INK, MUTED, WIDTH, need, nothing, short_ticks, shorten, styled
from dfd_lib.formats import signed


@styled
def ablations(table: pd.DataFrame) -> Figure:
    """Differences in AUC to the base with their intervals, and how much longer a training takes beside them.

    Green surely helps, vermillion surely hurts; hollow dots are the base with another seed.

    Args:
        table: `ablations.csv` or `finalists.csv`: name, difference, low, high, luck, minutes; a row without a difference is the base.

    Raises:
        ValueError: a column is missing.
    """
    if table.empty:
        return nothing("No finalist was trained.")
    need(table, ["name", "difference", "low", "high", "luck", "minutes"], "ablations")
    base, rows = table[table["difference"].isna()], table[table["difference"].notna()]
    if rows.empty:
        return nothing("No change was tried.")
    size = (WIDTH, 0.24 * len(rows) + 0.9)
    figure, (gain, cost) = plt.subplots(1, 2, figsize=size, sharey=True, gridspec_kw={"width_ratios": [3, 1]})
    places, luck = np.arange(len(rows)), rows["luck"].astype(bool).to_numpy()
    colors = np.select([rows["low"] > 0, rows["high"] < 0], [ACCENT, FAKE], MUTED)
    gain.axvline(0, color=INK, linewidth=0.8)
    gain.hlines(places, rows["low"], rows["high"], colors=colors, linewidth=1.6)
    gain.scatter(rows["difference"], places, s=24, color=np.where(luck, "white", colors), edgecolors=colors, zorder=3)
    for place, row in zip(places, rows.itertuples(), strict=True):
        gain.annotate(signed(row.difference), (row.high, place), xytext=(4, 0), textcoords="offset points", va="center", fontsize=7)
    gain.set_yticks(places, [shorten(name, 30) for name in rows["name"]])
    gain.set_ylim(len(rows) - 0.4, -0.6)
    gain.set_xlabel(f"difference in AUC on validation folds to {base['name'].iloc[0] if len(base) else 'the base'}")
    gain.margins(x=0.15)
    gain.grid(axis="x")
    short_ticks(gain.xaxis)
    cost.barh(places, rows["minutes"], color=FAINT, height=0.7)
    if len(base):
        cost.axvline(base["minutes"].iloc[0], color=INK, linewidth=0.8)
    cost.set_xlabel("minutes of training")
    return figure
