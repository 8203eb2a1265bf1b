"""Thresholds fitted on labelled scores, for `p_fake >= threshold` is FAKE."""

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from dfd_lib.evaluation.scores import check_scores, rank

FALSE_ALARM_RATES = (0.01, 0.05, 0.1)
"""Shares of reals called FAKE at which detectors are compared."""


def fit_thresholds(label: ArrayLike, p_fake: ArrayLike) -> dict[str, float]:
    """Every threshold that labelled scores give.

    Args:
        label: [n] of 0 and 1.
        p_fake: float [n], 0..1.

    Returns:
        `youden`, `f1`, and `false_alarms_<percent>` for each of
        `FALSE_ALARM_RATES`; NaN where too few rows are there to say.

    Example:
        >>> fit_thresholds([0, 0, 1, 1], [0.1, 0.3, 0.5, 0.9])
        {'youden': 0.4, 'f1': 0.4, 'false_alarms_1': nan, 'false_alarms_5': nan, 'false_alarms_10': nan}
    """
    label, p_fake = check_scores(label, p_fake)
    both = 0 < label.sum() < len(label)
    found = {"youden": youden_threshold(label, p_fake), "f1": f1_threshold(label, p_fake)} if both else {"youden": np.nan, "f1": np.nan}
    return found | {false_alarm_rule(rate): false_alarm_threshold(label, p_fake, rate) for rate in FALSE_ALARM_RATES}


def false_alarm_rule(rate: float) -> str:
    """The name of the threshold at a false alarm rate: .05 -> `false_alarms_5`."""
    return f"false_alarms_{rate * 100:g}"


def allowed(reals: int, rate: float) -> int:
    """How many of so many reals may be called FAKE at a false alarm rate.

    Example:
        >>> allowed(120, 0.05), allowed(40, 0.01), allowed(100, 0.07)
        (6, 0, 7)
    """
    return int(np.floor(reals * rate + 1e-9))  # 100 * .07 is a little over 7, others a little under


def youden_threshold(label: np.ndarray, p_fake: np.ndarray) -> float:
    """The threshold with the largest recall minus false alarm rate (Youden 1950).

    It lies halfway to the next lower score, the highest such threshold if several
    are equally good; .5 where a class is absent.

    Example:
        >>> youden_threshold(np.array([0, 0, 1, 1]), np.array([0.1, 0.3, 0.5, 0.9]))
        0.4
    """
    return _best(label, p_fake, lambda hits, alarms, fakes, reals: hits / fakes - alarms / reals)


def f1_threshold(label: np.ndarray, p_fake: np.ndarray) -> float:
    """The threshold with the largest F1 of FAKE; it depends on how many fakes there are.

    Halfway to the next lower score, the highest of equals; .5 where a class is absent.

    Example:
        >>> f1_threshold(np.array([0, 1, 0, 1]), np.array([0.1, 0.3, 0.5, 0.9]))
        0.2
    """
    return _best(label, p_fake, lambda hits, alarms, fakes, reals: 2 * hits / (hits + alarms + fakes))


def _best(label: np.ndarray, p_fake: np.ndarray, quality: Callable[[np.ndarray, np.ndarray, int, int], np.ndarray]) -> float:
    """Try each fake's score: fakes and reals at or above it, and how many of each there are, give its quality."""
    ranking = rank(label, p_fake)
    fakes, reals = p_fake[ranking.fakes], p_fake[ranking.reals]
    if not len(fakes) or not len(reals):
        return 0.5
    recalled = np.append(ranking.starts[1:], len(fakes))
    best = np.argmax(quality(recalled, ranking.reached, len(fakes), len(reals)))
    below = max(np.append(fakes, 0)[recalled[best]], np.append(reals, 0)[ranking.reached[best]])
    return _between(below, fakes[ranking.starts[best]])


def false_alarm_threshold(label: np.ndarray, p_fake: np.ndarray, rate: float) -> float:
    """The lowest threshold at which no more than `rate` of the reals are called FAKE.

    It lies halfway between the highest real that must stay below and the next higher
    score. NaN where not even one real may be called FAKE: fewer than 1 / `rate`
    reals say nothing of that rate.

    Example:
        >>> p_fake = np.array([0.1, 0.2, 0.3, 0.4, 0.7, 0.9])
        >>> round(false_alarm_threshold(np.array([0, 0, 0, 0, 1, 1]), p_fake, rate=0.25), 2)
        0.35
    """
    reals = np.sort(p_fake[label == 0])[::-1]
    spare = allowed(len(reals), rate)
    if not spare:
        return np.nan
    higher = p_fake[p_fake > reals[spare]]
    # above a real that is certainly fake there is no score left: nothing is called FAKE
    return _between(reals[spare], higher.min() if len(higher) else np.nextafter(max(1.0, reals[spare]), 2))


def _between(below: float, score: float) -> float:
    """Halfway, and above `below` even where the two are neighbours among floating point numbers."""
    middle = (score + below) / 2
    return float(middle if middle > below else score)
