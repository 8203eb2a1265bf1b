"""Intervals and paired tests against resamples written out, textbook values and simulation."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats
from synthetic_predictions import predictions

from dfd_lib.evaluation.scores import point_metrics
from dfd_lib.evaluation.uncertainty import bootstrap, compare_pairs, holm, interval, intervals, resample_weights
from dfd_lib.tables import METRICS


def rows(groups=12, seed=0):
    random = np.random.default_rng(seed)
    group = np.repeat([f"g{one}" for one in range(groups)], random.integers(1, 8, groups))
    label = random.integers(0, 2, len(group))
    return label, (random.random(len(group)) * 0.8 + 0.2 * label).round(2), group


def test_each_resample_draws_as_many_groups_as_there_are():
    weights = resample_weights(["b", "a", "b", "c"], 5000, seed=3)
    assert list(weights.index) == ["a", "b", "c"]
    assert (weights.sum() == 3).all()
    # each count is binomial(3, 1/3): its mean is 1, its variance 2/3
    assert weights.T.mean().to_numpy() == pytest.approx(1, abs=0.05)
    assert weights.T.var().to_numpy() == pytest.approx(2 / 3, abs=0.05)


def test_weights_depend_on_the_groups_and_the_seed_alone():
    one = resample_weights(["a", "b", "c", "d"], 50, seed=1)
    pd.testing.assert_frame_equal(one, resample_weights(list("ddcbaab"), 50, seed=1))
    assert not one.equals(resample_weights(list("abcd"), 50, seed=2))
    with pytest.raises(ValueError, match="at least 1"):
        resample_weights(["a"], 0, seed=1)


def test_bootstrap_equals_repeating_the_rows_of_the_drawn_groups():
    label, p_fake, group = rows()
    weights = resample_weights(group, 80, seed=1)
    draws = bootstrap(label, p_fake, group, weights, threshold=0.6)
    for column in range(80):
        times = weights[column].loc[group].to_numpy()
        expected = point_metrics(np.repeat(label, times), np.repeat(p_fake, times), 0.6)
        assert {name: values[column] for name, values in draws.items()} == pytest.approx(
            {name: expected[name] for name in draws}, nan_ok=True, abs=1e-12
        )


def test_a_model_may_lack_groups_but_not_have_others():
    label, p_fake, group = rows()
    weights = resample_weights([*group, "another"], 20, seed=1)
    assert np.isfinite(bootstrap(label, p_fake, group, weights)["brier"]).all()
    with pytest.raises(ValueError, match="every row's group"):
        bootstrap(label, p_fake, group, weights.drop("g0"))


def test_interval_of_a_mean_is_student_s():
    """Resampling n values, the expanded percentiles must meet the textbook's t interval, which plain percentiles miss."""
    values = np.random.default_rng(5).normal(size=12)
    weights = resample_weights(np.arange(12), 40000, seed=1).to_numpy(float)
    means = values @ weights / 12
    low, high = interval(means, groups=12)
    expected = stats.t.interval(0.95, 11, values.mean(), values.std(ddof=1) / np.sqrt(12))
    assert (low, high) == pytest.approx(expected, abs=0.06)
    plain = np.quantile(means, [0.025, 0.975])
    assert high - low > 1.15 * (plain[1] - plain[0])


def test_interval_needs_two_groups_and_a_metric_that_is_mostly_defined():
    samples = np.linspace(0, 1, 1001)
    assert np.isnan(interval(samples, groups=1)).all()
    rare, common = samples.copy(), samples.copy()
    common[::10] = np.nan
    rare[::50] = np.nan
    low, high = interval(np.stack([samples, rare, common], axis=1), groups=10**6)
    assert low[:2] == pytest.approx([0.025, 0.025], abs=0.002) and high[:2] == pytest.approx([0.975, 0.975], abs=0.002)
    assert np.isnan([low[2], high[2]]).all()


def test_intervals_contain_the_estimate_and_spare_ece():
    label, p_fake, group = rows(groups=60)
    ends = intervals(label, p_fake, group, resample_weights(group, 500, seed=1))
    point = point_metrics(label, p_fake)
    assert list(ends) == [f"{name}_{end}" for name in METRICS for end in ("low", "high")]
    for name in METRICS[:-1]:
        assert ends[f"{name}_low"] < point[name] < ends[f"{name}_high"], name
    assert np.isnan(ends["ece_low"]) and np.isnan(ends["ece_high"])


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
