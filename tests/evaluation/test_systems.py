"""Published systems side by side, against metrics and differences by hand."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score

from dfd_lib.evaluation.reasons import verdict, with_reasons
from dfd_lib.evaluation.systems import ABSENT, OWN, PUBLISHED, Rebuilt, systems_table

ROWS = 240


def predictions(level="frame", **noise):
    """A model for each name; the less noise, the better."""
    label = np.arange(ROWS) % 2
    tables = []
    for number, (name, much) in enumerate(noise.items()):
        score = label + np.random.default_rng(number).normal(0, much, ROWS)
        clip = [f"v{row}" for row in range(ROWS)]
        rows = {"path": clip if level == "frame" else "", "video": clip, "group": [f"g{row // 2}" for row in range(ROWS)]}
        own = {"model": name, "seed": 1, "dataset": "toy", "split": "test", "level": level, "condition": "clean"}
        tables.append(pd.DataFrame({**rows, **own, "face": 0, "frame": 0, "label": label, "p_fake": 1 / (1 + np.exp(1 - 2 * score))}))
    return pd.concat(tables, ignore_index=True)


def test_each_way_has_its_metrics_the_claim_and_the_paired_difference():
    scored = predictions(good=0.5, poor=1.5)
    table = systems_table(scored, [Rebuilt("S0 Meso-4", ["poor"], ["good"], "fewer epochs")], resamples=200).set_index("recipe")
    assert table["models"].to_dict() == {PUBLISHED: "poor", OWN: "good"}
    for way, name in ((PUBLISHED, "poor"), (OWN, "good")):
        rows = scored[scored["model"] == name]
        assert table.loc[way, "accuracy"] == pytest.approx(accuracy_score(rows["label"], rows["p_fake"] >= 0.5))
        assert table.loc[way, "auc"] == pytest.approx(roc_auc_score(rows["label"], rows["p_fake"]))
        assert table.loc[way, "auc_low"] < table.loc[way, "auc"] < table.loc[way, "auc_high"]
        assert (table.loc[way, ["level", "aggregator", "frames_per_clip"]] == ["video", "mean", 1]).all()
        assert (table.loc[way, ["n", "groups", "seeds"]] == [ROWS, ROWS // 2, 1]).all()
        assert table.loc[way, "claimed"] == pytest.approx(6309 / 7104)
    assert table.loc[PUBLISHED, "difference"] == pytest.approx(table.loc[PUBLISHED, "auc"] - table.loc[OWN, "auc"])
    assert table.loc[PUBLISHED, "difference_high"] < 0
    assert table.loc[PUBLISHED, "p_holm"] < 0.05
    assert np.isnan(table.loc[OWN, "difference"])
    assert table["changed"].to_dict() == {PUBLISHED: "fewer epochs", OWN: ""}


def test_several_models_are_joined_by_their_mean():
    scored = predictions(one=1.0, two=1.0)
    table = systems_table(scored, [Rebuilt("S4 MiniVGGNet + LeNet", ["one", "two"], [], "")], resamples=200)
    mean = scored.groupby("video", sort=False).agg({"label": "first", "p_fake": "mean"})
    assert table["auc"].tolist() == pytest.approx([roc_auc_score(mean["label"], mean["p_fake"])])
    assert table["models"].tolist() == ["one+two"]
    assert table[["aggregator", "frames_per_clip"]].iloc[0].tolist() == ["mean", 1]
    assert table["claimed"].tolist() == [0.96]
    assert table[["claimed_low", "difference"]].isna().all(axis=None)


def test_models_of_clips_and_of_frames_meet_by_clip():
    both = pd.concat([predictions(frames=1.0), predictions("video", clips=0.5)], ignore_index=True)
    systems = [Rebuilt("S0 Meso-4", ["frames"], [], ""), Rebuilt("S1 ResNeXt-50 + LSTM", ["clips"], [], "")]
    table = systems_table(both, systems, resamples=200)
    assert table["n"].tolist() == [ROWS, ROWS]
    assert table["aggregator"].tolist() == ["mean", "none"]
    assert table["claimed"].round(3).tolist() == [0.888, 0.857]


def test_what_was_not_trained_has_a_row_that_says_so():
    systems = [Rebuilt("S4 VGG16", [], [], "no weights"), Rebuilt("S0 Meso-4", ["one"], [], "")]
    table = systems_table(predictions(one=1.0), systems, resamples=200)
    assert table["recipe"].tolist() == [ABSENT, PUBLISHED]
    assert table["changed"].tolist() == ["no weights", ""]
    assert np.isnan(table["accuracy"][0])
    assert with_reasons(table)["by_recipe"].tolist() == ["no weights", ""]


def test_reasons_join_what_they_published_and_what_was_measured():
    scored = predictions(good=0.5, poor=1.5)
    systems = [Rebuilt("S3 ten-layer dilated CNN", ["poor"], ["good"], ""), Rebuilt("S4 LeNet", ["good"], [], "")]
    tax = pd.DataFrame({"split": ["difference"], "model": "lenet", "accuracy": 0.07, "accuracy_low": 0.05, "accuracy_high": 0.09})
    guess = pd.DataFrame({"family": ["colour", "everything"], "auc": [0.55, 0.62], "auc_low": 0.5, "auc_high": 0.7})
    table = with_reasons(systems_table(scored, systems, resamples=200), tax, guess)
    dilated, lenet = table[table["recipe"] == PUBLISHED].to_dict("records")
    assert dilated["leak"] == ""
    assert dilated["shortcut"].endswith("guessing without a face (everything) has an AUC of .620 (.500–.700)")
    assert dilated["test"] == "the checkpoint was chosen on the test images"
    assert dilated["by_recipe"].startswith("a real loss in AUC against own settings, −.")
    assert dilated["gap"] == pytest.approx(dilated["claimed"] - dilated["accuracy"])
    assert lenet["test"] == "always naming the commoner class would have had 77.3 % there, and has 50.0 % here"
    assert lenet["leak"].endswith("on these data, a split at random buys lenet +.070 (+.050 to +.090) in accuracy")
    assert lenet["by_recipe"] == ""
    said = verdict(table)
    assert said[0].startswith("Of 2 published results, trained here by their own recipes, none reached the accuracy")
    assert "really worse for S3 ten-layer dilated CNN" in said[-1]
    assert "really better for none" in said[-1]


def test_nothing_asked_says_so():
    table = with_reasons(systems_table(predictions(one=1.0), []))
    assert table.empty
    assert verdict(table) == ["No published recipe was trained here: nothing is said of the systems."]
