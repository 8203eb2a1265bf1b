"""Thresholds against every other one that could be tried."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import balanced_accuracy_score, f1_score

from dfd_lib.evaluation.thresholds import allowed, f1_threshold, false_alarm_threshold, fit_thresholds, youden_threshold

ROWS = st.lists(st.tuples(st.integers(0, 1), st.integers(0, 8)), min_size=2, max_size=30)
"""Labels and scores in eighths, so that many are tied and some are 0 or 1."""


def arrays(rows):
    assume(len({label for label, _ in rows}) == 2)
    return np.array([row[0] for row in rows]), np.array([row[1] for row in rows]) / 8


def tried(p_fake):
    """One threshold for every set of rows that a threshold can call FAKE."""
    return [*np.unique(p_fake), 2]


@settings(max_examples=50)  # scikit-learn's metrics take their time
@given(ROWS)
def test_youden_threshold_beats_every_other(rows):
    label, p_fake = arrays(rows)
    best = max(balanced_accuracy_score(label, p_fake >= threshold) for threshold in tried(p_fake))
    chosen = youden_threshold(label, p_fake)
    assert balanced_accuracy_score(label, p_fake >= chosen) == pytest.approx(best)
    assert chosen not in p_fake or chosen == 0, "it lies between two scores"


@settings(max_examples=50)  # scikit-learn's metrics take their time
@given(ROWS)
def test_f1_threshold_beats_every_other(rows):
    label, p_fake = arrays(rows)
    best = max(f1_score(label, p_fake >= threshold, zero_division=0) for threshold in tried(p_fake))
    chosen = f1_threshold(label, p_fake)
    assert f1_score(label, p_fake >= chosen) == pytest.approx(best)
    assert chosen not in p_fake or chosen == 0, "it lies between two scores"


@given(ROWS, st.sampled_from([0.1, 0.25, 0.5]))
def test_false_alarm_threshold_catches_most_fakes_among_those_that_keep_the_rate(rows, rate):
    label, p_fake = arrays(rows)
    chosen = false_alarm_threshold(label, p_fake, rate)
    if (label == 0).sum() * rate < 1:
        assert np.isnan(chosen)
        return
    reals, fakes = p_fake[label == 0], p_fake[label == 1]
    keep = [threshold for threshold in tried(p_fake) if (reals >= threshold).mean() <= rate]
    assert (reals >= chosen).mean() <= rate
    assert (fakes >= chosen).mean() == max((fakes >= threshold).mean() for threshold in keep)


def test_a_real_that_is_certainly_fake_leaves_no_alarm_at_all():
    label, p_fake = np.array([0] * 10 + [1]), np.ones(11)
    assert not (p_fake >= false_alarm_threshold(label, p_fake, 0.1)).any()


def test_scores_that_are_neighbours_are_still_told_apart():
    low = 0.7
    high = np.nextafter(low, 1)
    p_fake = np.array([low] * 10 + [high])
    assert (p_fake >= false_alarm_threshold(np.array([0] * 10 + [1]), p_fake, 0.1)).sum() == 1


@given(st.integers(1, 5000), st.sampled_from([0.01, 0.05, 0.1, 0.07]))
def test_reals_that_may_be_accused_are_counted_without_rounding_errors(reals, rate):
    assert allowed(reals, rate) == reals * round(rate * 100) // 100


def test_one_class_or_few_reals_are_not_available():
    fitted = fit_thresholds([1, 1, 1], [0.2, 0.4, 0.9])
    assert all(np.isnan(value) for value in fitted.values())
    p_fake = np.linspace(0, 1, 40)
    few = fit_thresholds(np.arange(40) % 2, p_fake)
    assert [rule for rule, value in few.items() if np.isnan(value)] == ["false_alarms_1"]  # 1 % of 20 reals, but .05 * 20 = 1
