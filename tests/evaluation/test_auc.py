"""Closed forms of the AUC's covariance against brute force, DeLong's formula and a bootstrap."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from dfd_lib.evaluation.auc import Clusters, clustered_auc, placements
from dfd_lib.evaluation.uncertainty import bootstrap, resample_weights


def kernel(fakes, reals):
    """1 where the fake scores higher, one half where equal: all pairs, [fakes, reals]."""
    return (fakes[:, None] > reals).astype(float) + (fakes[:, None] == reals) / 2


def clustered(groups=30, models=3, seed=0):
    """Rows in groups of 1 to 9, some with one class alone; models that share the group's shift."""
    random = np.random.default_rng(seed)
    group = np.repeat(np.arange(groups), random.integers(1, 10, groups))
    label = random.integers(0, 2, len(group))
    common = random.normal(size=groups)[group] + 0.5 * random.normal(size=len(group))
    scores = np.stack([label * 1.2 + common + random.normal(size=len(group)) for _ in range(models)], axis=1)
    return label, scores.round(1), group


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 4)), min_size=2, max_size=25))
def test_placements_equal_counting_pairs(rows):
    assume(len({fake for fake, _ in rows}) == 2)
    fake, score = (np.array(one) for one in zip(*rows, strict=True))
    pairs = kernel(score[fake], score[~fake])
    expected = np.empty(len(fake))
    expected[fake], expected[~fake] = pairs.mean(axis=1), pairs.mean(axis=0)
    assert placements(fake, score.astype(float)) == pytest.approx(expected)


def test_auc_equals_scikit_learn():
    label, scores, group = clustered()
    assert clustered_auc(label, scores, group)[0] == pytest.approx([roc_auc_score(label, one) for one in scores.T])


def test_one_row_a_group_is_delong():
    label, scores, _ = clustered()
    fakes, reals = scores[label == 1], scores[label == 0]
    v10 = np.stack([kernel(f, r).mean(axis=1) for f, r in zip(fakes.T, reals.T, strict=True)])
    v01 = np.stack([kernel(f, r).mean(axis=0) for f, r in zip(fakes.T, reals.T, strict=True)])
    delong = np.cov(v10) / len(fakes) + np.cov(v01) / len(reals)
    assert clustered_auc(label, scores, np.arange(len(label)))[1] == pytest.approx(delong)


def test_covariance_is_obuchowski_s_formula_summed_group_by_group():
    label, scores, group = clustered(models=2)
    m, n = (label == 1).sum(), (label == 0).sum()
    auc = [roc_auc_score(label, one) for one in scores.T]
    s10, s01, s11, with_fakes, with_reals = np.zeros((2, 2)), np.zeros((2, 2)), np.zeros((2, 2)), 0, 0
    for one in np.unique(group):
        own_fakes, own_reals = (group == one) & (label == 1), (group == one) & (label == 0)
        x = [kernel(s[own_fakes], s[label == 0]).mean(axis=1).sum() - own_fakes.sum() * a for s, a in zip(scores.T, auc, strict=True)]
        y = [kernel(s[label == 1], s[own_reals]).mean(axis=0).sum() - own_reals.sum() * a for s, a in zip(scores.T, auc, strict=True)]
        s10, s01, s11 = s10 + np.outer(x, x), s01 + np.outer(y, y), s11 + np.outer(x, y)
        with_fakes, with_reals = with_fakes + own_fakes.any(), with_reals + own_reals.any()
    groups = len(np.unique(group))
    expected = (
        with_fakes / (with_fakes - 1) * s10 / m**2
        + with_reals / (with_reals - 1) * s01 / n**2
        + groups / (groups - 1) * (s11 + s11.T) / (m * n)
    )
    assert clustered_auc(label, scores, group)[1] == pytest.approx(expected)


def test_covariance_agrees_with_the_bootstrap_over_groups():
    label, scores, group = clustered(groups=200)
    weights = resample_weights(group, 4000, seed=1)
    p_fake = 1 / (1 + np.exp(-scores))
    draws = np.stack([bootstrap(label, one, group, weights)["auc"] for one in p_fake.T])
    closed = clustered_auc(label, p_fake, group)[1]
    assert np.sqrt(np.diag(closed)) == pytest.approx(np.sqrt(np.diag(np.cov(draws))), rel=0.05)
    assert closed[0, 1] == pytest.approx(np.cov(draws)[0, 1], rel=0.1)


def test_rows_of_a_group_are_no_independent_witnesses():
    """Where a group is of one class, as a clip is, its shift does not cancel: row by row looks too sure."""
    _, scores, group = clustered(groups=200)
    by_group, by_row = (clustered_auc(group % 2, scores, one)[1] for one in (group, np.arange(len(group))))
    assert (np.diag(by_row) < 0.5 * np.diag(by_group)).all()


def test_variance_is_the_diagonal():
    label, scores, group = clustered()
    clusters = Clusters(label == 1, group)
    _, fakes, reals = clusters.components(np.stack([placements(label == 1, one) for one in scores.T], axis=1))
    assert clusters.variance(fakes, reals) == pytest.approx(np.diag(clusters.covariance(fakes, reals)))


def test_what_cannot_be_known_is_nan():
    auc, covariance = clustered_auc([1, 1], [[0.1], [0.2]], [1, 2])
    assert np.isnan(auc).all() and np.isnan(covariance).all()
    auc, covariance = clustered_auc([1, 0, 1], [[0.3], [0.2], [0.1]], [1, 2, 1])
    assert auc == 0.5 and np.isnan(covariance).all()
    with pytest.raises(ValueError, match=r"scores \[n, models\]"):
        clustered_auc([0, 1], [0.1, 0.2], [1, 2])
