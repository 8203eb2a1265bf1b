"""Metrics of labels and scores as arrays; FAKE (label 1) is the positive class.

Two kinds of metric, because a bootstrap needs both fast. Some are functions of
sums over rows (`row_sums` -> `sum_metrics`), so a resample is a matrix product;
the others depend on the order of the scores (`rank` -> `rank_metrics`), so one
sort serves every resample. `point_metrics` is both with a weight for each row.

What cannot be computed is NaN, without a warning:

=================================== ==========================================
balanced_accuracy, auc,             one class is absent (or has no weight)
average_precision, eer
recall                              there are no fakes
precision                           nothing is called FAKE
f1                                  no fakes, and nothing is called FAKE
=================================== ==========================================
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

CLIP = 1e-7
"""Log loss sees `p_fake` clipped to [CLIP, 1 - CLIP]: Keras' epsilon. A certain and wrong answer costs 16.1 nats."""

BINS = 15
"""Bins of the expected calibration error, of equal width (Guo et al. 2017)."""

SUM_METRICS = ("accuracy", "balanced_accuracy", "precision", "recall", "f1", "log_loss", "brier")
RANK_METRICS = ("auc", "average_precision", "eer")


def point_metrics(label: ArrayLike, p_fake: ArrayLike, threshold: float = 0.5, weights: ArrayLike | None = None) -> dict[str, float]:
    """All metrics of one model on one set of rows.

    * accuracy, balanced_accuracy, precision, recall, f1: `p_fake >= threshold`
      is FAKE.
    * auc: the chance that a fake scores above a real one, a tie counting half.
    * average_precision: precision summed over the steps of recall, rows of equal
      score taken together (as scikit-learn does; no interpolation).
    * eer: where the share of reals called FAKE equals the share of fakes called
      REAL, on the ROC curve interpolated linearly between its points.
    * log_loss: mean, natural logarithm, `p_fake` clipped by `CLIP`.
    * brier: mean squared difference of `p_fake` and label, 0..1.
    * ece: mean absolute difference of mean `p_fake` and share of fakes in `BINS`
      bins of equal width, each weighing as much as its rows.

    Args:
        label: [n] of 0 (REAL) and 1 (FAKE).
        p_fake: [n] of P(fake), 0..1.
        threshold: where FAKE begins, inclusive.
        weights: [n], not negative; how often each row counts. Default: once.

    Returns:
        The value of each of `tables.METRICS`, in that order; NaN where undefined.

    Raises:
        ValueError: no rows, unequal lengths, or values outside their range.

    Example:
        >>> metrics = point_metrics([0, 0, 1, 1], [0.1, 0.6, 0.5, 0.9])
        >>> {name: round(value, 3) for name, value in metrics.items() if name in ("accuracy", "recall", "auc", "eer")}
        {'accuracy': 0.75, 'recall': 1.0, 'auc': 0.75, 'eer': 0.5}
    """
    label, p_fake = check_scores(label, p_fake)
    weights = np.ones(len(label)) if weights is None else _check_weights(weights, len(label))
    return _metrics(label, p_fake, p_fake >= threshold, rank(label, p_fake), weights)


def point_metrics_of_real(label: ArrayLike, p_fake: ArrayLike, threshold: float = 0.5) -> dict[str, float]:
    """`point_metrics` with REAL as the positive class: what many papers print.

    FAKE still is `p_fake >= threshold`: accuracy, AUC, EER, log loss and Brier score do not change.
    """
    label, p_fake = check_scores(label, p_fake)
    # ranked by -p_fake: 1 - p_fake would round the smallest scores to one tie
    return _metrics(1 - label, 1 - p_fake, p_fake < threshold, rank(1 - label, -p_fake), np.ones(len(label)))


def confusion(label: ArrayLike, p_fake: ArrayLike, threshold: float = 0.5) -> dict[str, int]:
    """Counts of right and wrong answers; positive is FAKE, `p_fake >= threshold`.

    Example:
        >>> confusion([0, 0, 1, 1], [0.1, 0.6, 0.5, 0.9])
        {'tp': 2, 'fp': 1, 'tn': 1, 'fn': 0}
    """
    label, p_fake = check_scores(label, p_fake)
    counts = row_sums(label, p_fake, p_fake >= threshold)[:, :4].sum(axis=0)
    return {name: int(count) for name, count in zip(("tp", "fp", "tn", "fn"), counts, strict=True)}


def check_scores(label: ArrayLike, p_fake: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Return (label int [n], p_fake float64 [n]), or raise ValueError."""
    label, p_fake = np.asarray(label), np.asarray(p_fake, float)
    if label.ndim != 1 or label.shape != p_fake.shape or len(label) == 0:
        raise ValueError(f"scores: expected as many labels as scores, at least one; came shapes {label.shape} and {p_fake.shape}.")
    if not np.isin(label, (0, 1)).all():
        raise ValueError("scores: expected labels 0 (REAL) and 1 (FAKE), came others. Convert them at the edge.")
    if not ((p_fake >= 0) & (p_fake <= 1)).all():
        raise ValueError("scores: expected p_fake within 0..1, came other values or NaN. Give P(fake), not logits.")
    return label.astype(int), p_fake


def _check_weights(weights: ArrayLike, rows: int) -> np.ndarray:
    weights = np.asarray(weights, float)
    if weights.shape != (rows,) or not (weights >= 0).all() or not 0 < weights.sum() < np.inf:
        raise ValueError(f"weights: expected {rows} of them, none negative, not all 0; came shape {weights.shape}.")
    return weights


def _metrics(label: np.ndarray, p_fake: np.ndarray, positive: np.ndarray, ranking: "Ranking", weights: np.ndarray) -> dict[str, float]:
    values = {
        **sum_metrics(weights @ row_sums(label, p_fake, positive)),
        **rank_metrics(ranking, weights[ranking.fakes, None], weights[ranking.reals, None]),
        "ece": calibration_error(label, p_fake, weights),
    }
    order = ("accuracy", "balanced_accuracy", "precision", "recall", "f1", *RANK_METRICS, "log_loss", "brier", "ece")
    return {name: float(np.squeeze(values[name])) for name in order}


def row_sums(label: np.ndarray, p_fake: np.ndarray, positive: np.ndarray) -> np.ndarray:
    """What each row adds to the sums that `sum_metrics` needs.

    Args:
        label: int [n].
        p_fake: float [n].
        positive: bool [n], whether the row is called positive.

    Returns:
        float64 [n, 6]: tp, fp, tn, fn (0 or 1), log loss (nats), squared error.
    """
    fake = label == 1
    clipped = np.clip(p_fake, CLIP, 1 - CLIP)
    loss = -np.log(np.where(fake, clipped, 1 - clipped))
    columns = [fake & positive, ~fake & positive, ~fake & ~positive, fake & ~positive, loss, (p_fake - label) ** 2]
    return np.stack(columns, axis=1, dtype=float, casting="unsafe")


def sum_metrics(sums: np.ndarray) -> dict[str, np.ndarray]:
    """The metrics that are functions of sums over rows.

    Args:
        sums: float [..., 6], (weighted) sums of the columns of `row_sums`.

    Returns:
        Each of `SUM_METRICS` as float [...]; NaN where undefined.
    """
    tp, fp, tn, fn, loss, squared = np.moveaxis(sums, -1, 0)
    n = tp + fp + tn + fn
    with np.errstate(invalid="ignore", divide="ignore"):
        recall, specificity = tp / (tp + fn), tn / (tn + fp)
        return {
            "accuracy": (tp + tn) / n,
            "balanced_accuracy": (recall + specificity) / 2,
            "precision": tp / (tp + fp),
            "recall": recall,
            "f1": 2 * tp / (2 * tp + fp + fn),
            "log_loss": loss / n,
            "brier": squared / n,
        }


@dataclass(frozen=True)
class Ranking:
    """The order of one model's scores, ties and all, for `rank_metrics`.

    Fakes of equal score form one level; levels run from the highest score down.
    """

    fakes: np.ndarray  # int [F]: rows that are fake, highest score first
    reals: np.ndarray  # int [M]: rows that are real, highest score first
    starts: np.ndarray  # int [K]: where in `fakes` each level begins
    above: np.ndarray  # int [K]: how many reals score higher than the level
    reached: np.ndarray  # int [K]: how many reals score at least as high


def rank(label: np.ndarray, p_fake: np.ndarray) -> Ranking:
    """Sort once what every resample needs; `label` int [n], `p_fake` float [n]."""
    fakes, reals = ((rows := np.flatnonzero(label == one))[np.argsort(-p_fake[rows], kind="stable")] for one in (1, 0))
    levels, starts = np.unique(-p_fake[fakes], return_index=True)
    above, reached = (np.searchsorted(-p_fake[reals], levels, side) for side in ("left", "right"))
    return Ranking(fakes, reals, starts, above, reached)


def rank_metrics(ranking: Ranking, fakes: np.ndarray, reals: np.ndarray) -> dict[str, np.ndarray]:
    """AUC, average precision and EER under many weightings of the same rows.

    Args:
        ranking: of the rows.
        fakes: float [F, R], weights of the fakes in the order of `ranking.fakes`.
        reals: float [M, R], weights of the reals in the order of `ranking.reals`.

    Returns:
        Each of `RANK_METRICS` as float [R]; NaN where a class has no weight.
    """
    if not len(fakes) or not len(reals):
        return dict.fromkeys(RANK_METRICS, np.full(fakes.shape[1], np.nan))
    if len(ranking.starts) < len(fakes):
        fakes = np.add.reduceat(fakes, ranking.starts, axis=0)
    tp = _running_sum(fakes)
    fp = np.concatenate([np.zeros((1, reals.shape[1])), _running_sum(reals)])
    above = fp[ranking.above]
    reached = above if np.array_equal(ranking.above, ranking.reached) else fp[ranking.reached]
    positives, negatives = tp[-1], fp[-1]
    called = np.maximum(tp + reached, np.finfo(float).tiny)  # 0 only before the first row that has weight
    with np.errstate(invalid="ignore", divide="ignore"):
        beaten = np.einsum("kr,kr->r", fakes, above) + np.einsum("kr,kr->r", fakes, reached)
        auc = 1 - beaten / (2 * positives * negatives)
        precision = np.einsum("kr,kr->r", fakes, tp / called) / positives
        defined = (positives > 0) & (negatives > 0)
        return {
            "auc": np.where(defined, auc, np.nan),
            "average_precision": np.where(defined, precision, np.nan),
            "eer": np.where(defined, _equal_error(fakes, tp, above, reached, positives, negatives), np.nan),
        }


def _running_sum(weights: np.ndarray, step: int = 32) -> np.ndarray:
    """`np.cumsum(weights, axis=0)`, which strides down one column at a time, in contiguous steps: several times faster."""
    total = weights.copy()
    whole = len(total) - len(total) % step
    stacks = total[:whole].reshape(-1, step, total.shape[1])
    for row in range(1, step):
        stacks[:, row] += stacks[:, row - 1]
    stacks[1:] += np.cumsum(stacks[:-1, -1], axis=0)[:, None]
    np.cumsum(total[max(whole - 1, 0) :], axis=0, out=total[max(whole - 1, 0) :])
    return total


def _equal_error(
    fakes: np.ndarray, tp: np.ndarray, above: np.ndarray, reached: np.ndarray, positives: np.ndarray, negatives: np.ndarray
) -> np.ndarray:
    """Follow the ROC curve to where it meets the falling diagonal, FPR + TPR = 1.

    Between two levels of fakes the curve runs flat to `above`, then straight to
    (`reached`, `tp`). The level that crosses is found by bisection, all columns at once.
    """
    column = np.arange(tp.shape[1])
    low, high = np.zeros_like(column), np.full_like(column, len(tp) - 1)
    while (low < high).any():
        middle = (low + high) // 2
        # whole numbers when the weights are: the comparison is exact
        crossed = reached[middle, column] * positives + tp[middle, column] * negatives >= positives * negatives
        low, high = np.where(crossed, low, middle + 1), np.where(crossed, middle, high)
    rise, start = fakes[low, column] / positives, above[low, column] / negatives
    missed = 1 - tp[low, column] / positives + rise
    run = reached[low, column] / negatives - start
    step = np.where(missed <= start, 0, (missed - start) / np.maximum(rise + run, np.finfo(float).tiny))
    return np.where(missed <= start, missed, start + step * run)


def calibration_error(label: np.ndarray, p_fake: np.ndarray, weights: np.ndarray) -> float:
    """Expected calibration error of P(fake) in `BINS` bins of equal width (Naeini et al. 2015; Guo et al. 2017).

    Biased upwards on few rows, and more so in a resample: it never carries a bootstrap interval.
    """
    place = np.minimum((p_fake * BINS).astype(int), BINS - 1)
    gaps = np.bincount(place, weights * (label - p_fake), minlength=BINS)
    return float(np.abs(gaps).sum() / weights.sum())
