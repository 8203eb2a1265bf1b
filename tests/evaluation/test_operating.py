"""What thresholds mean, against scikit-learn, SciPy's exact interval, and counting."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from scipy.stats import binomtest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score, precision_score, recall_score, roc_curve

from dfd_lib.evaluation.operating import PREVALENCES, RATES, precision_at, read_threshold, recall_at
from dfd_lib.evaluation.uncertainty import interval, resample_weights

RESAMPLES = 300


@pytest.fixture(scope="module")
def rows():
    random = np.random.default_rng(4)
    group = random.integers(0, 40, 600)
    label = random.integers(0, 2, 600)
    logit = 1.2 * (2 * label - 1) + 0.6 * random.normal(size=40)[group] + random.normal(size=600)
    names = np.array([f"g{one}" for one in group])
    return label, (1 / (1 + np.exp(-logit))).round(3), names, resample_weights(names, RESAMPLES, seed=2)


def repeated(names, weights, column):
    """Row numbers of one resample, each as often as its group was drawn."""
    return np.repeat(np.arange(len(names)), weights.iloc[:, column].loc[names].to_numpy())


@pytest.mark.parametrize("many", PREVALENCES)
def test_precision_at_a_prevalence_is_counting_clips(many):
    """A million clips: so many fakes caught, so many reals accused."""
    clips = 1_000_000
    fakes = clips // many
    hits, alarms = 0.8 * fakes, 0.05 * (clips - fakes)
    assert precision_at(0.8, 0.05, 1 / many) == pytest.approx(hits / (hits + alarms))


def test_precision_at_the_tests_own_prevalence_is_the_tests_precision(rows):
    label, p_fake, names, weights = rows
    told = read_threshold(label, p_fake, names, weights, 0.7)
    assert precision_at(told["recall"], told["false_alarm_rate"], label.mean()) == pytest.approx(told["precision"])
    assert np.isnan(precision_at(0, 0, 0.1))


def test_rates_at_a_threshold_are_scikit_learn_s(rows):
    label, p_fake, names, weights = rows
    called = p_fake >= 0.6
    (_, alarms), (_, hits) = confusion_matrix(label, called)
    told = read_threshold(label, p_fake, names, weights, 0.6)
    assert (told["hits"], told["false_alarms"]) == (hits, alarms)
    assert told["false_alarm_rate"] == pytest.approx(alarms / (label == 0).sum())
    for name, score in {"recall": recall_score, "precision": precision_score, "accuracy": accuracy_score, "f1": f1_score}.items():
        assert told[name] == pytest.approx(score(label, called)), name


@pytest.mark.parametrize("name", ["recall", "false_alarm_rate", "precision_1_in_1000"])
def test_intervals_are_those_of_rows_repeated_as_their_groups_were_drawn(rows, name):
    label, p_fake, names, weights = rows
    draws = []
    for column in range(RESAMPLES):
        drawn = repeated(names, weights, column)
        recall, alarm = ((p_fake[drawn][label[drawn] == one] >= 0.6).mean() for one in (1, 0))
        draws.append({"recall": recall, "false_alarm_rate": alarm, "precision_1_in_1000": recall / (recall + 999 * alarm)}[name])
    told = read_threshold(label, p_fake, names, weights, 0.6)
    assert (told[f"{name}_low"], told[f"{name}_high"]) == pytest.approx(np.ravel(interval(np.array(draws), 40)))


def test_no_false_alarm_at_all_is_no_proof_of_none(rows):
    """What so many groups can exclude is SciPy's exact interval; precision where fakes are rare cannot be told."""
    label, p_fake, names, weights = rows
    told = read_threshold(label, np.where(label == 1, p_fake, p_fake / 2), names, weights, 0.6)
    assert told["false_alarms"] == 0
    groups = len(np.unique(names[label == 0]))
    assert told["false_alarm_rate_high"] == pytest.approx(binomtest(0, groups).proportion_ci(method="exact").high)
    every = read_threshold(label, np.ones(600), names, weights, 0.6)
    assert every["recall_low"] == pytest.approx(binomtest(groups, groups).proportion_ci(method="exact").low)
    predicted = [told[f"precision_1_in_{many}{end}"] for many in PREVALENCES for end in ("", "_low", "_high")]
    assert np.isnan(predicted).all()


def test_one_class_leaves_the_others_rates_unknown():
    weights = resample_weights(["a", "b", "c"], 50, seed=1)
    told = read_threshold([1, 1, 1], [0.2, 0.8, 0.9], ["a", "b", "c"], weights, 0.5)
    assert told["recall"] == pytest.approx(2 / 3)
    assert np.isnan(told["false_alarm_rate"]) and np.isnan(told["false_alarm_rate_high"])
    assert {f"{name}{end}" for name in RATES for end in ("", "_low", "_high")} | {"hits", "false_alarms"} == set(told)


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 8)), min_size=4, max_size=40), st.sampled_from([0.1, 0.25, 0.5]))
def test_recall_at_a_false_alarm_rate_is_on_scikit_learn_s_curve(rows, rate):
    label, p_fake = np.array([row[0] for row in rows]), np.array([row[1] for row in rows]) / 8
    assume(0 < label.sum() < len(label))
    weights = resample_weights(np.arange(len(rows)), 2, seed=1)
    recall = recall_at(label, p_fake, np.arange(len(rows)), weights, rate)[0]
    if (label == 0).sum() * rate < 1:
        assert np.isnan(recall)
        return
    alarms, hits, _ = roc_curve(label, p_fake, drop_intermediate=False)
    assert recall == pytest.approx(hits[alarms <= rate + 1e-12].max())


def test_recall_on_the_curve_is_resampled_with_its_groups(rows):
    label, p_fake, names, weights = rows
    draws = []
    for column in range(RESAMPLES):
        drawn = repeated(names, weights, column)
        alarms, hits, _ = roc_curve(label[drawn], p_fake[drawn], drop_intermediate=False)
        draws.append(hits[alarms <= 0.05 + 1e-12].max())
    assert recall_at(label, p_fake, names, weights, 0.05)[1:] == pytest.approx(np.ravel(interval(np.array(draws), 40)))


def test_intervals_do_not_depend_on_the_order_of_rows(rows):
    label, p_fake, names, weights = rows
    order = np.random.default_rng(0).permutation(600)
    one = pd.Series(read_threshold(label, p_fake, names, weights, 0.6))
    other = pd.Series(read_threshold(label[order], p_fake[order], names[order], weights, 0.6))
    pd.testing.assert_series_equal(one, other)
