"""How a search went: the best score over its trials, and the score against each value that was drawn."""

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from dfd_lib.figures.style import ACCENT, INK, MUTED, need, nothing, panels, short_ticks, shorten, styled
from dfd_lib.formats import share

FACTS = ("trial", "status", "val_auc", "seconds", "epochs", "stopped", "message")
"""Columns of a trials table that are not drawn values."""


@styled
def search_progress(trials: pd.DataFrame) -> Figure:
    """Each trial's validation AUC in the order they were drawn, and the best so far as a line.

    A hollow dot is a trial that was stopped early; a trial that failed has no dot.

    Args:
        trials: trial, val_auc, stopped.

    Raises:
        ValueError: a column is missing or there is no row.
    """
    need(trials, ["trial", "val_auc", "stopped"], "search_progress")
    trials = trials.sort_values("trial", kind="stable").reset_index(drop=True)
    figure, ((axis,),) = panels(1, columns=1, height=2.4)
    number, best = np.arange(1, len(trials) + 1), trials["val_auc"].cummax().ffill()
    early = trials["stopped"] == "early"
    axis.step(number, best, where="post", color=ACCENT, linewidth=1.6)
    axis.plot(number[~early], trials.loc[~early, "val_auc"], "o", color=INK, markersize=4)
    axis.plot(number[early], trials.loc[early, "val_auc"], "o", color=MUTED, markersize=4, markerfacecolor="none")
    axis.annotate(
        f"best {share(best.iloc[-1])}",
        (number[-1], best.iloc[-1]),
        xytext=(4, 0),
        textcoords="offset points",
        color=ACCENT,
        va="center",
        fontsize=8,
    )
    axis.set(xlabel="trial", ylabel="AUC on val, by clip")
    axis.xaxis.set_major_locator(MaxNLocator(8, integer=True))
    short_ticks(axis.yaxis)
    axis.grid(axis="y")
    return figure


@styled
def search_scatter(trials: pd.DataFrame) -> Figure:
    """Validation AUC against each value that was drawn, a panel each; the best trial is green.

    Args:
        trials: trial, val_auc and a column for each drawn value. What never varied is left out.

    Raises:
        ValueError: a column is missing or there is no row.
    """
    need(trials, ["trial", "val_auc"], "search_scatter")
    trials = trials[trials["val_auc"].notna()]
    drawn = [name for name in trials if name not in FACTS and trials[name].nunique() > 1]
    if not drawn:
        return nothing("no value was drawn twice")
    figure, axes = panels(len(drawn), columns=4, height=1.9)
    for (axis,), name in zip(axes, drawn, strict=True):
        _scatter(axis, trials, name)
        axis.set_xlabel(shorten(name, 22))
        if axis.get_subplotspec().is_first_col():
            axis.set_ylabel("AUC on val")
    return figure


def _scatter(axis: Axes, trials: pd.DataFrame, name: str) -> None:
    values = trials[name]
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values) and values.nunique() > 6:
        place = values.to_numpy(float)
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.xaxis.set_minor_formatter(lambda value, _: "")
    else:
        choices = sorted(values.unique())
        place = np.array([choices.index(value) for value in values], float)
        axis.set_xticks(range(len(choices)), [shorten(f"{value:.3g}" if isinstance(value, float) else str(value), 8) for value in choices])
        axis.set_xlim(-0.5, len(choices) - 0.5)
    best = trials["val_auc"].to_numpy().argmax()
    axis.plot(place, trials["val_auc"], "o", color=MUTED, markersize=4, alpha=0.8)
    axis.plot(place[best], trials["val_auc"].iloc[best], "o", color=ACCENT, markersize=6, markeredgecolor=INK)
    axis.yaxis.set_major_locator(MaxNLocator(4))
    short_ticks(axis.yaxis)
    axis.grid(axis="y")
