"""Rules that make one score of several models' scores: how they are applied.

Nothing but NumPy, so that a detector combines its members without loading
what fitted them (`dfd_lib.evaluation.fitting`).

============ ===================================== ===========================
rule         p_fake of the ensemble                fitted on val
============ ===================================== ===========================
mean         mean of the members' p_fake           nothing
logit_mean   sigmoid of the mean of their logits   nothing
weighted     weighted mean of their p_fake         weights >= 0 that sum to 1
vote         share of members at or above their    a threshold for each member
             own threshold
stacking     sigmoid of a weighted sum of their    weights and bias (logistic
             logits                                regression)
============ ===================================== ===========================
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

RULES = ("mean", "logit_mean", "weighted", "vote", "stacking")
FITTED = ("weighted", "vote", "stacking")

CLIP = 1e-7
"""Logits are of `p_fake` clipped to [CLIP, 1 - CLIP], so that one certain member does not outvote all others."""


@dataclass(frozen=True)
class Combination:
    """One ensemble of k members, or B ensembles of the same members at once."""

    rule: str
    weights: np.ndarray
    """float [k], or [k, B] with 0 for members an ensemble does not have."""
    bias: float | np.ndarray = 0.0
    """float or [B]; only `stacking` has one."""
    thresholds: np.ndarray | None = None
    """float [k], only of `vote`."""

    def __call__(self, matrix: ArrayLike) -> np.ndarray:
        """Combine scores [n, k] into p_fake [n], or [n, B]."""
        score = features(self.rule, matrix, self.thresholds) @ self.weights + self.bias
        # a sum of weights may round to a little over 1
        return sigmoid(score) if self.rule in ("logit_mean", "stacking") else np.clip(score, 0, 1)

    def pick(self, chosen: slice) -> "Combination":
        """Only some of the B ensembles."""
        bias = self.bias[chosen] if isinstance(self.bias, np.ndarray) else self.bias
        return Combination(self.rule, self.weights[:, chosen], bias, self.thresholds)


def combine(
    matrix: ArrayLike, rule: str, weights: ArrayLike | None = None, bias: float = 0.0, thresholds: ArrayLike | None = None
) -> np.ndarray:
    """One score a row from the members' scores.

    Args:
        matrix: float [n, k] of p_fake, 0..1; a column a member.
        rule: one of `RULES`.
        weights: float [k]; default: all equal, adding up to 1.
        bias: added to the logit, only with `stacking`.
        thresholds: float [k], only with `vote`; default: .5 each.

    Returns:
        float64 [n] of p_fake, 0..1.

    Raises:
        ValueError: an unknown rule, or as many weights or thresholds as there are no members.

    Example:
        >>> combine([[0.2, 0.6], [0.9, 0.5]], "mean")
        array([0.4, 0.7])
        >>> combine([[0.2, 0.6], [0.9, 0.5]], "vote")
        array([0.5, 1. ])
    """
    matrix = np.asarray(matrix, float)
    members = matrix.shape[1] if matrix.ndim == 2 else 0
    weights = np.full(members, 1 / max(members, 1)) if weights is None else np.asarray(weights, float)
    thresholds = np.full(members, 0.5) if thresholds is None else np.asarray(thresholds, float)
    if rule not in RULES:
        raise ValueError(f"rule: expected one of {', '.join(RULES)}; came {rule!r}. Choose one of them.")
    if not members or weights.shape != (members,) or thresholds.shape != (members,):
        raise ValueError(
            f"combine: expected scores [n, members] with a weight and a threshold a member; "
            f"came shapes {matrix.shape}, {weights.shape} and {thresholds.shape}."
        )
    return Combination(rule, weights, bias, thresholds)(matrix)


def features(rule: str, matrix: ArrayLike, thresholds: np.ndarray | None = None) -> np.ndarray:
    """What a rule takes the weighted sum of: p_fake, its logit, or the vote; float64 [n, k]."""
    matrix = np.asarray(matrix, float)
    if rule in ("logit_mean", "stacking"):
        return logit(matrix)
    return (matrix >= thresholds).astype(float) if rule == "vote" else matrix


def logit(p: ArrayLike) -> np.ndarray:
    """log(p / (1 - p)) of clipped p, within -16.1..16.1.

    Example:
        >>> logit([0.5, 1.0]).round(1)
        array([ 0. , 16.1])
    """
    p = np.clip(np.asarray(p, float), CLIP, 1 - CLIP)
    return np.log(p / (1 - p))


def sigmoid(score: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-score)), without overflow."""
    small = np.exp(-np.abs(score))
    return np.where(score >= 0, 1, small) / (1 + small)
