"""Fitting calibrations (`dfd_lib.evaluation.calibration`) on `calib`, and choosing one.

`temperature` and `platt` minimise the log loss, with Platt's targets instead of 1 and
0: (fakes + 1) / (fakes + 2) and 1 / (reals + 2) (Platt 1999, section 2.2). So a `calib`
that a model happens to tell apart without an error does not make it infinitely sure.
`isotonic` keeps within the same distance of 0 and 1 for the same reason.
"""

import numpy as np
import scipy.optimize
from numpy.typing import ArrayLike
from sklearn.isotonic import IsotonicRegression

from dfd_lib.evaluation.calibration import METHODS, Calibration
from dfd_lib.evaluation.contest import group_folds
from dfd_lib.evaluation.rules import logit, sigmoid
from dfd_lib.evaluation.scores import check_scores, row_sums

FOLDS = 5
"""Parts of `calib` to choose a method by, each scored by what the others fitted."""

SLOPES = (0.01, 100.0)
"""Slopes stay above 0, so that no calibration swaps two scores, and finite."""


def fit_calibration(method: str, label: ArrayLike, p_fake: ArrayLike) -> Calibration:
    """Fit one method.

    Args:
        method: one of `calibration.METHODS`.
        label: [n] of 0 and 1.
        p_fake: float [n], 0..1.

    Returns:
        The calibration.

    Raises:
        ValueError: an unknown method, or no rows.

    Example:
        >>> label = [0] * 6 + [1] * 4 + [0] * 4 + [1] * 6  # 40 % fake where .1 was said, 60 % where .9 was
        >>> fit_calibration("platt", label, [0.1] * 10 + [0.9] * 10)([0.1, 0.9]).round(2)
        array([0.42, 0.58])
    """
    label, p_fake = check_scores(label, p_fake)
    if method == "isotonic":
        return _isotonic(label, p_fake)
    if method in ("temperature", "platt"):
        return _logistic(method, label, logit(p_fake))
    return Calibration(method)


def platt_targets(label: np.ndarray) -> np.ndarray:
    """What stands for 1 and 0: Bayes' estimate of the label of one more row of the same class; float64 [n]."""
    fakes = label.sum()
    return np.where(label == 1, (fakes + 1) / (fakes + 2), 1 / (len(label) - fakes + 2))


def _logistic(method: str, label: np.ndarray, logits: np.ndarray) -> Calibration:
    target = platt_targets(label)
    design = np.column_stack([logits, np.ones(len(label))])[:, : 2 if method == "platt" else 1]

    def loss(weights: np.ndarray) -> tuple[float, np.ndarray]:
        score = design @ weights
        slope = design.T @ (sigmoid(score) - target)
        return float(np.logaddexp(0, score).mean() - (target * score).mean()), slope / len(target)

    limits = [SLOPES, (None, None)][: design.shape[1]]
    found = scipy.optimize.minimize(
        loss, [1.0, 0.0][: len(limits)], jac=True, bounds=limits, method="L-BFGS-B", options={"ftol": 1e-15, "gtol": 1e-9}
    )
    return Calibration(method, *(float(weight) for weight in found.x))


def _isotonic(label: np.ndarray, p_fake: np.ndarray) -> Calibration:
    edge = 1 / (len(label) + 2)
    fitted = IsotonicRegression(y_min=edge, y_max=1 - edge, out_of_bounds="clip").fit(p_fake, label)
    return Calibration("isotonic", knots=(tuple(fitted.X_thresholds_.tolist()), tuple(fitted.y_thresholds_.tolist())))


def out_of_fold_losses(label: ArrayLike, p_fake: ArrayLike, groups: ArrayLike, seed: int) -> dict[str, float]:
    """The log loss of each method on groups that it was not fitted on.

    Args:
        label: [n] of 0 and 1.
        p_fake: float [n], 0..1.
        groups: [n] names.
        seed: of the folds.

    Returns:
        Nats a row for each of `calibration.METHODS`; NaN where a class is absent or
        lies in a single group, which leaves nothing to choose by.
    """
    label, p_fake = check_scores(label, p_fake)
    groups = np.asarray(groups)
    if min(len(np.unique(groups[label == one])) for one in (0, 1)) < 2:
        return dict.fromkeys(METHODS, np.nan)
    fold = group_folds(groups, FOLDS, seed)
    losses = {}
    for method in METHODS:
        calibrated = np.empty(len(label))
        for place in range(fold.max() + 1):
            held = fold == place
            calibrated[held] = fit_calibration(method, label[~held], p_fake[~held])(p_fake[held])
        losses[method] = float(row_sums(label, calibrated, calibrated >= 0.5)[:, 4].mean())
    return losses


def choose(losses: dict[str, float]) -> str:
    """The method with the lowest loss, the simplest of equals; `none` where nothing is known.

    Example:
        >>> choose({"none": 0.7, "temperature": 0.5, "platt": 0.5, "isotonic": 0.6})
        'temperature'
    """
    known = {method: loss for method, loss in losses.items() if not np.isnan(loss)}
    return min(known, key=known.get) if known else "none"
