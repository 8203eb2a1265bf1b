"""The metrics table, its baseline and its slices, against scikit-learn and by hand."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from synthetic_predictions import manifest, predictions

from dfd_lib.evaluation.aggregate import aggregate, aggregate_persons
from dfd_lib.evaluation.counts import report
from dfd_lib.evaluation.metrics import evaluate, majority_baseline, slice_metrics
from dfd_lib.evaluation.scores import point_metrics
from dfd_lib.evaluation.uncertainty import intervals, resample_weights
from dfd_lib.tables import METRICS, METRICS_KEY, PREDICTIONS, check_metrics


def published_matrix() -> pd.DataFrame:
    """Meso-4 on its authors' 7,104 faces: 3,745 reals and 2,564 fakes right, 281 fakes called real, 514 reals called fake."""
    label = np.repeat([0, 1, 1, 0], [3745, 2564, 281, 514])
    p_fake = np.repeat([0.2, 0.5, 0.4999, 0.9], [3745, 2564, 281, 514])
    names = [f"{one:05}.jpg" for one in range(len(label))]
    keys = {"model": "meso4", "seed": 1, "dataset": "mesonet", "split": "test", "level": "frame", "condition": "clean"}
    table = pd.DataFrame({**keys, "path": names, "video": names, "face": 0, "frame": 0, "group": names, "label": label, "p_fake": p_fake})
    return table[list(PREDICTIONS.columns)]


def test_one_row_for_each_run_and_level():
    table = predictions(models=["b", "a"], seeds=[1, 2])
    noisy = pd.concat([table, table[table["split"] == "test"].assign(condition="jpeg 50")], ignore_index=True)
    metrics = evaluate(noisy)
    assert len(metrics) == 2 * 2 * 5 * 2 and not metrics.duplicated(METRICS_KEY).any()
    assert list(metrics["model"].unique()) == ["b", "a"]
    assert set(metrics.loc[metrics["level"] == "frame", "aggregator"]) == {"none"}
    assert set(metrics.loc[metrics["level"] == "video", "aggregator"]) == {"mean"}
    own = noisy[(noisy["model"] == "a") & (noisy["seed"] == 2) & (noisy["split"] == "val")]
    row = metrics.query("model == 'a' and seed == 2 and split == 'val' and level == 'frame'").iloc[0]
    assert (row["n"], row["n_fake"]) == (len(own), own["label"].sum())
    assert row["auc"] == pytest.approx(roc_auc_score(own["label"], own["p_fake"]))


def test_video_level_is_of_clips():
    table = predictions(models=["a"], faces=2)
    metrics = evaluate(table, aggregator="max", levels=["video"], threshold=0.7).set_index("split")
    clips = aggregate(table, "max")
    own = clips[clips["split"] == "test"]
    assert metrics.loc["test", "n"] == len(own) == 40
    assert metrics.loc["test", "accuracy"] == ((own["p_fake"] >= 0.7) == own["label"]).mean()
    assert metrics.loc["test", "threshold"] == 0.7


def test_models_that_score_clips_have_no_frame_row_and_no_aggregator():
    table = predictions(models=["frames"], groups=8)
    clips = aggregate_persons(table).assign(model="sequence")
    metrics = evaluate(pd.concat([table, clips], ignore_index=True))
    assert set(metrics.loc[metrics["model"] == "sequence", "level"]) == {"video"}
    assert set(metrics.loc[metrics["model"] == "sequence", "aggregator"]) == {"none"}
    assert evaluate(clips)["level"].unique() == ["video"]


def test_intervals_share_their_resamples_over_models_levels_and_conditions():
    table = predictions(models=["a", "b"])
    metrics = evaluate(table, resamples=60, seed=7)
    own = table[(table["model"] == "b") & (table["split"] == "test")]
    weights = resample_weights(own["group"], 60, 7)
    row = metrics.query("model == 'b' and split == 'test' and level == 'frame'").iloc[0]
    expected = intervals(own["label"], own["p_fake"], own["group"], weights)
    assert row[list(expected)].to_dict() == pytest.approx(expected, nan_ok=True)
    alone = evaluate(table[table["model"] == "b"], resamples=60, seed=7)
    pd.testing.assert_frame_equal(alone, metrics[metrics["model"] == "b"].reset_index(drop=True))
    assert not [name for name in evaluate(table) if name.endswith("_low")]


def test_one_class_gives_rows_with_gaps():
    table = predictions(models=["a"], groups=8)
    metrics = evaluate(table[table["label"] == 1], resamples=20)
    assert metrics["auc"].isna().all() and metrics["auc_low"].isna().all() and metrics["accuracy_low"].notna().all()


def test_what_is_no_predictions_table_is_refused():
    table = predictions(groups=4)
    with pytest.raises(ValueError, match="missing p_fake"):
        evaluate(table.drop(columns="p_fake"))
    with pytest.raises(ValueError, match="came 'clip'"):
        evaluate(table, levels=["clip"])
    with pytest.raises(ValueError, match="came 'average'"):
        evaluate(table, aggregator="average")
    with pytest.raises(ValueError, match="rows at level frame, came none"):
        evaluate(aggregate_persons(table), levels=["frame"])


@pytest.mark.parametrize("fakes", [1, 3])
def test_majority_baseline_answers_what_train_has_most_of(fakes):
    """Three of four clips are of one class in train; test is balanced."""
    table = predictions(models=["a", "b"])
    train = manifest(table)
    train["label"] = np.where(train["split"] == "train", train["video"].str[-1].astype(int) < fakes, train["label"]).astype(int)
    baseline = majority_baseline(table, train, threshold=0.9)
    test = baseline.set_index(["split", "level"]).loc[("test", "frame")]
    assert set(baseline["model"]) == {"majority"} and len(baseline) == 4 * 2
    assert (test["accuracy"], test["recall"], test["auc"], test["eer"]) == (0.5, float(fakes == 3), 0.5, 0.5)
    assert test["log_loss"] == pytest.approx(-(np.log(0.25) + np.log(0.75)) / 2)
    assert test["threshold"] == 0.9
    check_metrics(pd.concat([evaluate(table), baseline], ignore_index=True))
    with pytest.raises(ValueError, match="split train, came none"):
        majority_baseline(table, train[train["split"] != "train"])


def test_slices_by_method_measure_its_fakes_against_all_reals():
    table = predictions(models=["a"], groups=80)
    crops = manifest(table)
    crops["method"] = np.where(crops["label"] == 0, "real", np.where(crops["video"].str.endswith("c1"), "swap", "reenact"))
    slices = slice_metrics(table, crops, ["method"])
    assert list(slices["value"].unique()) == ["reenact", "swap"]
    own = table[(table["split"] == "test") & ((table["label"] == 0) | table["video"].str.endswith("c1"))]
    row = slices.query("value == 'swap' and split == 'test' and level == 'frame'").iloc[0]
    assert (row["n"], row["n_fake"]) == (len(own), len(own) // 3)
    assert row["auc"] == pytest.approx(roc_auc_score(own["label"], own["p_fake"]))


def test_a_method_that_a_data_set_lacks_has_no_row_there():
    table = predictions(models=["a"], groups=8)
    both = pd.concat([table, table.assign(dataset="other")], ignore_index=True)
    crops = pd.concat([manifest(table, method="swap"), manifest(both[both["dataset"] == "other"], method="reenact")], ignore_index=True)
    slices = slice_metrics(both, crops, ["method"], levels=["frame"])
    assert set(zip(slices["dataset"], slices["value"], strict=True)) == {("made_up", "swap"), ("other", "reenact")}


def test_slices_by_face_size_cut_at_quantiles_and_lose_no_row():
    table = predictions(models=["a"], groups=40)
    crops = manifest(table)
    crops["box_w"] = np.arange(len(crops)) % 60 + 1.0
    crops["box_h"] = crops["box_w"].where(crops.index % 2 == 0, 1.0)  # the longer side counts
    slices = slice_metrics(table, crops, ["face_size"], bins=4)
    assert list(slices["value"].unique()) == ["1 to 15.75", "15.75 to 30.5", "30.5 to 45.25", "45.25 to 60"]
    frames = slices[slices["level"] == "frame"]
    assert frames.groupby("value")["n"].sum().tolist() == [120, 120, 120, 120]
    assert slices.loc[slices["level"] == "video", "n"].sum() == 40 * 4


def test_slices_by_words_and_by_few_numbers_compare_like_with_like():
    table = predictions(models=["a"], groups=16)
    crops = manifest(table, person="")
    crops.loc[crops["group"] == "g3", "person"] = "ann"
    slices = slice_metrics(table, crops, ["person", "frame"], levels=["frame"])
    assert list(slices.loc[slices["slice"] == "person", "value"].unique()) == ["ann", "unknown"]
    assert list(slices.loc[slices["slice"] == "frame", "value"].unique()) == ["0", "1", "2"]
    own = table[(table["split"] == "test") & (table["frame"] == 2)]
    row = slices.query("slice == 'frame' and value == '2' and split == 'test'").iloc[0]
    assert row["brier"] == pytest.approx(point_metrics(own["label"], own["p_fake"])["brier"])


def test_slices_of_crops_without_boxes_are_unknown_and_missing_columns_named():
    table = predictions(models=["a"], groups=8)
    crops = manifest(table, box_w=np.nan, box_h=np.nan)
    assert set(slice_metrics(table, crops, ["face_size"])["value"]) == {"unknown"}
    assert set(slice_metrics(table, crops[crops["split"] != "test"], ["frame"]).query("split == 'test'")["value"]) == {"unknown"}
    with pytest.raises(ValueError, match="expected the column width, height"):
        slice_metrics(table, crops, ["resolution"])
    with pytest.raises(ValueError, match="column codec in the manifest, came path, label"):
        slice_metrics(table, crops, ["codec"])
    joined = crops.assign(width=640, height=360)
    assert set(slice_metrics(table, joined, ["resolution"])["value"]) == {"360"}


def test_report_reproduces_the_published_matrix_with_real_as_positive():
    (row,) = report(published_matrix(), positive="real")
    assert [row[name] for name in ("tp", "tn", "fp", "fn", "n", "n_fake")] == [3745, 2564, 281, 514, 7104, 2845]
    assert [round(row[name], 3) for name in ("precision", "recall", "f1", "accuracy")] == [0.93, 0.879, 0.904, 0.888]
    (fake,) = report(published_matrix())
    assert [fake[name] for name in ("tp", "tn", "fp", "fn")] == [2564, 3745, 514, 281]
    assert fake["auc"] == row["auc"] and fake["precision"] == pytest.approx(2564 / (2564 + 514))


def test_report_s_intervals_are_those_of_the_metrics_table_whichever_class_is_positive():
    table = predictions(models=["a"], groups=40)
    own = evaluate(table, levels=["frame"], resamples=300).query("split == 'test'").iloc[0]
    (fake,), (real,) = (
        [row for row in report(table, positive=positive, resamples=300) if row["split"] == "test"] for positive in ("fake", "real")
    )
    same = ("accuracy", "auc", "brier", "log_loss", "balanced_accuracy")
    for name in (f"{metric}{end}" for metric in METRICS if metric != "ece" for end in ("_low", "_high")):
        assert fake[name] == own[name]
        assert real[name] == pytest.approx(own[name]) or not name.startswith(same)
    assert real["precision_low"] < real["precision"] < real["precision_high"] and fake["ece_low"] is None


def test_clips_say_of_how_many_frames_they_were_made():
    table = predictions(models=["a"], groups=8)
    longer = table[(table["video"] != table["video"].iloc[0]) | (table["frame"] == 0)]  # one clip has lost frames
    many = table.groupby(["video", "face"]).size().median()
    rows = evaluate(longer, aggregator="median")
    assert set(rows.loc[rows["level"] == "video", "aggregator"]) == {"median"}
    assert set(rows.loc[rows["level"] == "video", "frames_per_clip"]) == {many}
    assert rows.loc[rows["level"] == "frame", "frames_per_clip"].isna().all()
    whole = evaluate(table.drop_duplicates("video").assign(level="video", path="", frame=-1), levels=["video"])
    assert whole["frames_per_clip"].isna().all() and set(whole["aggregator"]) == {"none"}
    assert report(table, level="video")[0]["frames_per_clip"] == many


def test_report_is_plain_json_with_every_metric():
    table = predictions(models=["a"], seeds=[1, 2], groups=8)
    for positive in ("fake", "real"):
        rows = report(table[table["label"] == 1], level="video", positive=positive, resamples=50)
        assert json.loads(json.dumps(rows, allow_nan=False)) == rows
        assert len(rows) == 2 * 4 and {*METRICS, "tp", "tn", "fp", "fn", "n", "model", "seed", "split", "condition"} <= set(rows[0])
        assert rows[0]["auc"] is None
    with pytest.raises(ValueError, match="fake or real"):
        report(table, positive="REAL")
