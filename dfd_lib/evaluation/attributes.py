"""What is known of a row besides its score, as words to slice by."""

import itertools

import numpy as np
import pandas as pd

FAKES_ONLY = ("method", "donor")
"""Attributes that reals do not have."""

UNKNOWN = "unknown"

_CROP = ["dataset", "path"]
_PERSON = ["dataset", "video", "face"]
_SIDES = {"face_size": (["box_w", "box_h"], "max"), "resolution": (["width", "height"], "min")}


def attribute_values(predictions: pd.DataFrame, manifest: pd.DataFrame, column: str, bins: int = 4) -> pd.Series:
    """The value of one attribute for each row of predictions, as ordered words.

    Args:
        predictions: the predictions table; a row of level frame is found by its
            data set and path, one of level video by data set, video and face.
        manifest: with the columns path, dataset, video, face and the attribute's.
        column: one of its columns, `face_size` or `resolution`
            (see `metrics.slice_metrics`).
        bins: a number with more values than this is cut at its quantiles, taken
            over the crops of the manifest.

    Returns:
        Categorical text [rows of predictions], `unknown` where the attribute is
        missing; categories in the order of the numbers or of the alphabet.

    Raises:
        ValueError: a column is missing; the message lists those there are.
    """
    attribute = _attribute(manifest, column)
    number = pd.api.types.is_numeric_dtype(attribute) and attribute.dtype != bool
    by_crop = attribute.set_axis(pd.MultiIndex.from_frame(manifest[_CROP]))
    people = attribute.groupby([manifest[name] for name in _PERSON])
    # the lower median: a number that was there, not one between two
    by_person = people.quantile(0.5, interpolation="lower") if number else people.first()
    found = pd.Series(index=predictions.index, dtype=attribute.dtype if number else object)
    for level, keys, known in (("frame", _CROP, by_crop), ("video", _PERSON, by_person)):
        rows = predictions["level"] == level
        found[rows] = known.reindex(pd.MultiIndex.from_frame(predictions.loc[rows, keys])).to_numpy()
    return _cut(found, attribute.dropna(), bins) if number else _words(found)


def _attribute(manifest: pd.DataFrame, column: str) -> pd.Series:
    needed, fold = _SIDES.get(column, ([column], "max"))
    missing = [name for name in (*_CROP, *_PERSON, *needed) if name not in manifest]
    if missing:
        raise ValueError(
            f"slice {column!r}: expected the column {', '.join(missing)} in the manifest, came {', '.join(manifest)}. "
            f"Choose one of them or {', '.join(_SIDES)}, or join it to the manifest first."
        )
    return manifest[needed[0]] if len(needed) == 1 else manifest[needed].agg(fold, axis=1)


def _words(values: pd.Series) -> pd.Series:
    words = values.where(values.notna(), "").astype(str).replace("", UNKNOWN)
    names = sorted(words.unique(), key=lambda word: (word == UNKNOWN, word))
    return words.astype(pd.CategoricalDtype(names, ordered=True))


def _cut(values: pd.Series, crops: pd.Series, bins: int) -> pd.Series:
    distinct = np.unique(crops)
    if len(distinct) <= bins:
        words = values.map({number: f"{number:g}" for number in distinct})
        names = [f"{number:g}" for number in distinct]
    else:
        edges = np.unique([float(f"{edge:.4g}") for edge in np.quantile(crops, np.linspace(0, 1, bins + 1))])
        names = [f"{low:g} to {high:g}" for low, high in itertools.pairwise(edges)]
        words = pd.cut(values, [-np.inf, *edges[1:-1], np.inf], labels=names)
    return words.astype(object).fillna(UNKNOWN).astype(pd.CategoricalDtype([*names, UNKNOWN], ordered=True))
