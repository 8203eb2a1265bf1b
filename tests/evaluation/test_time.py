"""Does time help: the differences are the paired ones, and the words say no more than the intervals do."""

import numpy as np
import pandas as pd
import pytest
import synthetic_predictions as made
from sklearn.metrics import roc_auc_score

from dfd_lib.evaluation.aggregate import aggregate, at_common_level
from dfd_lib.evaluation.pairs import significant
from dfd_lib.evaluation.time import COLUMNS, FRAMES, ORDER, Question, time_gains, verdict
from dfd_lib.figures import time_gain


@pytest.fixture(scope="module")
def predictions():
    """`clips` scores clips alone and well; `trunk` scores frames, and `shuffled` clips, both badly."""
    frames = made.predictions(models=["trunk"], signal=0.2, seed=1)
    parts = [aggregate(made.predictions(models=[name], signal=signal, seed=2)) for name, signal in (("clips", 3.0), ("shuffled", 0.2))]
    return pd.concat([frames, *parts], ignore_index=True)


QUESTIONS = [Question(FRAMES, "clips", "trunk"), Question(ORDER, "clips", "shuffled")]


def test_each_row_is_the_difference_in_auc_by_clip(predictions):
    table = time_gains(predictions, QUESTIONS, resamples=200)
    assert list(table.columns) == COLUMNS
    clips = aggregate(predictions[predictions["split"] == "test"])
    auc = {name: roc_auc_score(rows["label"], rows["p_fake"]) for name, rows in clips.groupby("model")}
    for row, question in zip(table.itertuples(), QUESTIONS, strict=True):
        assert (row.about, row.model, row.against) == question
        assert (row.auc, row.auc_against) == pytest.approx((auc[question.model], auc[question.against]))
        assert row.difference == pytest.approx(row.auc - row.auc_against)
        assert row.low < row.difference < row.high
        assert row.low > 0
    assert table["n"].tolist() == [40, 40]
    backwards = time_gains(predictions, [Question(FRAMES, "trunk", "clips")], resamples=200)
    assert backwards["difference"][0] == pytest.approx(-table["difference"][0])
    assert backwards["high"][0] < 0


def test_without_a_question_there_is_a_table_a_sentence_and_a_figure(predictions):
    table = time_gains(predictions, [])
    assert list(table.columns) == COLUMNS
    assert verdict(table)[0].endswith("nothing is said of time.")
    assert time_gain(table).axes


def gains(**lows):
    rows = [
        {"about": about, "model": "m", "against": f"its {about}", "dataset": "d", "difference": low + 0.1, "low": low, "high": low + 0.2}
        for about, low in lows.items()
    ]
    table = pd.DataFrame(rows).assign(p_holm=0.01, aggregator="mean", frames_per_clip=3.0)
    return table.assign(significant=significant)


@pytest.mark.parametrize(
    ("lows", "said"),
    [
        ({FRAMES: 0.05, ORDER: 0.05}, "Looking at time helps: the order of the frames tells."),
        ({ORDER: 0.05}, "Looking at time helps: the order of the frames tells."),
        ({FRAMES: -0.05, ORDER: 0.05}, "It uses the order, but gains nothing by it."),
        ({FRAMES: 0.05, ORDER: -0.05}, "It gains, but nothing shows that it is by their order."),
        ({FRAMES: 0.05}, "Whether by their order, only a control would tell."),
        ({FRAMES: -0.05, ORDER: -0.3}, "Nothing shows that looking at time helps here."),
    ],
)
def test_the_conclusion_follows_the_intervals(lows, said):
    [words] = verdict(gains(**lows))
    assert words.startswith("In AUC by clip (mean of 3 frames): m against ") and words.endswith(said)
    for about, low in lows.items():
        kind = "a real gain" if low > 0 else "a real loss" if low < -0.2 else "no real difference"
        assert f"{kind}, " in words.split(f"its {about}" if about == FRAMES else "out of order")[1]


def test_an_interval_above_0_is_no_gain_where_the_test_does_not_say_so():
    table = gains(**{FRAMES: 0.05}).assign(p_holm=0.06).assign(significant=significant)
    [words] = verdict(table)
    assert "no real difference, +.150 (+.050 to +.250), p (Holm) .060." in words
    assert words.endswith("Nothing shows that looking at time helps here.")


def test_models_meet_at_the_finest_level_that_all_have(predictions):
    trunk = predictions[predictions["model"] == "trunk"]
    assert at_common_level(trunk) is trunk
    met = at_common_level(predictions)
    assert set(met["level"]) == {"video"}
    assert met.groupby("model").size().nunique() == 1
    np.testing.assert_array_equal(np.sort(met.loc[met["model"] == "trunk", "p_fake"]), np.sort(aggregate(trunk)["p_fake"]))
