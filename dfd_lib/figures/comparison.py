"""Which model is best, where, and is the difference real: metrics, slices, pairs."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dfd_lib.figures.style import ACCENT, FAINT, INK, MAJORITY, MUTED, WIDTH, levels, need, pick, shorten, styled
from dfd_lib.formats import LOWER_IS_BETTER, METRIC_NAMES, count, share, signed


@styled
def leaderboard(metrics: pd.DataFrame, metric: str = "auc", split: str = "test") -> Figure:
    """A dot and its 95 % interval per model, best first, at frame and at video level.

    Args:
        metrics: the metrics table; one data set, one aggregator a level. Rows
            of the model `majority` become the dotted line. Several seeds of a
            model stand beside each other; the number is their mean.
        metric: which of its metrics.
        split: which of its splits.

    Raises:
        ValueError: a column or the split is missing, or rows repeat.
    """
    table = pick(need(metrics, ["model", "seed", "split", "level", metric], "leaderboard"), "leaderboard", split=split)
    table = _clean(table, "leaderboard")
    models = table[table["model"] != MAJORITY]
    order = _best_first(models[models["level"] == levels(models)[0]], metric)
    figure, axes = plt.subplots(1, len(levels(models)), sharey=True, sharex=True, squeeze=False, figsize=(WIDTH, 0.3 * len(order) + 1.0))
    for axis, level in zip(axes.flat, levels(models), strict=True):
        _reference(axis, table[table["level"] == level], metric)
        _intervals(axis, models[models["level"] == level], metric, order)
        axis.set_title(f"{level} level")
        axis.set_xlabel(_axis_name(metric, split))
    axes.flat[0].set_yticks(range(len(order)), [shorten(name) for name in order])
    axes.flat[0].set_ylim(len(order) - 0.4, -0.6)
    return figure


@styled
def slices(table: pd.DataFrame, metric: str = "auc", split: str = "test", level: str = "frame", model: str | None = None) -> Figure:
    """A metric by slice value: one model with its interval, the others as grey dots.

    Args:
        table: the metrics columns and `slice`, `value`.
        metric: shown where every value of the slice has it; a slice with
            values of one class alone (a method, say) is shown by accuracy.
        split: which split.
        level: `frame` or `video`.
        model: the one to bring out; default: the best over all slices.

    Raises:
        ValueError: a column, the split, the level or the model is missing.
    """
    table = need(table, ["model", "slice", "value", "n", "split", "level", "accuracy", metric], "slices")
    table = _clean(pick(table, "slices", split=split, level=level), "slices", "slice", "value")
    table = table[table["model"] != MAJORITY]
    model = pick(table, "slices", model=model)["model"].iloc[0] if model else _best_first(table, metric)[0]
    names = list(dict.fromkeys(table["slice"]))
    heights = [table.loc[table["slice"] == name, "value"].nunique() for name in names]
    figure, axes = plt.subplots(
        len(names), 1, squeeze=False, figsize=(WIDTH, 0.3 * sum(heights) + 0.75 * len(names)), gridspec_kw={"height_ratios": heights}
    )
    for axis, name in zip(axes.flat, names, strict=True):
        _slice(axis, table[table["slice"] == name], metric, model)
        axis.set_title(f"by {name.replace('_', ' ')}")
    axes.flat[0].annotate(
        f"● {model}   ", (1, 1), xycoords="axes fraction", xytext=(0, 6), textcoords="offset points", ha="right", color=ACCENT
    )
    return figure


@styled
def pair_matrix(pairs: pd.DataFrame, metric: str = "auc", level: str = "frame") -> Figure:
    """The difference row minus column for every pair of models; bold and `*` where it is significant.

    Args:
        pairs: left, right, level, metric, difference, significant.
        metric: which metric.
        level: `frame` or `video`.

    Raises:
        ValueError: a column, the metric or the level is missing.
    """
    table = need(pairs, ["left", "right", "level", "metric", "difference", "significant"], "pair_matrix")
    table = pick(table, "pair_matrix", level=level, metric=metric)
    difference, marked = _square(table)
    sign = -1 if metric in LOWER_IS_BETTER else 1
    # the best model first: the one whose differences to all others add up highest
    order = (sign * difference).sum(axis=1).sort_values(ascending=False, kind="stable").index
    difference, marked = difference.loc[order[1:], order[:-1]], marked.loc[order[1:], order[:-1]]
    shown = np.tril(np.ones(difference.shape, bool))
    text = np.where(
        shown,
        [
            [signed(value) + ("*" if mark else "") for value, mark in zip(*row, strict=True)]
            for row in zip(difference.to_numpy(), marked.to_numpy(), strict=True)
        ],
        "",
    )
    limit = max(np.nanmax(np.abs(difference.to_numpy()[shown])), 0.01)
    figure, axis = plt.subplots(figsize=(WIDTH, 0.4 * len(order) + 1.2))
    seaborn.heatmap(
        difference.astype(float), mask=~shown, annot=text, fmt="", cmap="PuOr" if sign > 0 else "PuOr_r", vmin=-limit, vmax=limit, ax=axis,
        linewidths=1.5, linecolor="white", annot_kws={"size": 7.5 if len(order) > 9 else 8.5}, cbar_kws={"shrink": 0.6, "aspect": 30},
    )  # fmt: skip
    _mark(axis, text)
    axis.collections[0].colorbar.set_label(f"{METRIC_NAMES.get(metric, metric)}: row − column")
    axis.collections[0].colorbar.outline.set_visible(False)
    axis.set(xlabel="", ylabel="")
    axis.set_xticklabels([shorten(name, 20) for name in difference.columns], rotation=35, ha="right", rotation_mode="anchor")
    axis.set_yticklabels([shorten(name, 24) for name in difference.index], rotation=0)
    axis.tick_params(length=0)
    return figure


def _clean(table: pd.DataFrame, what: str, *also: str) -> pd.DataFrame:
    if "condition" in table:
        table = pick(table, what, condition="clean")
    key = ["model", "seed", "level", *also]
    twice = table[table.duplicated(key)]
    if len(twice):
        row = ", ".join(f"{column} {twice.iloc[0][column]!r}" for column in key)
        raise ValueError(f"{what}: expected one row a {', '.join(key)}; {row} came twice. Choose one dataset and one aggregator first.")
    return table


def _best_first(table: pd.DataFrame, metric: str) -> list[str]:
    means = table.groupby("model", sort=True)[metric].mean()
    return list(means.sort_values(ascending=metric in LOWER_IS_BETTER, kind="stable").index)


def _axis_name(metric: str, split: str) -> str:
    better = "lower is better" if metric in LOWER_IS_BETTER else "higher is better"
    return f"{METRIC_NAMES.get(metric, metric)} on {split} ({better})"


def _reference(axis: Axes, rows: pd.DataFrame, metric: str) -> None:
    """The line of a model that has learned nothing."""
    majority = rows.loc[rows["model"] == MAJORITY, metric].dropna()
    value, name = (0.5, "chance") if metric == "auc" else (majority.mean(), "majority class")
    if not np.isnan(value):
        axis.axvline(value, color=MUTED, linestyle=":", linewidth=1)
        axis.annotate(f" {name} {share(value)}", (value, 1), xycoords=("data", "axes fraction"), color=MUTED, fontsize=7.5, va="top")


def _intervals(axis: Axes, rows: pd.DataFrame, metric: str, order: list[str]) -> None:
    """One line per row at its model's height; seeds side by side; the mean as text."""
    for place, name in enumerate(order):
        own = rows[rows["model"] == name]
        offsets = (np.arange(len(own)) - (len(own) - 1) / 2) * min(0.16, 0.5 / max(len(own), 1))
        _dots(axis, own, metric, place + offsets, ACCENT if place == 0 else INK)
        if own[metric].notna().any():
            right = own[[column for column in (metric, f"{metric}_high") if column in own]].max(axis=None)
            axis.annotate(share(own[metric].mean()), (right, place), xytext=(5, 0), textcoords="offset points", va="center", fontsize=8)
    axis.grid(axis="x")
    axis.margins(x=0.1)
    axis.tick_params(axis="y", length=0)


def _dots(axis: Axes, rows: pd.DataFrame, metric: str, heights: np.ndarray, color: str) -> None:
    if f"{metric}_low" in rows:
        axis.hlines(heights, rows[f"{metric}_low"], rows[f"{metric}_high"], color=color, linewidth=1.6)
    axis.plot(rows[metric], heights, "o", color=color, markersize=5, markeredgecolor="white", markeredgewidth=0.6)


def _slice(axis: Axes, rows: pd.DataFrame, metric: str, model: str) -> None:
    metric = metric if rows[metric].notna().all() else "accuracy"
    values = list(dict.fromkeys(rows["value"]))
    places = rows["value"].map({value: place for place, value in enumerate(values)})
    others = rows["model"] != model
    axis.plot(rows.loc[others, metric], places[others], "o", color=FAINT, markersize=5, markeredgecolor=MUTED, markeredgewidth=0.4)
    _dots(axis, rows[~others], metric, places[~others].to_numpy(float), ACCENT)
    sizes = rows.groupby("value")["n"].max()
    axis.set_yticks(range(len(values)), [f"{shorten(str(value), 24)}  (n {count(sizes[value])})" for value in values])
    axis.set_ylim(len(values) - 0.5, -0.5)
    axis.set_xlabel(METRIC_NAMES.get(metric, metric))
    axis.grid(axis="x")
    axis.tick_params(axis="y", length=0)


def _square(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Both directions of every pair: the difference changes its sign, the mark does not."""
    back = table.rename(columns={"left": "right", "right": "left"}).assign(difference=-table["difference"])
    both = pd.concat([table, back]).drop_duplicates(["left", "right"])
    difference = both.pivot(index="left", columns="right", values="difference").astype(float)
    marked = both.pivot(index="left", columns="right", values="significant").eq(True)
    return difference, marked.loc[difference.index, difference.columns]


def _mark(axis: Axes, text: np.ndarray) -> None:
    for label in axis.texts:
        significant = label.get_text().endswith("*")
        label.set_fontweight("bold" if significant else "normal")
        label.set_alpha(1 if significant else 0.75)
