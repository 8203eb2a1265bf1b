"""Do 95 % intervals contain the truth 95 times in 100? Simulated clips and groups whose true metrics are known."""

import numpy as np
import pytest
from scipy import integrate, stats
from scipy.special import log_expit

from dfd_lib.evaluation.uncertainty import bootstrap, interval, resample_weights

SIGNAL, GROUP, CLIP, FRAME = 0.6, 0.5, 0.8, 0.5
"""The logit of a row is +-SIGNAL and three normal parts with these standard deviations."""
SPREAD = np.hypot(np.hypot(GROUP, CLIP), FRAME)


def truth() -> dict[str, float]:
    """Accuracy at .5, AUC and log loss of the model on a new row (two rows of different groups for the AUC)."""
    loss, _ = integrate.quad(lambda logit: -log_expit(logit) * stats.norm.pdf(logit, SIGNAL, SPREAD), -20, 20)
    return {"accuracy": stats.norm.cdf(SIGNAL / SPREAD), "auc": stats.norm.cdf(2 * SIGNAL / (np.sqrt(2) * SPREAD)), "log_loss": loss}


def draw(random: np.random.Generator, groups: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Label, p_fake and group of 4 clips a group, two of them fake, 4 frames each."""
    group, clip, frame = (one.ravel() for one in np.indices((groups, 4, 4)))
    label = clip % 2
    shifts = GROUP * random.normal(size=groups)[group] + CLIP * random.normal(size=(groups, 4))[group, clip]
    logit = SIGNAL * (2 * label - 1) + shifts + FRAME * random.normal(size=len(frame))
    return label, 1 / (1 + np.exp(-logit)), group


def coverage(groups: int, trials: int, by_row: bool = False) -> dict[str, float]:
    """The share of simulated test sets whose interval contains the truth."""
    random, true = np.random.default_rng(11), truth()
    hits = dict.fromkeys(true, 0)
    for trial in range(trials):
        label, p_fake, group = draw(random, groups)
        group = np.arange(len(group)) if by_row else group
        draws = bootstrap(label, p_fake, group, resample_weights(group, 400, seed=trial))
        for name, value in true.items():
            low, high = interval(draws[name], len(np.unique(group)))
            hits[name] += low <= value <= high
    return {name: count / trials for name, count in hits.items()}


def test_resampling_rows_instead_of_groups_is_far_too_sure():
    """And resampling groups, on the very same data, is not."""
    by_row, by_group = coverage(40, 60, by_row=True), coverage(40, 60)
    assert max(by_row.values()) < 0.85
    assert min(by_group.values()) > 0.88


@pytest.mark.slow
def test_intervals_of_100_groups_cover_the_truth_95_times_in_100():
    """1,000 test sets: the standard error of the coverage is .7 %."""
    assert all(0.93 <= share <= 0.97 for share in coverage(100, 1000).values())


@pytest.mark.slow
def test_intervals_of_20_groups_are_not_far_off():
    """Shown, not promised: few groups say little of how much groups differ."""
    assert all(0.9 <= share <= 0.99 for share in coverage(20, 400).values())
