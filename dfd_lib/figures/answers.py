"""What a model answers: curves, matrices and histograms of `p_fake`, one panel a model."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from sklearn.metrics import confusion_matrix, roc_curve

from dfd_lib.figures.style import (
    ACCENT,
    FAINT,
    FAKE,
    INK,
    MUTED,
    REAL,
    levels,
    need,
    panels,
    pick,
    short_ticks,
    shorten,
    styled,
    unit_square,
)
from dfd_lib.formats import between, percent, share, tick

_COLUMNS = ["model", "seed", "split", "level", "condition", "label", "p_fake"]


@styled
def roc(predictions: pd.DataFrame, metrics: pd.DataFrame | None = None, split: str = "test", level: str | None = None) -> Figure:
    """The ROC curve of each model in its own panel, with all others behind it in grey.

    Args:
        predictions: the predictions table.
        metrics: the metrics table; if given, each panel says the AUC and its interval.
        split: which split.
        level: `frame` or `video`; default: frame where the table has it.

    Raises:
        ValueError: a column, the split or the level is missing, or one class has no rows.
    """
    table = _answers(predictions, "roc", split, level)
    level = table["level"].iloc[0]
    curves = {name: [roc_curve(one["label"], one["p_fake"])[:2] for _, one in rows.groupby("seed")] for name, rows in _models(table)}
    figure, axes = panels(len(curves), sharex=True, sharey=True)
    for (axis,), (name, own) in zip(axes, curves.items(), strict=True):
        for others in curves.values():
            _lines(axis, others, FAINT, 0.7)
        axis.plot([0, 1], [0, 1], ":", color=MUTED, linewidth=0.8)
        _lines(axis, own, ACCENT, 1.8)
        axis.set_title(shorten(name, 22))
        axis.annotate(_auc(metrics, name, split, level), (1, 0.04), ha="right", fontsize=8)
        unit_square(axis)
    figure.supxlabel("real called fake (false positive rate)", fontsize=9)
    figure.supylabel("fake called fake\n(true positive rate)", fontsize=9)
    return figure


@styled
def confusions(predictions: pd.DataFrame, threshold: float = 0.5, split: str = "test", level: str | None = None) -> Figure:
    """A confusion matrix per model: counts, and the share of each true class.

    The counts of several seeds are added. An answer is FAKE where
    `p_fake >= threshold`.

    Args:
        predictions: the predictions table.
        threshold: 0..1.
        split: which split.
        level: `frame` or `video`; default: frame where the table has it.

    Raises:
        ValueError: a column, the split or the level is missing, or one class has no rows.
    """
    models = list(_models(_answers(predictions, "confusions", split, level)))
    figure, axes = panels(len(models), height=1.75, sharex=True, sharey=True)
    shades = seaborn.light_palette(ACCENT, as_cmap=True)
    for (axis,), (name, rows) in zip(axes, models, strict=True):
        counts = confusion_matrix(rows["label"], rows["p_fake"] >= threshold, labels=[0, 1])
        shares = counts / counts.sum(axis=1, keepdims=True)
        text = [[f"{number:,}\n{percent(part)}" for number, part in zip(*row, strict=True)] for row in zip(counts, shares, strict=True)]
        seaborn.heatmap(
            shares, annot=np.array(text), annot_kws={"color": INK}, fmt="", cmap=shades, vmin=0, vmax=1.3, cbar=False, ax=axis,
            linewidths=2, linecolor="white", xticklabels=["real", "fake"], yticklabels=["real", "fake"],
        )  # fmt: skip
        axis.set_title(shorten(name, 22))
        axis.tick_params(length=0, rotation=0)
    figure.supxlabel(f"answer (fake where p_fake ≥ {tick(threshold)})", fontsize=9)
    figure.supylabel("truth", fontsize=9)
    return figure


@styled
def scores(predictions: pd.DataFrame, threshold: float = 0.5, split: str = "test", level: str | None = None) -> Figure:
    """The histogram of p_fake of real and of fake rows, one panel a model.

    Each class is scaled to its own size, so that both are seen where one is rare.

    Args:
        predictions: the predictions table.
        threshold: drawn as a dotted line, 0..1.
        split: which split.
        level: `frame` or `video`; default: frame where the table has it.

    Raises:
        ValueError: a column, the split or the level is missing, or one class has no rows.
    """
    models = list(_models(_answers(predictions, "scores", split, level)))
    figure, axes = panels(len(models), height=1.5, sharex=True)
    edges = np.linspace(0, 1, 21)
    for (axis,), (name, rows) in zip(axes, models, strict=True):
        for label, color in ((0, REAL), (1, FAKE)):
            heights, _ = np.histogram(rows.loc[rows["label"] == label, "p_fake"], edges)
            axis.stairs(heights / heights.sum(), edges, color=color, fill=True, alpha=0.25)
            axis.stairs(heights / heights.sum(), edges, color=color, linewidth=1.2)
        axis.axvline(threshold, color=INK, linestyle=":", linewidth=0.8)
        axis.set_title(shorten(name, 22))
        axis.set_ylim(0, axis.dataLim.y1 * 1.25)
        axis.set(yticks=[], xlim=(0, 1), xticks=[0, 0.5, 1])
        short_ticks(axis.xaxis)
        axis.spines["left"].set_visible(False)
    axes[0][0].annotate("real", (0.02, 1), xycoords="axes fraction", color=REAL, va="top")
    axes[0][0].annotate("fake", (0.98, 1), xycoords="axes fraction", color=FAKE, va="top", ha="right")
    figure.supxlabel("p_fake", fontsize=9)
    figure.supylabel("share of the class", fontsize=9)
    return figure


def _answers(predictions: pd.DataFrame, what: str, split: str, level: str | None) -> pd.DataFrame:
    there = levels(need(predictions, _COLUMNS, what))
    table = pick(predictions, what, split=split, level=level or there[0], condition="clean")
    if table["label"].nunique() < 2:
        only = "fakes" if table["label"].iloc[0] else "reals"
        raise ValueError(f"{what}: expected rows of both classes in split {split!r}, came only {only}. Choose another split.")
    return table


def _models(table: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """Each model's rows, in the order of the table."""
    return iter(table.groupby("model", sort=False))


def _lines(axis: Axes, curves: list[tuple[np.ndarray, np.ndarray]], color: str, width: float) -> None:
    for false_positives, true_positives in curves:
        axis.plot(false_positives, true_positives, color=color, linewidth=width)


def _auc(metrics: pd.DataFrame | None, model: str, split: str, level: str) -> str:
    if metrics is None:
        return ""
    own = metrics[
        (metrics["model"] == model) & (metrics["split"] == split) & (metrics["level"] == level) & (metrics["condition"] == "clean")
    ]
    numbers = own.reindex(columns=["auc", "auc_low", "auc_high"]).mean()
    # an interval of one seed is not the interval of their mean
    return between(numbers["auc"], numbers["auc_low"], numbers["auc_high"]) if len(own) == 1 else share(numbers["auc"])
