"""What the models do on what they were not trained for: corruptions, other data sets, methods never seen."""

import textwrap

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dfd_lib.figures.style import ACCENT, FAINT, INK, MUTED, WIDTH, bare, need, nothing, panels, short_ticks, shorten, styled
from dfd_lib.formats import METRIC_NAMES, between

_MARKERS = "osD^vP*X<>ph"

_IN_A_LINE = 4
"""For so many test parts a number and its interval stand beside each other; for more, one below the other."""

_KINDS = {
    "jpeg": "JPEG quality",
    "h264": "H.264 CRF",
    "downscale": "shrunk and enlarged, times",
    "blur": "blur, sigma in pixels",
    "noise": "noise, sigma in grey levels",
    "brightness": "brightness, grey levels",
}


@styled
def robustness(table: pd.DataFrame, metric: str = "auc") -> Figure:
    """A metric over the strength of each corruption, per model, with bands of 95 %; the ensemble in black.

    Models are coloured from dark to light by their score on clean crops, in shades that
    colour-blind readers can tell apart, and marked by shape. Of several seeds the mean is drawn, without a band.

    Args:
        table: `robustness.csv`: model, condition, kind, strength, and the metric with `_low` and `_high`.
        metric: which, such as `auc` or `accuracy`.

    Returns:
        A panel for each kind of corruption; of a table without any a figure that says so.

    Raises:
        ValueError: a column is missing, or there is no row.
    """
    need(table, ["model", "seed", "condition", "kind", "strength", metric], "robustness")
    kinds = [kind for kind in dict.fromkeys(table["kind"]) if kind != "clean"]
    if not kinds:
        return nothing("No corruption was asked for.")
    mean = table.groupby(["model", "condition"])[metric].mean()
    order = list(mean.xs("clean", level="condition").sort_values(ascending=False, kind="stable").index)
    figure, axes = panels(len(kinds), columns=3, height=2.3, sharey=True)
    for (axis,), kind in zip(axes, kinds, strict=True):
        own = table[table["kind"].isin(["clean", kind])]
        _strengths(axis, own, kind)
        for place, name in enumerate(order[::-1]):
            _curve(axis, own[own["model"] == name], metric, _look(name, len(order) - 1 - place, len(order)))
    handles = [plt.Line2D([], [], label=shorten(name, 40), **_look(name, place, len(order))) for place, name in enumerate(order)]
    figure.legend(handles=handles, loc="outside upper left", ncols=3)
    figure.supylabel(f"{METRIC_NAMES.get(metric, metric)} on test", fontsize=9)
    return figure


def _look(name: str, place: int, number: int) -> dict:
    if "(" in name:  # an ensemble
        return {"color": INK, "linewidth": 2.2, "marker": "o", "markersize": 4, "zorder": 4}
    shade = matplotlib.colormaps["viridis"](0.9 * place / max(number - 1, 1))
    return {"color": shade, "linewidth": 1.2, "marker": _MARKERS[place % len(_MARKERS)], "markersize": 4, "zorder": 3}


def _strengths(axis: Axes, rows: pd.DataFrame, kind: str) -> None:
    """Equal steps from mild to strong, clean on the left; darker and lighter on both sides of it."""
    steps = _order(rows)
    axis.set_xticks(range(len(steps)), [_strength(one, kind) for one in steps])
    axis.set_xlabel(_KINDS.get(kind, kind), fontsize=8)
    axis.axvline(steps.index("clean"), color=FAINT, linewidth=0.8)
    axis.grid(axis="y")
    short_ticks(axis.yaxis)


def _order(rows: pd.DataFrame) -> list[str]:
    """The conditions by strength; where a smaller number is stronger, as of JPEG, the other way round."""
    strength = rows.drop_duplicates("condition").set_index("condition")["strength"]
    others = strength.drop("clean")
    if (others < 0).any():
        return list(strength.sort_values().index)
    return ["clean", *others.sort_values(ascending=set(rows["kind"]) != {"clean", "jpeg"}).index]


def _strength(condition: str, kind: str) -> str:
    return condition.removeprefix(kind).replace("-", "−") if kind == "brightness" else condition.removeprefix(f"{kind}-")


def _curve(axis: Axes, rows: pd.DataFrame, metric: str, look: dict) -> None:
    steps = _order(rows)
    mean = rows.groupby("condition")[metric].mean()[steps]
    axis.plot(range(len(steps)), mean, **look)
    if rows["seed"].nunique() == 1 and f"{metric}_low" in rows:
        ends = rows.set_index("condition").loc[steps, [f"{metric}_low", f"{metric}_high"]]
        axis.fill_between(range(len(steps)), *ends.T.to_numpy(), color=look["color"], alpha=0.13, linewidth=0)


@styled
def cross(table: pd.DataFrame) -> Figure:
    """The AUC of each model on each test part, a line for each experiment that it was trained in; in bold at home.

    Args:
        table: `cross.csv`: model, trained_on, scored_on, auc, auc_low, auc_high, chance. Of several seeds the first is drawn.

    Raises:
        ValueError: a column is missing, or there is no row.
    """
    need(table, ["model", "trained_on", "scored_on", "auc", "auc_low", "auc_high", "chance"], "cross")
    known = table.dropna(subset="auc").drop_duplicates(["model", "trained_on", "scored_on"])
    places, homes = (list(dict.fromkeys(table[name])) for name in ("scored_on", "trained_on"))
    there = set(zip(known["model"], known["trained_on"], strict=True))
    lines = [(model, home) for model in dict.fromkeys(known["model"]) for home in homes if (model, home) in there]
    if not lines:
        return nothing("No test part has both classes: there is no AUC.")
    apart = " " if len(places) <= _IN_A_LINE else "\n"
    figure, axis = plt.subplots(figsize=(WIDTH, (0.27 if apart == " " else 0.42) * len(lines) + 0.9))
    _matrix(axis, known, lines, places, apart)
    alone = len({home for _, home in lines}) == 1
    axis.set_yticks(np.arange(len(lines)) + 0.5, [_line_name(*line, alone) for line in lines], rotation=0)
    head = f"trained on {shorten(lines[0][1], 18)}" if alone else "model, trained on"
    axis.annotate(head, (0, 1), xycoords="axes fraction", xytext=(-3, 4), textcoords="offset points", ha="right", fontsize=9)
    return figure


def _line_name(model: str, home: str, alone: bool) -> str:
    return shorten(model, 30) if alone else f"{shorten(model, 26)}, {shorten(home, 18)}"


def _matrix(axis: Axes, rows: pd.DataFrame, lines: list[tuple[str, str]], places: list[str], apart: str) -> None:
    """White is guessing; what cannot be told from it is grey. `apart` stands between a number and its interval."""
    square = rows.pivot(index=["model", "trained_on"], columns="scored_on", values="auc").reindex(index=lines, columns=places)
    seaborn.heatmap(square, cmap="PuOr", vmin=-0.45, vmax=1.45, cbar=False, ax=axis, linewidths=1.5, linecolor="white", mask=square.isna())
    for _, row in rows.iterrows():
        at = places.index(row["scored_on"]) + 0.5, lines.index((row["model"], row["trained_on"])) + 0.5
        text = between(row["auc"], row["auc_low"], row["auc_high"]).replace(" ", apart, 1) + (" ?" if row["chance"] else "")
        look = {"color": MUTED if row["chance"] else INK, "fontweight": "bold" if row["trained_on"] == row["scored_on"] else "normal"}
        axis.annotate(text, at, ha="center", va="center", fontsize=8, **look)
    axis.set_xticks(np.arange(len(places)) + 0.5, [shorten(name, max(8, 72 // len(places))) for name in places], rotation=0)
    axis.tick_params(labeltop=True, labelbottom=False)
    axis.set(ylabel="")
    axis.set_xlabel("scored on (its test part)", labelpad=7)
    axis.xaxis.set_label_position("top")
    bare(axis)


@styled
def left_out(table: pd.DataFrame) -> Figure:
    """The AUC on each method's fakes against all reals: with the method in training, in grey, and without it, in green.

    Args:
        table: `leave_out.csv`: method, n_fake, and auc_before and auc_after with `_low` and `_high`.

    Raises:
        ValueError: a column is missing, or there is no row.
    """
    need(table, ["method", "model", "n_fake", "auc_before", "auc_after"], "left_out")
    several = table["model"].nunique() > 1
    lines = table["method"] + ", " + table["model"] if several else table["method"]
    names = list(dict.fromkeys(lines.sort_values() if several else lines))
    figure, axis = plt.subplots(figsize=(WIDTH * 0.75, 0.42 * len(names) + 1.2))
    places = lines.map(names.index)
    for name, color, shift in (("auc_before", MUTED, -0.13), ("auc_after", ACCENT, 0.13)):
        axis.hlines(places + shift, table[f"{name}_low"], table[f"{name}_high"], color=color, linewidth=1.6)
        axis.plot(table[name], places + shift, "o", color=color, markersize=5, markeredgecolor="white", markeredgewidth=0.6)
    sizes = table.groupby(lines)["n_fake"].first()
    axis.set_yticks(range(len(names)), [f"{shorten(name, 24)}  ({sizes[name]} fakes)" for name in names])
    axis.set_ylim(len(names) - 0.4, -0.6)
    axis.axvline(0.5, color=MUTED, linestyle=":", linewidth=1)
    of = "" if several else f" of {table['model'].iloc[0]}"
    axis.set_xlabel(f"AUC{of} on test against all reals (dotted: chance)")
    axis.set_title("grey: the method was in training", loc="left", color=MUTED)
    axis.set_title("green: it was not", loc="right", color=ACCENT)
    short_ticks(axis.xaxis)
    axis.grid(axis="x")
    axis.tick_params(axis="y", length=0)
    return figure


@styled
def unavailable(why: str) -> Figure:
    """A figure that says why there is none; it is shown where a notebook's cell ends with this call, and saved nowhere."""
    lines = textwrap.wrap(why, 110)
    figure, axis = plt.subplots(figsize=(WIDTH, 0.25 * len(lines) + 0.3))
    axis.annotate("\n".join(lines), (0, 0.5), va="center", color=MUTED)
    axis.set_axis_off()
    plt.close(figure)
    return figure
