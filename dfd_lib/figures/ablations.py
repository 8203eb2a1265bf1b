"""What changes of a model bought, beside what they cost."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dfd_lib.figures.style import ACCENT, FAINT, FAKE, INK, MUTED, WIDTH, need, nothing, short_ticks, shorten, styled
from dfd_lib.formats import signed
from dfd_lib.tables import conditions_of

NEEDED = ("name", "luck", "difference", "low", "high", "p_holm", "minutes")


@styled
def ablations(table: pd.DataFrame) -> Figure:
    """Differences in AUC to the base with their intervals, and how much longer a training takes beside them.

    Green surely helps, vermillion surely hurts, by interval and corrected test; hollow dots are single seeds of the base. A panel for
    the crops as they are, and one for each condition of `tables.conditions_of`.

    Args:
        table: `ablations.csv` or `finalists.csv`: `NEEDED`; a row without a difference is the base.

    Raises:
        ValueError: a column is missing.
    """
    if table.empty:
        return nothing("No finalist was trained.")
    need(table, NEEDED, "ablations")
    base, rows = table[table["difference"].isna()], table[table["difference"].notna()]
    if rows.empty:
        return nothing("No change was tried.")
    suffixes = ["", *(f"_{name}" for name in conditions_of(table))]
    alone = len(suffixes) == 1
    size, widths = (WIDTH, 0.24 * len(rows) + 0.9), [3.0 if alone else 2.0] * len(suffixes) + [1.0]
    figure, (*gains, cost) = plt.subplots(1, len(widths), figsize=size, sharey=True, gridspec_kw={"width_ratios": widths})
    for axes, suffix in zip(gains, suffixes, strict=True):
        _gains(axes, rows, suffix)
    gains[0].set_yticks(np.arange(len(rows)), [shorten(name, 30) for name in rows["name"]])
    gains[0].set_ylim(len(rows) - 0.4, -0.6)
    if alone:
        gains[0].set_xlabel(f"difference in AUC on validation folds to {base['name'].iloc[0] if len(base) else 'the base'}")
    cost.barh(np.arange(len(rows)), rows["minutes"], color=FAINT, height=0.7)
    if len(base):
        cost.axvline(base["minutes"].iloc[0], color=INK, linewidth=0.8)
    cost.set_xlabel("minutes of training" if alone else "minutes")
    return figure


def _gains(axes: Axes, rows: pd.DataFrame, suffix: str) -> None:
    """A line for each row: the interval, the difference, and its number."""
    places, luck = np.arange(len(rows)), rows["luck"].astype(bool).to_numpy()
    difference, low, high, p = (rows[f"{name}{suffix}"].to_numpy(float) for name in ("difference", "low", "high", "p_holm"))
    sure = p < 0.05  # and the interval leaves 0 out: as `evaluation.pairs.significant` has it
    colors = np.select([sure & (low > 0), sure & (high < 0)], [ACCENT, FAKE], MUTED)
    axes.axvline(0, color=INK, linewidth=0.8)
    axes.hlines(places, low, high, colors=colors, linewidth=1.6)
    axes.scatter(difference, places, s=24, color=np.where(luck, "white", colors), edgecolors=colors, zorder=3)
    for place, gain, ends in zip(places, difference, zip(low, high, strict=True), strict=True):
        if np.isfinite(gain):
            side = 1 if gain >= 0 else -1  # away from the line at 0
            where = (np.nanmax([gain, *ends]) if side > 0 else np.nanmin([gain, *ends]), place)
            aligned = {"ha": "left" if side > 0 else "right", "va": "center"}
            axes.annotate(signed(gain), where, xytext=(5 * side, 0), textcoords="offset points", fontsize=7, **aligned)
    axes.set_xlabel(f"AUC, difference{' at ' + suffix[1:] if suffix else ''}")
    axes.margins(x=0.25)
    axes.grid(axis="x")
    short_ticks(axes.xaxis)
