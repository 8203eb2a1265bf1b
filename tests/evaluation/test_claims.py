"""Published matrices against the numbers that their authors printed, and intervals against SciPy and a simulation."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from dfd_lib.evaluation.claims import PUBLISHED, Claim, of_matrix, recompute, wilson


def row(system: str, positive: str = "fake") -> pd.Series:
    table = recompute(positive=positive)
    return table[table["system"] == system].iloc[0]


def test_s0_is_its_published_matrix_to_the_unit():
    real, fake = row("S0", "real"), row("S0")
    assert (real["n"], real["tp"] + real["tn"]) == (7104, 6309)
    assert (real["precision"], real["recall"], real["f1"]) == pytest.approx((0.93, 0.879, 0.904), abs=5e-4)
    assert fake["accuracy"] == real["accuracy"] == pytest.approx(0.888, abs=5e-4)
    # 2,845 fakes, of which 2,564 were called fake, and 514 reals with them
    assert (fake["recall"], fake["precision"]) == pytest.approx((2564 / 2845, 2564 / 3078))
    assert real["check"] == fake["check"] == "adds up"


def test_s1_has_its_labels_swapped_and_its_own_interval():
    one = row("S1")
    assert one["check"] == "does not add up" and "swapped" in one["remark"]
    assert (one["recall"], one["tn"] / (one["tn"] + one["fp"])) == pytest.approx((63 / 71, 57 / 69))
    assert (round(one["accuracy_low"], 2), round(one["accuracy_high"], 2)) == (0.79, 0.91)  # as they printed it


def test_s2s_total_does_not_follow_from_its_matrix():
    two = row("S2")
    assert two["accuracy"] == pytest.approx(0.9776, abs=5e-5)
    assert two["check"] == "does not add up" and "99.52 %" in two["remark"] and "97.76 %" in two["remark"]


def test_s3_adds_up_and_s4_has_accuracies_alone():
    three = row("S3")
    assert (three["n"], three["accuracy"], three["check"]) == (1200, 0.99, "adds up")
    four = recompute().query("system == 'S4'")
    assert len(four) == 11 and four["n"].isna().all() and four["accuracy_low"].isna().all()
    below = four[four["accuracy"] < four["majority"]]
    assert list(below["model"]) == ["AlexNet"] and "commoner class, 77.3 %" in below["remark"].iloc[0]


@pytest.mark.parametrize(("right", "rows"), [(0, 7), (7, 7), (63, 71), (3661, 3745)])
def test_wilson_is_scipys(right, rows):
    known = stats.binomtest(right, rows).proportion_ci(method="wilson")
    assert wilson(right, rows) == pytest.approx((known.low, known.high), abs=1e-12)


def test_the_interval_of_f1_is_that_of_resampled_rows():
    """A matrix of many rows, whose bootstrap is a multinomial draw."""
    counts = np.array([2943, 43, 41, 718])
    tp, fp, fn, _ = np.random.default_rng(1).multinomial(counts.sum(), counts / counts.sum(), 100_000).T
    low, high = np.quantile(2 * tp / (2 * tp + fp + fn), [0.025, 0.975])
    found = of_matrix(*counts)
    assert (found["f1_low"], found["f1_high"]) == pytest.approx((low, high), abs=6e-4)


def test_the_interval_of_f1_covers_the_truth_on_few_rows():
    truth = np.array([0.4, 0.1, 0.15, 0.35])
    f1 = 2 * truth[0] / (2 * truth[0] + truth[1] + truth[2])
    drawn = np.random.default_rng(2).multinomial(60, truth, 2000)
    ends = [of_matrix(*one) for one in drawn]
    assert 0.93 <= np.mean([one["f1_low"] <= f1 <= one["f1_high"] for one in ends]) <= 0.97


def test_what_is_undefined_and_what_contradicts_without_a_reason():
    assert np.isnan(of_matrix(0, 0, 0, 5)["f1"]) and np.isnan(of_matrix(0, 0, 0, 5)["precision_low"])
    odd = recompute((Claim("X", "x", "fake", 5, 1, 2, 5, {"accuracy": 0.8}, positives=9),)).iloc[0]
    assert odd["check"] == "does not add up" and "nothing explains" in odd["remark"] and "printed as 80 %" in odd["remark"]
    with pytest.raises(ValueError, match="came 'FAKE'"):
        recompute(PUBLISHED, "FAKE")
