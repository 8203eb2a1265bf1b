"""Metrics against scikit-learn, brute force and published counts."""

import math

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.interpolate import interp1d
from scipy.optimize import brentq
from sklearn import metrics as sklearn_metrics

from dfd_lib.evaluation.scores import CLIP, confusion, point_metrics, point_metrics_of_real, rank, rank_metrics
from dfd_lib.tables import METRICS


@st.composite
def scored(draw, weighted=False):
    """Labels of both classes and scores, many of them tied; with whole weights if asked."""
    n = draw(st.integers(2, 40))
    label = draw(arrays.arrays(int, n, elements=st.integers(0, 1)))
    steps = draw(st.sampled_from([2, 5, 1000]))
    p_fake = draw(arrays.arrays(int, n, elements=st.integers(0, steps))) / steps
    weights = draw(arrays.arrays(int, n, elements=st.integers(0, 3))) if weighted else np.ones(n, int)
    assume(weights[label == 1].sum() > 0 and weights[label == 0].sum() > 0)
    return label, p_fake, weights


@settings(max_examples=40)
@given(scored(weighted=True), st.sampled_from([0.2, 0.5, 0.9]))
def test_equals_scikit_learn_with_weights(rows, threshold):
    label, p_fake, weights = rows
    called = p_fake >= threshold
    ours = point_metrics(label, p_fake, threshold, weights)
    used = {"sample_weight": weights}
    theirs = {
        "accuracy": sklearn_metrics.accuracy_score(label, called, **used),
        "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(label, called, **used),
        "recall": sklearn_metrics.recall_score(label, called, **used),
        "precision": sklearn_metrics.precision_score(label, called, zero_division=np.nan, **used),
        "f1": sklearn_metrics.f1_score(label, called, **used),
        "auc": sklearn_metrics.roc_auc_score(label, p_fake, **used),
        "average_precision": sklearn_metrics.average_precision_score(label, p_fake, **used),
        "brier": sklearn_metrics.brier_score_loss(label, p_fake, **used),
        "log_loss": sklearn_metrics.log_loss(label, np.clip(p_fake, CLIP, 1 - CLIP), **used),
    }
    assert {name: ours[name] for name in theirs} == pytest.approx(theirs, abs=1e-12, nan_ok=True)


@given(scored())
def test_equal_error_rate_is_where_the_interpolated_curves_cross(rows):
    label, p_fake, _ = rows
    fpr, tpr, _ = sklearn_metrics.roc_curve(label, p_fake, drop_intermediate=False)
    # along the curve, by arc length: FPR - FNR rises from -1 to 1
    along = np.concatenate([[0], np.cumsum(np.hypot(np.diff(fpr), np.diff(tpr)))])
    place = brentq(interp1d(along, fpr + tpr - 1), 0, along[-1], xtol=1e-14)
    assert point_metrics(label, p_fake)["eer"] == pytest.approx(float(interp1d(along, fpr)(place)), abs=1e-9)


@given(scored(weighted=True))
def test_a_weight_is_a_repetition(rows):
    label, p_fake, weights = rows
    repeated = point_metrics(np.repeat(label, weights), np.repeat(p_fake, weights))
    assert point_metrics(label, p_fake, weights=weights) == pytest.approx(repeated, abs=1e-12, nan_ok=True)


def test_many_weightings_at_once_equal_one_by_one():
    random = np.random.default_rng(1)
    label, p_fake = random.integers(0, 2, 90), random.integers(0, 30, 90) / 30
    weights = random.integers(0, 4, (90, 70))
    ranking = rank(label, p_fake)
    together = rank_metrics(ranking, weights[ranking.fakes].astype(float), weights[ranking.reals].astype(float))
    for column in range(70):
        alone = point_metrics(label, p_fake, weights=weights[:, column])
        assert {name: values[column] for name, values in together.items()} == pytest.approx({name: alone[name] for name in together})


def test_calibration_error_by_hand():
    # bins of width 1/15: .01 and .02 share the first, .5 lies in the eighth, 1 in the last
    label, p_fake = [0, 1, 1, 1], [0.01, 0.02, 0.5, 1.0]
    assert point_metrics(label, p_fake)["ece"] == pytest.approx((abs(1 - 0.03) + 0.5 + 0) / 4)


def test_one_class_is_nan_without_a_warning():
    reals = point_metrics([0, 0], [0.2, 0.6])
    undefined = {name for name, value in reals.items() if math.isnan(value)}
    assert undefined == {"balanced_accuracy", "recall", "auc", "average_precision", "eer"}
    assert reals["precision"] == 0 and reals["accuracy"] == 0.5
    fakes = point_metrics([1, 1], [0.2, 0.6])
    assert {name for name, value in fakes.items() if math.isnan(value)} == {"balanced_accuracy", "auc", "average_precision", "eer"}
    nothing_called = point_metrics([0, 1], [0.1, 0.2])
    assert math.isnan(nothing_called["precision"]) and nothing_called["f1"] == 0
    no_weight = point_metrics([0, 1], [0.1, 0.2], weights=[1, 0])
    assert math.isnan(no_weight["auc"]) and math.isnan(no_weight["recall"])


def test_a_certain_and_wrong_answer_costs_a_finite_loss():
    assert point_metrics([0, 1], [1.0, 0.0])["log_loss"] == pytest.approx(-math.log(CLIP))


def test_the_threshold_itself_is_fake():
    assert confusion([0, 0, 1, 1], [0.5, 0.4999, 0.5, 0.4999], 0.5) == {"tp": 1, "fp": 1, "tn": 1, "fn": 1}


def test_constant_scores_are_chance():
    metrics = point_metrics([1, 1, 1, 0], [0.75] * 4)
    assert (metrics["auc"], metrics["eer"], metrics["average_precision"], metrics["ece"]) == (0.5, 0.5, 0.75, 0)


def test_names_and_order_are_the_table_s():
    assert tuple(point_metrics([0, 1], [0.1, 0.9])) == METRICS


@given(scored())
def test_real_as_positive_mirrors_the_answer(rows):
    label, p_fake, _ = rows
    ours, real = point_metrics(label, p_fake), point_metrics_of_real(label, p_fake)
    same = ("accuracy", "balanced_accuracy", "auc", "eer", "log_loss", "brier")
    assert {name: real[name] for name in same} == pytest.approx({name: ours[name] for name in same}, abs=1e-9)
    is_real, called_real = 1 - label, p_fake < 0.5
    assert real["recall"] == pytest.approx(sklearn_metrics.recall_score(is_real, called_real))
    assert real["f1"] == pytest.approx(sklearn_metrics.f1_score(is_real, called_real))
    assert real["average_precision"] == pytest.approx(sklearn_metrics.average_precision_score(is_real, -p_fake))


def test_tiny_scores_keep_their_order_when_real_is_positive():
    label, p_fake = [0, 0, 1, 1], [1e-20, 2e-20, 3e-20, 4e-20]
    assert point_metrics_of_real(label, p_fake)["auc"] == 1


@pytest.mark.parametrize(
    ("label", "p_fake", "weights", "said"),
    [
        ([], [], None, "at least one"),
        ([0, 1], [0.5], None, "as many labels as scores"),
        ([0, 2], [0.1, 0.2], None, "labels 0"),
        ([0, 1], [0.1, 1.2], None, "within 0..1"),
        ([0, 1], [0.1, float("nan")], None, "within 0..1"),
        ([0, 1], [0.1, 0.2], [1, -1], "none negative"),
        ([0, 1], [0.1, 0.2], [0, 0], "not all 0"),
        ([0, 1], [0.1, 0.2], [1], "expected 2"),
    ],
)
def test_bad_input_is_named(label, p_fake, weights, said):
    with pytest.raises(ValueError, match=said):
        point_metrics(label, p_fake, weights=weights)
