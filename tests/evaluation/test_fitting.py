"""Rules and how they are fitted, against scikit-learn, SciPy and brute force."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from dfd_lib.evaluation.fitting import fit, logistic_regression, simplex_weights
from dfd_lib.evaluation.rules import FITTED, RULES, combine, logit, sigmoid
from dfd_lib.evaluation.thresholds import youden_threshold


def members(rows=400, count=4, seed=0):
    random = np.random.default_rng(seed)
    label = random.integers(0, 2, rows)
    shared = random.normal(size=rows)
    logits = np.stack([(2 * label - 1) * one + shared + random.normal(size=rows) * (1 + one) for one in np.linspace(0.1, 2, count)], axis=1)
    return expit(logits), label


def every_mask(count):
    return np.array([mask for mask in itertools.product([False, True], repeat=count) if any(mask)])


def test_rules_by_hand():
    matrix = np.array([[0.2, 0.6], [0.9, 0.5]])
    assert combine(matrix, "mean") == pytest.approx([0.4, 0.7])
    assert combine(matrix, "logit_mean") == pytest.approx(expit([(np.log(0.25) + np.log(1.5)) / 2, np.log(9) / 2]))
    assert combine(matrix, "weighted", weights=[0.25, 0.75]) == pytest.approx([0.5, 0.6])
    assert combine(matrix, "vote", thresholds=[0.95, 0.6]) == pytest.approx([0.5, 0])
    assert combine(matrix, "stacking", weights=[2, -1], bias=0.5) == pytest.approx(
        expit([2 * np.log(0.25) - np.log(1.5) + 0.5, 2 * np.log(9) + 0.5])
    )


@pytest.mark.parametrize("rule", RULES)
def test_scores_stay_within_0_and_1_however_sure_the_members(rule):
    sure = np.array([[0.0, 0.0, 0.0], [1.0, 1.0, 1.0], [1.0, 0.0, 0.5]])
    p_fake = combine(sure, rule, weights=[0.1, 0.2, 0.7])
    assert ((p_fake >= 0) & (p_fake <= 1)).all() and p_fake[0] < 0.5 <= p_fake[1]


def test_bad_rules_and_shapes_are_named():
    with pytest.raises(ValueError, match="expected one of mean, logit_mean"):
        combine([[0.1, 0.2]], "median")
    with pytest.raises(ValueError, match="a weight and a threshold a member"):
        combine([[0.1, 0.2]], "weighted", weights=[1])
    with pytest.raises(ValueError, match="a weight and a threshold a member"):
        combine([0.1, 0.2], "mean")


@given(st.floats(-700, 700))
def test_sigmoid_is_scipy_s(score):
    assert sigmoid(np.array(score)) == pytest.approx(expit(score), rel=1e-12)


def test_logit_mean_and_mean_of_a_subset_leave_the_others_out():
    matrix, label = members()
    masks = every_mask(4)
    for rule in ("mean", "logit_mean"):
        together = fit(rule, matrix, label, masks)(matrix)
        for column, mask in enumerate(masks):
            assert together[:, column] == pytest.approx(combine(matrix[:, mask], rule))


def test_stacking_is_scikit_learn_s_logistic_regression_on_every_subset():
    matrix, label = members(rows=1500)
    masks = every_mask(4)
    fitted = logistic_regression(logit(matrix), label, masks)
    for column, mask in enumerate(masks):
        theirs = LogisticRegression(C=1, tol=1e-12, max_iter=1000).fit(logit(matrix[:, mask]), label)
        assert fitted[:-1, column][mask] == pytest.approx(theirs.coef_[0], abs=1e-6)
        assert fitted[-1, column] == pytest.approx(theirs.intercept_[0], abs=1e-6)
        assert (fitted[:-1, column][~mask] == 0).all()


def test_stacking_finds_the_same_from_any_start():
    matrix, label = members()
    masks = every_mask(4)
    far = np.random.default_rng(1).normal(size=(5, len(masks))) * 3 * np.column_stack([masks, np.ones(len(masks))]).T
    from_far = logistic_regression(logit(matrix), label, masks, far)
    assert from_far == pytest.approx(logistic_regression(logit(matrix), label, masks), abs=1e-6)


def test_stacking_of_members_that_are_certain_and_always_right():
    """Nothing separates better than a perfect member: the ridge keeps its weight finite, as scikit-learn's."""
    label = np.arange(200) % 2
    matrix = np.column_stack([np.where(label == 1, 1.0, 0.0), np.random.default_rng(0).random(200)])
    fitted = logistic_regression(logit(matrix), label, np.ones((1, 2), bool))
    theirs = LogisticRegression(C=1, tol=1e-12, max_iter=10000).fit(logit(matrix), label)
    assert fitted[:2, 0] == pytest.approx(theirs.coef_[0], abs=1e-5)


def test_one_class_alone_still_gives_finite_ensembles():
    matrix, label = members()
    for rule in RULES:
        scores = fit(rule, matrix, np.ones_like(label), every_mask(4))(matrix)
        assert np.isfinite(scores).all(), rule


def test_weights_are_the_best_on_the_simplex():
    matrix, label = members()
    masks = every_mask(4)
    weights = simplex_weights(matrix, label, masks)
    assert (weights >= 0).all() and weights.sum(axis=0) == pytest.approx(1)
    for column, mask in enumerate(masks):
        assert (weights[~mask, column] == 0).all()
        own = matrix[:, mask]

        def brier(w, own=own):
            return np.mean((own @ w - label) ** 2)

        rule = {"type": "eq", "fun": lambda w: w.sum() - 1}
        start = np.full(own.shape[1], 1 / own.shape[1])
        theirs = minimize(brier, start, bounds=[(0, 1)] * len(start), constraints=rule, method="SLSQP", options={"ftol": 1e-14})
        assert brier(weights[mask, column]) <= theirs.fun + 1e-9


def test_weights_of_equal_or_perfect_members_still_sum_to_one():
    _, label = members()
    for member in (label.astype(float), np.full(len(label), 0.5)):
        weights = simplex_weights(np.column_stack([member, member]), label, every_mask(2))
        assert weights.sum(axis=0) == pytest.approx(1) and (weights >= 0).all()


def test_vote_is_the_share_of_members_above_their_own_threshold():
    matrix, label = members()
    fitted = fit("vote", matrix, label, every_mask(4))
    assert fitted.thresholds == pytest.approx([youden_threshold(label, one) for one in matrix.T])
    assert fitted(matrix)[:, -1] == pytest.approx((matrix >= fitted.thresholds).mean(axis=1))


@pytest.mark.parametrize("rule", RULES)
def test_many_subsets_at_once_equal_one_by_one(rule):
    matrix, label = members(rows=120, count=7)
    masks = every_mask(7)  # 127: more than one block
    together = fit(rule, matrix, label, masks)(matrix)
    for column in (0, 63, 64, 126):
        alone = fit(rule, matrix[:, masks[column]], label, np.ones((1, masks[column].sum()), bool))
        assert together[:, column] == pytest.approx(alone(matrix[:, masks[column]])[:, 0], abs=1e-6)
    assert (rule in FITTED) == (not np.allclose(fit(rule, matrix[:60], 1 - label[:60], masks)(matrix), together))
