"""What was said and what came of it: the share of fakes among rows of about one `p_fake`."""

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from dfd_lib.evaluation.operating import resampled_sums
from dfd_lib.evaluation.scores import check_scores
from dfd_lib.evaluation.uncertainty import at_the_edge, interval

BINS, ROWS = 10, 10
"""At most so many bins, of so many rows at least."""


def reliability(label: ArrayLike, p_fake: ArrayLike, groups: ArrayLike, weights: pd.DataFrame) -> list[dict[str, Any]]:
    """A reliability diagram (DeGroot and Fienberg 1983): a row for each bin of `p_fake`.

    Bins hold about as many rows each (Nguyen and O'Connor 2015): models crowd near 0 and 1, and
    bins of equal width would leave the rest to chance. Equal scores stay together.

    Args:
        label: [n] of 0 and 1.
        p_fake: float [n], 0..1.
        groups: [n] names, each in the index of `weights`.
        weights: from `uncertainty.resample_weights`.

    Returns:
        bin (rising from 0), n, groups, p_fake (the mean that was said), fake (the share that
        was) and its 95 % fake_low and fake_high over groups: NaN where so few groups are in the bin that
        more than one resample in twenty misses it; where none or all were fake, what so many groups
        can exclude (`uncertainty.at_the_edge`).
    """
    label, p_fake = check_scores(label, p_fake)
    groups = np.asarray(groups)
    bins = min(BINS, max(1, len(label) // ROWS))
    place = np.searchsorted(np.quantile(p_fake, np.arange(1, bins) / bins), p_fake)
    inside = place[:, None] == np.arange(bins)
    draws = resampled_sums(np.hstack([inside * label[:, None], inside]).astype(float), groups, weights)
    with np.errstate(invalid="ignore"):
        shares = draws[:, :bins] / draws[:, bins:]
    rows = []
    for one in np.unique(place):
        own = place == one
        many, value = len(np.unique(groups[own])), float(label[own].mean())
        low, high = interval(shares[:, one], many)
        low, high = at_the_edge(value, float(low), float(high), many)
        facts = {"bin": int(one), "n": int(own.sum()), "groups": many, "p_fake": float(p_fake[own].mean())}
        rows.append({**facts, "fake": value, "fake_low": low, "fake_high": high})
    return rows
