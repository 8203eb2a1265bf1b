"""Calibrations against scikit-learn, the min-max formula of isotonic regression, and data whose calibration is known."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss

from dfd_lib.evaluation.calibrate import choose, fit_calibration, out_of_fold_losses, platt_targets
from dfd_lib.evaluation.calibration import METHODS, Calibration
from dfd_lib.evaluation.rules import logit


def overconfident(rows=2000, slope=3.0, bias=0.0, seed=0):
    """Labels, and scores whose true calibration is sigmoid((logit - bias) / slope)."""
    random = np.random.default_rng(seed)
    true = random.normal(0, 1.2, rows)
    return (random.random(rows) < expit(true)).astype(int), expit(slope * true + bias)


@pytest.mark.parametrize(("method", "bias"), [("temperature", False), ("platt", True)])
@pytest.mark.parametrize("rows", [25, 2000])
def test_temperature_and_platt_are_scikit_learn_s_regression_on_soft_targets(method, bias, rows):
    """A soft target t is a fake that counts t times and a real that counts 1 - t times."""
    label, p_fake = overconfident(rows, bias=0.7)
    target = platt_targets(label)
    twice, soft = np.concatenate([logit(p_fake)] * 2)[:, None], np.concatenate([target, 1 - target])
    theirs = LogisticRegression(C=np.inf, fit_intercept=bias, tol=1e-10, max_iter=1000)
    theirs.fit(twice, np.repeat([1, 0], rows), sample_weight=soft)
    ours = fit_calibration(method, label, p_fake)
    assert ours.slope == pytest.approx(theirs.coef_[0, 0], abs=1e-5)
    assert ours.bias == pytest.approx(theirs.intercept_[0] if bias else 0, abs=1e-5)


def test_the_true_calibration_is_found():
    label, p_fake = overconfident(40_000, slope=3, bias=0.6)
    platt = fit_calibration("platt", label, p_fake)
    assert (platt.slope, platt.bias) == (pytest.approx(1 / 3, abs=0.02), pytest.approx(-0.2, abs=0.05))
    assert np.abs(fit_calibration("isotonic", label, p_fake)(p_fake) - expit((logit(p_fake) - 0.6) / 3)).mean() < 0.02


@given(st.lists(st.tuples(st.integers(0, 1), st.integers(0, 6)), min_size=1, max_size=25))
def test_isotonic_is_the_min_max_formula(rows):
    """Robertson, Wright and Dykstra 1988: the greatest, over starts, of the least mean up to any end; then kept off 0 and 1."""
    label, p_fake = np.array([row[0] for row in rows]), np.array([row[1] for row in rows]) / 6
    levels = np.unique(p_fake)

    def mean(first, last):
        return label[(p_fake >= first) & (p_fake <= last)].mean()

    wanted = [max(min(mean(first, last) for last in levels[levels >= one]) for first in levels[levels <= one]) for one in levels]
    edge = 1 / (len(rows) + 2)
    assert fit_calibration("isotonic", label, p_fake)(levels) == pytest.approx(np.clip(wanted, edge, 1 - edge))


@given(st.lists(st.tuples(st.integers(0, 1), st.floats(0, 1)), min_size=1, max_size=30), st.sampled_from(METHODS))
def test_no_calibration_swaps_two_scores_or_leaves_0_to_1(rows, method):
    label, p_fake = [row[0] for row in rows], [row[1] for row in rows]
    every = np.linspace(0, 1, 301)
    calibrated = fit_calibration(method, label, p_fake)(every)
    assert (np.diff(calibrated) >= 0).all() and calibrated[0] >= 0 and calibrated[-1] <= 1


@pytest.mark.parametrize("method", METHODS)
def test_what_json_holds_calibrates_the_same(method):
    label, p_fake = overconfident(300)
    fitted = fit_calibration(method, label, p_fake)
    read = Calibration.from_dict(json.loads(json.dumps(fitted.to_dict())))
    assert read == fitted
    assert np.array_equal(read(p_fake), fitted(p_fake))


@pytest.mark.parametrize("method", METHODS[1:])
def test_a_model_that_tells_calib_apart_without_error_is_not_made_infinitely_sure(method):
    """Of ten rows a class, one more could be wrong: nobody may say 99 % and more."""
    p_fake = np.repeat([0.3, 0.7], 10)
    calibrated = fit_calibration(method, np.repeat([0, 1], 10), p_fake)(p_fake)
    assert 0.04 < calibrated[0] < 0.1 and 0.9 < calibrated[-1] < 0.96


def test_the_choice_does_not_reward_learning_by_heart():
    """Labels without any relation to scores that are all different: isotonic regression fits them best, and is worst on others."""
    random = np.random.default_rng(3)
    label, p_fake, groups = random.integers(0, 2, 300), random.uniform(0.3, 0.7, 300), np.arange(300)
    losses = out_of_fold_losses(label, p_fake, groups, seed=1)
    heart = {method: log_loss(label, fit_calibration(method, label, p_fake)(p_fake)) for method in METHODS}
    assert min(heart, key=heart.get) == "isotonic"
    assert choose(losses) != "isotonic"
    assert losses["none"] == pytest.approx(log_loss(label, p_fake))


def test_the_choice_keeps_groups_whole():
    """Every group has a label and a score of its own: whoever has seen a row of the group knows the others."""
    random = np.random.default_rng(5)
    groups = np.repeat(np.arange(60), 20)
    label, p_fake = np.repeat(random.integers(0, 2, 60), 20), np.repeat(random.uniform(0.2, 0.8, 60), 20)
    by_group, by_row = (out_of_fold_losses(label, p_fake, names, seed=1)["isotonic"] for names in (groups, np.arange(len(groups))))
    assert by_row < 0.68 < np.log(2) < by_group


def test_an_overconfident_model_is_calibrated_and_a_calibrated_one_is_left_alone():
    label, p_fake = overconfident(3000)
    groups = np.arange(3000) // 3
    assert choose(out_of_fold_losses(label, p_fake, groups, 1)) != "none"
    calibrated = out_of_fold_losses(label, expit(logit(p_fake) / 3), groups, 1)
    assert min(calibrated.values()) == pytest.approx(calibrated["none"], abs=0.002)


def test_without_two_groups_of_each_class_there_is_nothing_to_choose_by():
    losses = out_of_fold_losses([0, 0, 1, 1], [0.1, 0.2, 0.8, 0.9], ["a", "b", "c", "c"], seed=1)
    assert all(np.isnan(loss) for loss in losses.values()) and choose(losses) == "none"


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"method": "beta"},
        {"method": "platt", "slope": -1},
        {"method": "isotonic"},
        {"method": "isotonic", "knots": [[0.1, 0.2], [0.5]]},
        {"method": "isotonic", "knots": [[0.1, 0.2], [0.5, 0.4]]},
        {"method": "none", "scale": 2},
    ],
)
def test_what_is_no_calibration_is_refused_in_one_line(facts):
    with pytest.raises(ValueError, match=r"^calibration: expected [^\n]*$"):
        Calibration.from_dict(facts)
