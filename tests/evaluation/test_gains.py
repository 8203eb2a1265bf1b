"""What tuning bought: the difference on test as the paired test has it, and words that follow from its interval."""

import pandas as pd
import pytest
import synthetic_predictions as made
from sklearn.metrics import roc_auc_score

from dfd_lib.evaluation.aggregate import aggregate
from dfd_lib.evaluation.metrics import evaluate
from dfd_lib.evaluation.pairs import compare_pairs
from dfd_lib.evaluation.tuning import finding, gains


@pytest.fixture(scope="module")
def table():
    """A default that guesses and a tuned model that does not, each with two seeds, and one that was never tuned."""
    parts = [made.predictions(("net-default",), seeds=(1, 2), signal=0.0), made.predictions(("net", "other"), seeds=(1, 2), signal=2.0)]
    return pd.concat(parts, ignore_index=True)


@pytest.mark.parametrize("turned", [False, True])
def test_the_gain_is_the_difference_of_the_aucs_by_clip(table, turned):
    order = sorted(table["model"].unique(), reverse=turned)
    rows = pd.concat([table[table["model"] == name] for name in order], ignore_index=True)
    row = gains(evaluate(rows, resamples=100), compare_pairs(rows, resamples=300), {"net": "net-default"}, {"net": 7}).iloc[0]
    clips = aggregate(rows)
    auc = {key: roc_auc_score(one["label"], one["p_fake"]) for key, one in clips.groupby(["split", "model", "seed"])}
    for split in ("val", "test"):
        for kind, name in (("tuned", "net"), ("default", "net-default")):
            assert row[f"{split}_{kind}"] == pytest.approx((auc[split, name, 1] + auc[split, name, 2]) / 2)
    assert row["gain"] == pytest.approx(row["test_tuned"] - row["test_default"])
    assert 0 < row["gain_low"] < row["gain"] < row["gain_high"]
    assert row["p"] < 0.05 and row["significant"]
    assert finding(row).startswith("Tuning net (7 trials) bought +.") and "of AUC by clip (mean of 3 frames) on test" in finding(row)
    assert "a real gain" in finding(row)


@pytest.mark.parametrize(
    ("ends", "significant", "said"),
    [
        ((0.01, 0.02, 0.03), True, "a real gain"),
        ((0.001, 0.02, 0.03), False, "could be chance"),  # the test, corrected for its number, does not agree
        ((-0.01, 0.02, 0.05), False, "could be chance"),
        ((-0.03, -0.02, -0.01), True, "a real loss"),
        ((0.0, 0.0, 0.0), False, "the recipe's own settings won"),
    ],
)
def test_the_words_follow_from_test_and_interval(ends, significant, said):
    row = dict(zip(("gain_low", "gain", "gain_high"), ends, strict=True))
    row |= {
        "significant": significant,
        "aggregator": "mean",
        "frames_per_clip": 3.0,
        "model": "net",
        "trials": 3,
        "val_default": 0.7,
        "val_tuned": 0.8,
        "test_default": 0.7,
        "test_tuned": 0.7 + ends[1],
    }
    assert said in finding(pd.Series(row))
    assert finding(pd.Series(row)).endswith("on val it was +.100.")


def test_without_a_tuned_model_there_is_an_empty_table(table):
    assert gains(evaluate(table, resamples=100), compare_pairs(table, resamples=100), {}, {}).empty
