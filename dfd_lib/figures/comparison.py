"""Which model is best, where, and is the difference real: metrics, slices, pairs."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dfd_lib.figures.style import (
    ACCENT,
    FAINT,
    INK,
    MAJORITY,
    MUTED,
    WIDTH,
    levels,
    need,
    nothing,
    pick,
    short_ticks,
    shorten,
    styled,
    triangle,
)
from dfd_lib.formats import LOWER_IS_BETTER, METRIC_NAMES, clip_rule, count, share, signed


@styled
def leaderboard(metrics: pd.DataFrame, metric: str = "auc", split: str = "test") -> Figure:
    """A dot and its 95 % interval per model, at frame and at video level; the best at video level first.

    Green is the model with the best AUC on `val`: the one that would have been
    chosen before `test` was read.

    Args:
        metrics: the metrics table; one data set, one aggregator a level. Rows
            of the model `majority` become the dotted line. Several seeds of a
            model stand beside each other; the number is their mean.
        metric: which of its metrics.
        split: which of its splits.

    Raises:
        ValueError: a column or the split is missing, or rows repeat.
    """
    need(metrics, ["model", "seed", "split", "level", metric], "leaderboard")
    table = _clean(pick(metrics, "leaderboard", split=split), "leaderboard")
    models = table[table["model"] != MAJORITY]
    order = _best_first(models[models["level"] == levels(models)[-1]], metric)
    chosen = _chosen(metrics[metrics["level"] == levels(models)[-1]])
    figure, axes = plt.subplots(1, len(levels(models)), sharey=True, sharex=True, squeeze=False, figsize=(WIDTH, 0.3 * len(order) + 1.0))
    for axis, level in zip(axes.flat, levels(models), strict=True):
        _reference(axis, table[table["level"] == level], metric)
        _intervals(axis, models[models["level"] == level], metric, order, chosen)
        axis.set_title(_level(table[table["level"] == level]))
        axis.set_xlabel(_axis_name(metric, split))
    axes.flat[0].set_yticks(range(len(order)), [shorten(name) for name in order])
    axes.flat[0].set_ylim(len(order) - 0.4, -0.6)
    if chosen:
        axes.flat[-1].set_title("green: chosen on val", loc="right", color=ACCENT, fontsize=8)
    return figure


@styled
def slices(table: pd.DataFrame, metric: str = "auc", split: str = "test", level: str | None = None, model: str | None = None) -> Figure:
    """A metric by slice value: one model with its interval, the others as grey dots.

    A slice with one value alone is the whole part again, and left out.

    Args:
        table: the metrics columns and `slice`, `value`.
        metric: shown where every value of the slice has it; a slice with
            values of one class alone (a method, say) is shown by accuracy.
        split: which split.
        level: `frame` or `video`; default: video where the table has it.
        model: the one to bring out; default: the best on val over all slices.

    Raises:
        ValueError: a column, the split, the level or the model is missing.
    """
    need(table, ["model", "slice", "value", "n", "split", "level", "accuracy", metric], "slices")
    everywhere = pick(table, "slices", level=level or levels(table)[-1])
    table = _clean(pick(everywhere, "slices", split=split), "slices", "slice", "value")
    table = table[table["model"] != MAJORITY]
    model = pick(table, "slices", model=model)["model"].iloc[0] if model else _chosen(everywhere) or _best_first(table, metric)[0]
    names = [name for name in dict.fromkeys(table["slice"]) if table.loc[table["slice"] == name, "value"].nunique() > 1]
    if not names:
        return nothing("No slice has two values: there is nothing to compare.")
    heights = [table.loc[table["slice"] == name, "value"].nunique() for name in names]
    figure, axes = plt.subplots(
        len(names), 1, squeeze=False, figsize=(WIDTH, 0.3 * sum(heights) + 0.75 * len(names)), gridspec_kw={"height_ratios": heights}
    )
    for axis, name in zip(axes.flat, names, strict=True):
        _slice(axis, table[table["slice"] == name], metric, model)
        axis.set_title(f"by {name.replace('_', ' ')}")
    axes.flat[0].annotate(
        f"● {shorten(model)}   ", (1, 1), xycoords="axes fraction", xytext=(0, 6), textcoords="offset points", ha="right", color=ACCENT
    )
    return figure


@styled
def pair_matrix(pairs: pd.DataFrame, metric: str = "auc", level: str = "video") -> Figure:
    """The difference row minus column for every pair of models, the best on top; bold and `*` where it is significant.

    Args:
        pairs: left, right, level, metric, difference (left minus right), significant.
        metric: which metric.
        level: `frame` or `video`.

    Returns:
        The matrix; of an empty table (one model) a figure that says so.

    Raises:
        ValueError: a column, the metric or the level is missing.
    """
    if pairs.empty:
        return nothing("One model: there is no other to compare it with.")
    table = need(pairs, ["left", "right", "level", "metric", "difference", "significant"], "pair_matrix")
    table = pick(table, "pair_matrix", level=level, metric=metric)
    difference, marked = _square(table)
    sign = -1 if metric in LOWER_IS_BETTER else 1
    # the best model first: the one whose differences to all others add up highest
    order = (sign * difference).sum(axis=1).sort_values(ascending=False, kind="stable").index
    # columns from the worst on, so that each row's cells begin beside its name
    difference, marked = (square.loc[order[:-1], order[:0:-1]] for square in (difference, marked))
    difference = difference.where(np.fliplr(np.tri(len(order) - 1, dtype=bool).T))
    text = difference.map(signed).where(~marked, difference.map(signed) + "*")
    side = len(order) - 1
    figure, axis = plt.subplots(figsize=(min(WIDTH, 0.6 * side + 4.2), 0.3 * side + 1.4))
    triangle(axis, difference, text, max(difference.abs().max(axis=None), 0.01), "PuOr" if sign > 0 else "PuOr_r", names_above=True)
    for label in axis.texts:
        label.set_fontweight("bold" if label.get_text().endswith("*") else "normal")
    axis.set_xlabel(f"{METRIC_NAMES.get(metric, metric)} of the row's model minus the column's, {_level(table)}")
    axis.xaxis.set_label_position("bottom")
    return figure


def _level(table: pd.DataFrame) -> str:
    """The level of a table's rows, and how clips came of frames where it tells."""
    level = f"{table['level'].iloc[0]} level"
    rows = table[table["aggregator"] != "none"] if "aggregator" in table else table.iloc[:0]
    return level if rows.empty else f"{level}: {clip_rule(rows['aggregator'].iloc[0], _frames(rows))}"


def _frames(rows: pd.DataFrame) -> float:
    return rows["frames_per_clip"].median() if "frames_per_clip" in rows else float("nan")


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


def _chosen(metrics: pd.DataFrame) -> str:
    """The model with the best mean AUC on val; empty where val was not scored."""
    if "auc" not in metrics:
        return ""
    clean = metrics[metrics["condition"] == "clean"] if "condition" in metrics else metrics
    rows = clean[(clean["split"] == "val") & (clean["model"] != MAJORITY)].dropna(subset="auc")
    return "" if rows.empty else _best_first(rows, "auc")[0]


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


def _intervals(axis: Axes, rows: pd.DataFrame, metric: str, order: list[str], chosen: str) -> None:
    """One line per row at its model's height; seeds side by side; the mean as text."""
    for place, name in enumerate(order):
        own = rows[rows["model"] == name]
        _dots(axis, own, metric, place, ACCENT if name == chosen else INK)
        if own[metric].notna().any():
            right = own[[column for column in (metric, f"{metric}_high") if column in own]].max(axis=None)
            axis.annotate(share(own[metric].mean()), (right, place), xytext=(5, 0), textcoords="offset points", va="center", fontsize=8)
    axis.grid(axis="x")
    axis.margins(x=0.1)
    short_ticks(axis.xaxis)
    axis.tick_params(axis="y", length=0)


def _dots(axis: Axes, rows: pd.DataFrame, metric: str, place: float, color: str) -> None:
    """A model's seeds, side by side around one height."""
    heights = place + (np.arange(len(rows)) - (len(rows) - 1) / 2) * min(0.16, 0.5 / max(len(rows), 1))
    if f"{metric}_low" in rows:
        axis.hlines(heights, rows[f"{metric}_low"], rows[f"{metric}_high"], color=color, linewidth=1.6)
    axis.plot(rows[metric], heights, "o", color=color, markersize=5, markeredgecolor="white", markeredgewidth=0.6)


def _slice(axis: Axes, rows: pd.DataFrame, metric: str, model: str) -> None:
    metric = metric if rows[metric].notna().all() else "accuracy"
    values = list(dict.fromkeys(rows["value"]))
    for place, value in enumerate(values):
        here = rows[rows["value"] == value]
        others = here[here["model"] != model].groupby("model")[metric].mean()
        axis.plot(others, [place] * len(others), "o", color=FAINT, markersize=5, markeredgecolor=MUTED, markeredgewidth=0.4)
        _dots(axis, here[here["model"] == model], metric, place, ACCENT)
    sizes = rows.groupby("value")["n"].max()
    axis.set_yticks(range(len(values)), [f"{shorten(str(value), 24)}  (n {count(sizes[value])})" for value in values])
    axis.set_ylim(len(values) - 0.5, -0.5)
    axis.set_xlabel(METRIC_NAMES.get(metric, metric))
    short_ticks(axis.xaxis)
    axis.grid(axis="x")
    axis.tick_params(axis="y", length=0)


def _square(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Row minus column, for both directions of every pair, and whether it is significant."""
    back = table.rename(columns={"left": "right", "right": "left"}).assign(difference=-table["difference"])
    both = pd.concat([table, back]).drop_duplicates(["left", "right"])
    difference = both.pivot(index="left", columns="right", values="difference").astype(float)
    return difference, both.pivot(index="left", columns="right", values="significant").eq(True)
