"""Published systems: what they claimed, and what they reach here."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dfd_lib.figures.style import ACCENT, FAINT, INK, MUTED, WIDTH, need, nothing, short_ticks, shorten, styled

_WAYS = {"as published": (INK, "o", "here, by its own recipe"), "own settings": (ACCENT, "s", "here, by this project's settings")}


@styled
def claimed_and_reached(table: pd.DataFrame) -> Figure:
    """Accuracy, a row a system: what was claimed, and what is reached here by either recipe, with 95 % intervals.

    Args:
        table: `systems.csv`.

    Returns:
        The figure; where nothing was trained, one that says so.

    Raises:
        ValueError: a column is missing.
    """
    if table.empty:
        return nothing("The recipe names no published system.")
    need(table, ["system", "model", "recipe", "claimed", "claimed_low", "accuracy", "accuracy_low", "accuracy_high"], "claimed_and_reached")
    trained = table[table["recipe"].isin(_WAYS)]
    if trained.empty:
        return nothing("No published system was trained here.")
    names = list(dict.fromkeys(zip(trained["system"], trained["model"], strict=True)))
    figure, axis = plt.subplots(figsize=(WIDTH, 0.42 * len(names) + 1.1))
    for place, (system, model) in enumerate(names):
        rows = trained[(trained["system"] == system) & (trained["model"] == model)]
        _claim(axis, place, rows.iloc[0])
        for shift, (way, (color, marker, _)) in zip((-0.13, 0.13), _WAYS.items(), strict=True):
            for _, row in rows[rows["recipe"] == way].iterrows():
                axis.hlines(place + shift, row["accuracy_low"], row["accuracy_high"], colors=color, linewidth=1.8)
                axis.scatter(row["accuracy"], place + shift, s=24, marker=marker, color=color, zorder=3)
    chance = float(np.nanmax([trained["n_fake"] / trained["n"], 1 - trained["n_fake"] / trained["n"]]))
    axis.axvline(chance, color=MUTED, linewidth=0.8, linestyle=":")
    axis.set_yticks(range(len(names)), [f"{system}  {shorten(model, 30)}" for system, model in names])
    axis.set_ylim(len(names) - 0.5, -0.5)
    axis.set_xlabel("accuracy; dotted: always naming the commoner class of test here")
    axis.grid(axis="x")
    short_ticks(axis.xaxis)
    _legend(figure)
    return figure


def _claim(axis: Axes, place: int, row: pd.Series) -> None:
    """A grey diamond, and its interval as a pale bar where a matrix was published."""
    if np.isfinite(row["claimed_low"]):
        axis.hlines(place, row["claimed_low"], row["claimed_high"], colors=FAINT, linewidth=9)
    axis.scatter(row["claimed"], place, s=34, marker="D", facecolor="white", edgecolor=MUTED, linewidth=1.4, zorder=3)


def _legend(figure: Figure) -> None:
    handles = [plt.Line2D([], [], marker="D", linestyle="", markerfacecolor="white", color=MUTED, label="claimed, on data of their own")]
    handles += [plt.Line2D([], [], marker=marker, color=color, label=label) for color, marker, label in _WAYS.values()]
    figure.legend(handles=handles, loc="outside upper left", ncols=3)
