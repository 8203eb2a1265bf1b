"""Intervals against resamples written out, textbook values and simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dfd_lib.evaluation.scores import point_metrics
from dfd_lib.evaluation.uncertainty import bootstrap, interval, intervals, resample_weights
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


def test_a_model_without_an_error_has_the_interval_that_so_many_groups_can_exclude():
    """Clopper and Pearson's for as many tosses; half as many groups hold a fake."""
    label, group = np.tile([0, 1], 20), np.repeat(np.arange(10), 4)
    label[group % 2 == 0] = 0
    p_fake = np.where(label == 1, 0.9, 0.1)
    ends = intervals(label, p_fake, group, resample_weights(group, 300, seed=1))
    low = stats.binomtest(5, 5).proportion_ci(method="exact").low
    for name in ("accuracy", "auc", "average_precision", "recall"):
        assert (ends[f"{name}_low"], ends[f"{name}_high"]) == pytest.approx((low, 1)), name
    assert (ends["eer_low"], ends["eer_high"]) == pytest.approx((0, 1 - low))
    assert ends["brier_low"] == pytest.approx(ends["brier_high"]) == pytest.approx(0.01), "a constant that is no share"
