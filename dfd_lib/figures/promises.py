"""What was promised on `calib` and what came of it on `test`: calibration, false alarms, verdicts."""

from collections.abc import Callable

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dfd_lib.figures.style import (
    ACCENT,
    FAINT,
    FAKE,
    INK,
    MUTED,
    REAL,
    WIDTH,
    levels,
    need,
    panels,
    pick,
    short_ticks,
    shorten,
    styled,
    unit_square,
)
from dfd_lib.formats import count, percent

Mark = tuple[str, str, str]
"""A column with `_low` and `_high`, its name in the figure, its colour."""


@styled
def reliability(table: pd.DataFrame, level: str | None = None) -> Figure:
    """Is a p_fake of .8 fake eight times in ten? The observed share of fakes over p_fake, per model, with 95 % intervals.

    Grey is p_fake as it came, green the calibration that `calib` chose. A dot's
    area is its bin's share of the rows, which bins of equal scores make unequal.

    Args:
        table: `reliability.csv`: model, seed, dataset, level, method, bin, n, p_fake, fake, fake_low, fake_high.
        level: `frame` or `video`; default: video where the table has it.

    Raises:
        ValueError: a column or the level is missing, or there are several data sets.
    """
    columns = ["model", "seed", "dataset", "level", "method", "n", "p_fake", "fake", "fake_low", "fake_high"]
    models = list(_at(table, columns, "reliability", level).groupby("model", sort=False))
    figure, axes = panels(len(models), sharex=True, sharey=True)
    for (axis,), (name, rows) in zip(axes, models, strict=True):
        axis.plot([0, 1], [0, 1], ":", color=MUTED, linewidth=0.8)
        calibrated = rows[rows["method"] != "none"]
        for own, color in ((rows[rows["method"] == "none"], MUTED), (calibrated, ACCENT)):
            for _, one in own.groupby(["seed", "method"]):
                _bins(axis, one, color)
        axis.set_title(shorten(name, 22))
        used = dict.fromkeys(calibrated["method"])
        behind = {"facecolor": "white", "edgecolor": "none", "alpha": 0.8, "pad": 1}
        axis.annotate(" or ".join(used), (1, 0.02), ha="right", fontsize=8, color=ACCENT, bbox=behind)
        unit_square(axis)
    _legend(figure, {"as it came": MUTED, "as calib chose": ACCENT})
    figure.supxlabel("p_fake (what was said)", fontsize=9)
    figure.supylabel("share that was fake", fontsize=9)
    return figure


@styled
def operating(table: pd.DataFrame, level: str | None = None) -> Figure:
    """At thresholds fixed on `calib` for a share of false alarms: reals called fake and fakes called fake on `test`.

    Args:
        table: `operating.csv`: model, seed, dataset, level, promised, available, reals_calib,
            false_alarm_rate and recall with `_low` and `_high`; thresholds that promise nothing are passed over.
        level: `frame` or `video`; default: video where the table has it.

    Raises:
        ValueError: a column or the level is missing, or there are several data sets.
    """
    marks = [("false_alarm_rate", "reals called fake", REAL), ("recall", "fakes called fake", FAKE)]
    rows = _at(table, [*_columns(marks), "reals_calib"], "operating", level)
    rows = need(rows[rows["promised"].notna()], [], "operating")
    figure, axes = _grid(rows, marks)
    for axis, (rate, own) in zip(axes, rows.groupby("promised"), strict=True):
        axis.set_title(f"at most {percent(rate)} false alarms")
        _rows(
            axis,
            own,
            marks,
            lambda row, rate=rate: f"{count(row['reals_calib'], 'real')} in calib, {count(np.ceil(1 / rate - 1e-9))} needed",
        )
    figure.supxlabel("share on test", fontsize=9)
    return figure


@styled
def verdicts(table: pd.DataFrame, level: str | None = None) -> Figure:
    """Errors of REAL and FAKE verdicts on `test` beside the promised error rate, and how many are UNSURE.

    Args:
        table: `conformal.csv`: model, seed, dataset, level, promised, available, groups_real, groups_fake,
            groups_needed, error_real, error_fake and unsure with `_low` and `_high`.
        level: `frame` or `video`; default: video where the table has it.

    Raises:
        ValueError: a column or the level is missing, or there are several data sets.
    """
    marks = [("error_real", "reals: truth ruled out", REAL), ("error_fake", "fakes: truth ruled out", FAKE), ("unsure", "UNSURE", MUTED)]
    rows = _at(table, [*_columns(marks), "groups_real", "groups_fake", "groups_needed"], "verdicts", level)
    figure, axes = _grid(rows, marks)
    for axis, (rate, own) in zip(axes, rows.groupby("promised"), strict=True):
        axis.set_title(f"at most {percent(rate)} errors")
        _rows(axis, own, marks, _groups_needed)
    figure.supxlabel("share on test, each group weighing the same", fontsize=9)
    return figure


def _groups_needed(row: pd.Series) -> str:
    there = count(min(row["groups_real"], row["groups_fake"]), "group")
    return f"{there} in calib, {count(row['groups_needed'])} needed"


def _columns(marks: list[Mark]) -> list[str]:
    ends = [f"{name}{end}" for name, _, _ in marks for end in ("", "_low", "_high")]
    return ["model", "seed", "dataset", "level", "promised", "available", *ends]


def _at(table: pd.DataFrame, columns: list[str], what: str, level: str | None) -> pd.DataFrame:
    table = need(table, columns, what)
    if table["dataset"].nunique() > 1:
        raise ValueError(f"{what}: expected one data set, came {', '.join(table['dataset'].unique())}. Choose one first.")
    return pick(table, what, level=level or levels(table)[-1])


def _bins(axis: Axes, rows: pd.DataFrame, color: str) -> None:
    axis.vlines(rows["p_fake"], rows["fake_low"], rows["fake_high"], color=color, linewidth=1, alpha=0.45)
    axis.plot(rows["p_fake"], rows["fake"], color=color, linewidth=1)
    axis.scatter(rows["p_fake"], rows["fake"], s=8 + 60 * rows["n"] / rows["n"].sum(), color=color, linewidths=0, zorder=3)


def _grid(rows: pd.DataFrame, marks: list[Mark]) -> tuple[Figure, list[Axes]]:
    """An axis for each promised rate, a line for each model; the colours are named above the first."""
    models = list(dict.fromkeys(rows["model"]))
    rates = rows["promised"].nunique()
    figure, axes = plt.subplots(1, rates, sharex=True, sharey=True, squeeze=False, figsize=(WIDTH, 0.42 * len(models) + 1.3))
    axes[0][0].set_yticks(range(len(models)), [shorten(name, 22) for name in models])
    axes[0][0].set_ylim(len(models) - 0.4, -0.6)
    axes[0][0].set(xlim=(-0.03, 1.03), xticks=[0, 0.25, 0.5, 0.75, 1])
    for axis in axes.flat:
        axis.grid(axis="x")
        short_ticks(axis.xaxis)
        axis.tick_params(axis="y", length=0)
    _legend(figure, {name: color for _, name, color in marks}, plt.Line2D([], [], color=INK, linestyle=":", linewidth=1, label="promised"))
    return figure, list(axes.flat)


def _legend(figure: Figure, colors: dict[str, str], *also: plt.Line2D) -> None:
    handles = [plt.Line2D([], [], marker="o", color=color, label=name, markersize=5) for name, color in colors.items()]
    figure.legend(handles=[*handles, *also], loc="outside upper right", ncols=len(handles) + len(also))


def _rows(axis: Axes, rows: pd.DataFrame, marks: list[Mark], missing: Callable[[pd.Series], str]) -> None:
    """A model's marks one under the other, its seeds upon each other; why there are none, where nothing could be promised."""
    known = rows["available"].astype(bool)
    if not known.any():
        axis.grid(visible=False)
        axis.annotate(
            f"not available:\n{missing(rows.iloc[0])}", (0.5, 0.5), xycoords="axes fraction", ha="center", va="center", color=MUTED
        )
        return
    axis.hlines(np.arange(1, rows["model"].nunique()) - 0.5, -0.03, 1.03, color=FAINT, linewidth=0.6)
    axis.axvline(rows["promised"].iloc[0], color=INK, linestyle=":", linewidth=1)
    places = pd.factorize(rows["model"])[0][known]
    told = rows[known]
    for (name, _, color), height in zip(marks, (np.arange(len(marks)) - (len(marks) - 1) / 2) * 0.22, strict=True):
        axis.hlines(places + height, told[f"{name}_low"], told[f"{name}_high"], color=color, linewidth=1.6)
        axis.plot(told[name], places + height, "o", color=color, markersize=5, markeredgecolor="white", markeredgewidth=0.6)
