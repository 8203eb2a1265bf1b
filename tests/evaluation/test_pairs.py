"""Paired tests against the step-down procedure by hand, the closed form and textbook variances."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from synthetic_predictions import predictions

from dfd_lib.evaluation.auc import clustered_auc
from dfd_lib.evaluation.pairs import compare_pairs, holm, seeds_and_groups, significant
from dfd_lib.evaluation.scores import point_metrics


def test_holm_by_hand():
    # Holm 1979: the smallest times 4, the next times 3, ...; never below one that came before
    assert holm([0.005, 0.04, 0.03, 0.01]) == pytest.approx([0.02, 0.06, 0.06, 0.03])
    assert holm([0.9, 0.8]) == pytest.approx([1, 1])
    assert holm([0.02, np.nan, 0.03]) == pytest.approx([0.04, np.nan, 0.04], nan_ok=True)
    assert len(holm([])) == 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_rejects_what_the_step_down_procedure_rejects(p):
    order, rejected = np.argsort(p), set()
    for step, place in enumerate(order):
        if p[place] * (len(p) - step) > 0.05:
            break
        rejected.add(place)
    assert {place for place, value in enumerate(holm(p)) if value <= 0.05} == rejected


def test_pairs_say_left_minus_right_on_the_same_rows():
    table = predictions(models=["weak", "strong"], groups=80)
    table.loc[table["model"] == "strong", "p_fake"] = table["p_fake"] * 0.5 + 0.5 * table["label"]
    pair = compare_pairs(table, level="frame", resamples=500).iloc[0]
    test = table[table["split"] == "test"]
    point = {name: point_metrics(one["label"], one["p_fake"])["auc"] for name, one in test.groupby("model")}
    assert (pair["left"], pair["right"], pair["metric"]) == ("weak", "strong", "auc")
    assert pair["difference"] == pytest.approx(point["weak"] - point["strong"])
    assert pair["low"] < pair["difference"] < pair["high"] < 0
    assert pair["significant"] and pair["p"] < 0.001
    assert (pair["n"], pair["groups"], pair["dropped"]) == (20 * 4 * 3, 20, 0)


def test_a_model_does_not_differ_from_itself():
    table = predictions(models=["a"], groups=40)
    twin = pd.concat([table, table.assign(model="b")], ignore_index=True)
    for metric in ("auc", "brier"):
        pair = compare_pairs(twin, metric=metric, resamples=100).iloc[0]
        assert (pair["difference"], pair["low"], pair["high"], pair["p"], pair["significant"]) == (0, 0, 0, 1, False)


def test_rows_that_one_model_lacks_are_dropped_for_all_and_counted():
    table = predictions(models=["a", "b", "c"], groups=40)
    lacking = table[~((table["model"] == "b") & table["video"].isin(["g3/c0", "g7/c1"]))]
    pairs = compare_pairs(lacking, level="video", resamples=100)
    assert len(pairs) == 3
    assert set(pairs["n"]) == {10 * 4 - 2} and set(pairs["dropped"]) == {2}


def test_closed_form_and_bootstrap_agree_on_p():
    table = predictions(models=["a", "b"], groups=400, noise=1.5, seed=4)
    pair = compare_pairs(table, resamples=4000).iloc[0]
    error = (pair["high"] - pair["low"]) / (2 * 1.984)
    assert pair["p"] == pytest.approx(2 * stats.t.sf(abs(pair["difference"]) / error, 99), rel=0.15)


def test_seeds_are_averaged_as_metrics_and_widen_the_interval():
    table = predictions(models=["a", "b"], seeds=[1, 2, 3], groups=80)
    test = table[table["split"] == "test"]
    per_seed = {
        name: np.mean([point_metrics(one["label"], one["p_fake"])["accuracy"] for _, one in rows.groupby("seed")])
        for name, rows in test.groupby("model")
    }
    pair = compare_pairs(table, metric="accuracy", level="frame", resamples=500).iloc[0]
    assert pair["difference"] == pytest.approx(per_seed["a"] - per_seed["b"])
    # one seed of b is much worse: which seeds one has now matters more than which groups
    uneven = table.assign(p_fake=table["p_fake"].where((table["model"] == "a") | (table["seed"] > 1), 1 - table["p_fake"]))
    wide = compare_pairs(uneven, metric="accuracy", level="frame", resamples=500).iloc[0]
    assert wide["high"] - wide["low"] > 3 * (pair["high"] - pair["low"])


def test_seeds_alone_are_welchs_test():
    """Where groups do not matter, what is left is the t-test of two samples with unequal variances (Welch 1947)."""
    left, right = [0.70, 0.80, 0.95], [0.60, 0.65, 0.61, 0.58]
    found = seeds_and_groups(np.array(left + right), np.zeros((7, 7)), np.arange(3), np.arange(3, 7), groups=10**9)
    welch = stats.ttest_ind(left, right, equal_var=False)
    ends = welch.confidence_interval()
    assert found.p == pytest.approx(welch.pvalue)
    assert (found.low, found.high) == pytest.approx((ends.low, ends.high))


def test_groups_alone_are_the_paired_test_of_their_variance():
    covariance = np.array([[4.0, 1.0], [1.0, 2.0]]) * 1e-4
    found = seeds_and_groups(np.array([0.8, 0.75]), covariance, np.array([0]), np.array([1]), groups=30)
    assert found.p == pytest.approx(2 * stats.t.sf(0.05 / np.sqrt(4e-4), 29))


def test_what_seeds_share_with_the_groups_counts_once():
    """Seeds that differ only by the rows they were scored on: their covariance, not their variance, is added to their spread."""
    covariance = np.full((4, 4), 1e-4) + np.eye(4) * 3e-4
    covariance[:2, 2:] = covariance[2:, :2] = 0
    point = np.array([0.80, 0.82, 0.70, 0.72])
    found = seeds_and_groups(point, covariance, np.arange(2), np.arange(2, 4), groups=10**9)
    seeds, groups = 2 * 2e-4 / 2, 2e-4
    freedom = (seeds + groups) ** 2 / (2 * (1e-4) ** 2)
    assert found.p == pytest.approx(2 * stats.t.sf(0.1 / np.sqrt(seeds + groups), freedom), rel=1e-6)


def one_null_study(random, seeds, groups, spread):
    """The p-value of two models of the same quality, whose seeds differ by `spread` in signal, on 4 clips a group."""
    group, label = np.repeat(np.arange(groups), 4), np.tile([0, 1], groups * 2)

    def noise(of_rows, of_groups):
        return of_rows * random.normal(size=len(group)) + of_groups * random.normal(size=groups)[group]

    shared = noise(0.8, 0.6)
    scores = []
    for _ in range(2):
        own = shared + noise(0.5, 0.4)
        scores += [(0.7 + spread * random.normal()) * (2 * label - 1) + own + noise(0.4, 0.2) for _ in range(seeds)]
    auc, covariance = clustered_auc(label, np.stack(scores, axis=1), group)
    return seeds_and_groups(auc, covariance, np.arange(seeds), np.arange(seeds, 2 * seeds), groups).p


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "spread"), [(1, 0), (3, 0), (3, 0.1), (3, 0.3), (5, 0), (5, 0.1), (5, 0.3)])
def test_equal_models_are_called_different_one_time_in_twenty(seeds, spread):
    """3,000 studies: the standard error is .4 %. Of one seed nothing can be known of others, so there they are equal."""
    random = np.random.default_rng(3)
    p = np.array([one_null_study(random, seeds, 60, spread) for _ in range(3000)])
    assert 0.035 <= (p < 0.05).mean() <= 0.065


def test_significant_needs_the_test_and_the_interval():
    table = pd.DataFrame({"low": [0.01, -0.3, 0.01, -0.01, np.nan], "high": [0.2, -0.1, 0.2, 0.2, np.nan]})
    assert significant(table.assign(p_holm=[0.04, 0.04, 0.06, 0.017, 0.01])).tolist() == [True, True, False, False, False]


def test_data_sets_are_compared_apart():
    table = predictions(models=["a", "b"], groups=40)
    both = pd.concat([table, table.assign(dataset="other", p_fake=1 - table["p_fake"])], ignore_index=True)
    pairs = compare_pairs(both, resamples=50)
    assert list(pairs["dataset"]) == ["made_up", "other"]
    assert pairs["difference"].sum() == pytest.approx(0)


def test_unknown_metric_split_and_level():
    table = predictions(groups=8)
    with pytest.raises(ValueError, match="came 'ece'"):
        compare_pairs(table, metric="ece")
    with pytest.raises(ValueError, match="split 'dev'"):
        compare_pairs(table, split="dev")
    with pytest.raises(ValueError, match="frame or video"):
        compare_pairs(table, level="person")
    assert compare_pairs(table[table["model"] == "a"], resamples=10).empty


def test_one_class_has_a_nan_test():
    table = predictions(groups=8)
    pair = compare_pairs(table[table["label"] == 1], resamples=50).iloc[0]
    assert np.isnan(pair[["difference", "low", "high", "p"]].to_numpy(float)).all() and not pair["significant"]
