"""What the data are: crops, the split, in how many files a face was found, and what else tells real from fake."""

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from dfd_lib.figures.style import ACCENT, FAINT, FAKE, INK, MUTED, REAL, WIDTH, need, short_ticks, styled
from dfd_lib.formats import count, percent, share
from dfd_lib.tables import SPLITS

_CLASSES = ((0, "real", REAL), (1, "fake", FAKE))


@styled
def split_overview(split: pd.DataFrame) -> Figure:
    """Crops of each part by label, with the groups and videos they come from.

    Args:
        split: split, groups, videos, crops, real, fake; one row a part.

    Raises:
        ValueError: a column is missing or there is no row.
    """
    need(split, ["split", "groups", "videos", "crops", "real", "fake"], "split_overview")
    rows = split.set_index("split")
    order = [name for name in SPLITS if name in rows.index] + [name for name in rows.index if name not in SPLITS]
    rows = rows.loc[order]
    figure, axis = plt.subplots(figsize=(WIDTH, 0.42 * len(rows) + 0.9))
    left = 0 * rows["real"]
    for _, name, color in _CLASSES:
        bars = axis.barh(range(len(rows)), rows[name], left=left, color=color, height=0.62)
        axis.bar_label(bars, [count(number) for number in rows[name]], label_type="center", color="white", fontsize=8)
        left = left + rows[name]
    for place, (_, row) in enumerate(rows.iterrows()):
        text = f"{count(row['groups'], 'group')} · {count(row['videos'], 'video')}"
        axis.annotate(text, (row["real"] + row["fake"], place), xytext=(5, 0), textcoords="offset points", va="center", fontsize=8)
    _name_classes(axis)
    axis.set_yticks(range(len(rows)), list(rows.index))
    axis.set_xlabel("face crops")
    _bars(axis, len(rows))
    return figure


@styled
def coverage(table: pd.DataFrame) -> Figure:
    """Was a face found as often in fakes as in reals? A bar a class: files with a face, without one, not readable.

    Where clips were read, a second panel shows the share of read frames in
    which a face was kept.

    Args:
        table: the coverage table, one row a file; label -1 is a file whose
            class is unknown.

    Raises:
        ValueError: a column is missing or no row has a known label.
    """
    table = need(table, ["label", "frames_read", "faces_kept"], "coverage")
    table = need(table[table["label"].isin([0, 1])], [], "coverage with a known label")
    clips = table[(table["frames_read"] > 1) & (table["faces_kept"] > 0)]
    figure, axes = plt.subplots(1, 2 if len(clips) else 1, squeeze=False, figsize=(WIDTH, 1.9), width_ratios=[3, 2] if len(clips) else None)
    _files(axes.flat[0], table)
    if len(clips):
        _frames(axes.flat[1], clips)
    return figure


@styled
def face_sizes(manifest: pd.DataFrame, enlarged: float | None = None) -> Figure:
    """How large the faces are in their files, a curve a class: the share of faces of at most so many pixels.

    Args:
        manifest: label, box_w, box_h.
        enlarged: faces of fewer pixels were enlarged for their crop; it is marked.

    Raises:
        ValueError: a column is missing or there is no row.
    """
    need(manifest, ["label", "box_w", "box_h"], "face_sizes")
    sides = manifest[["box_w", "box_h"]].max(axis=1)
    figure, axis = plt.subplots(figsize=(WIDTH * 0.6, 2.3))
    for label, name, color in _CLASSES:
        if (manifest["label"] == label).any():
            axis.ecdf(sides[manifest["label"] == label], color=color, label=name)
    if enlarged is not None:
        axis.axvline(enlarged, color=MUTED, linestyle=":", linewidth=1.2)
        where = {"xycoords": ("data", "axes fraction"), "xytext": (4, 0), "textcoords": "offset points"}
        axis.annotate(f"{enlarged:.0f} px", (enlarged, 0.04), **where)
    axis.set(xlabel="longer side of the face's box, in pixels", ylabel="share of the faces", ylim=(0, 1.02))
    axis.set_xlim(0, 1.1 * max(sides.max(), enlarged or 0))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: percent(value)))
    axis.grid(axis="both")
    axis.legend(loc="upper left", handlelength=1.2)
    return figure


@styled
def differences(table: pd.DataFrame) -> Figure:
    """How well each fact alone tells fake from real, with its 95 % interval; green warns.

    Args:
        table: fact, auc, auc_low, auc_high and warn; one row a fact.

    Raises:
        ValueError: a column is missing or there is no row.
    """
    need(table, ["fact", "auc", "auc_low", "auc_high", "warn"], "differences")
    rows = table.sort_values("auc", ascending=False, kind="stable")
    figure, axis = plt.subplots(figsize=(WIDTH * 0.75, 0.24 * len(rows) + 0.8))
    places = np.arange(len(rows))
    colors = [ACCENT if warns else MUTED for warns in rows["warn"].astype(bool)]
    axis.hlines(places, rows["auc_low"], rows["auc_high"], color=colors)
    axis.scatter(rows["auc"], places, color=colors, s=26, zorder=3)
    for place, auc, color in zip(places, rows["auc"], colors, strict=True):
        axis.annotate(share(auc), (1.02, place), xycoords=("axes fraction", "data"), va="center", color=INK if color == ACCENT else MUTED)
    axis.axvline(0.5, color=MUTED, linestyle=":", linewidth=1.2)
    axis.set_yticks(places, [str(name).replace("_", " ") for name in rows["fact"]])
    axis.set(xlabel="AUC of the fact alone (.5: tells nothing)", xlim=(min(0.4, rows["auc"].min() - 0.02), 1.01))
    short_ticks(axis.xaxis)
    _bars(axis, len(rows))
    return figure


@styled
def contact_sheet(crops: dict[str, list[np.ndarray]]) -> Figure:
    """Face crops, a row a class. For looking at; a report holds it of drawn faces only, since third-party faces stay out of git.

    Args:
        crops: the class's name -> RGB crops, uint8 or float 0..255, [height, width, 3].

    Raises:
        ValueError: there is no crop.
    """
    most = max((len(row) for row in crops.values()), default=0)
    if not most:
        raise ValueError("contact_sheet: expected crops, came none. Choose a split or class that has some.")
    side = WIDTH / max(most, 4)
    figure, grid = plt.subplots(len(crops), most, squeeze=False, figsize=(side * most, side * len(crops)))
    for axes, (name, row) in zip(grid, crops.items(), strict=True):
        for axis in axes:
            axis.set_axis_off()
        for axis, crop in zip(axes, row, strict=False):
            axis.imshow(np.asarray(crop).astype(np.uint8))
        axes[0].set_title(name, color={"real": REAL, "fake": FAKE}.get(name, INK))
    return figure


def _files(axis: Axes, table: pd.DataFrame) -> None:
    fates = pd.Series("face kept", table.index).mask(table["faces_kept"] == 0, "no face").mask(table["frames_read"] == 0, "not readable")
    numbers = pd.crosstab(table["label"], fates).reindex(index=[0, 1], columns=["face kept", "no face", "not readable"], fill_value=0)
    shares = numbers.div(numbers.sum(axis=1).clip(lower=1), axis=0)
    for fate, colors in (("face kept", [REAL, FAKE]), ("no face", MUTED), ("not readable", FAINT)):
        left = shares.loc[:, :fate].sum(axis=1) - shares[fate]
        axis.barh([0, 1], shares[fate], left=left, color=colors, height=0.62)
    for place in (0, 1):
        axis.annotate(percent(shares.loc[place, "face kept"], 1), (1, place), xytext=(5, 0), textcoords="offset points", va="center")
    axis.set_yticks([0, 1], [f"{name}\n{_counts(numbers.loc[label])}" for label, name, _ in _CLASSES])
    axis.set(xlabel="share of the files (colour: face kept; dark grey: no face; light: not readable)", xlim=(0, 1.14))
    axis.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25 %", "50 %", "75 %", "100 %"])
    _bars(axis, 2)


def _counts(numbers: pd.Series) -> str:
    return "\n".join(f"{count(number)} {fate}" for fate, number in numbers.items() if number)


def _frames(axis: Axes, clips: pd.DataFrame) -> None:
    """A file with two people keeps two faces a frame, so the share may pass 100 %."""
    for _, name, color in _CLASSES:
        rows = clips[clips["label"] == (name == "fake")]
        found = (rows["faces_kept"] / rows["frames_read"]).sort_values()
        if len(found):
            axis.ecdf(found, color=color, label=name)
    axis.set(xlabel="faces kept per frame read", ylabel="share of the clips", ylim=(0, 1.02))
    axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: percent(value)))
    axis.set_xlim(left=0)
    axis.grid(axis="both")
    axis.legend(loc="upper left", handlelength=1.2)


def _bars(axis: Axes, number: int) -> None:
    axis.set_ylim(number - 0.5, -0.5)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)


def _name_classes(axis: Axes) -> None:
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: count(value)))
    axis.annotate("real", (0, 1), xycoords="axes fraction", xytext=(2, 3), textcoords="offset points", color=REAL)
    axis.annotate("fake", (0, 1), xycoords="axes fraction", xytext=(30, 3), textcoords="offset points", color=FAKE)
