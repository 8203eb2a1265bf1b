"""Changes under corruptions and matrices across data sets, against scikit-learn and plain loops."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import accuracy_score, roc_auc_score
from synthetic_predictions import predictions

from dfd_lib.evaluation.aggregate import aggregate
from dfd_lib.evaluation.changes import auc_changes, paired_scores, robustness_findings
from dfd_lib.evaluation.cross import cross_findings, cross_table
from dfd_lib.evaluation.metrics import evaluate
from dfd_lib.evaluation.uncertainty import resample_weights


@pytest.fixture(scope="module")
def corrupted():
    """Two models on test under clean, a condition that blurs their scores, and one that changes nothing."""
    clean = predictions(groups=60)
    clean = clean[clean["split"] == "test"].reset_index(drop=True)
    random = np.random.default_rng(5)
    noisy = clean.assign(condition="noise-8", p_fake=np.clip(0.4 * clean["p_fake"] + 0.6 * random.uniform(size=len(clean)), 0, 1))
    return pd.concat([clean, noisy, clean.assign(condition="blur-0")], ignore_index=True)


def test_metrics_per_condition_equal_scikit_learns(corrupted):
    table = evaluate(corrupted, threshold=0.4, levels=["video"], resamples=100)
    assert len(table) == 6
    for _, row in table.iterrows():
        own = corrupted[(corrupted["model"] == row["model"]) & (corrupted["condition"] == row["condition"])]
        clips = own.groupby("video")[["label", "p_fake"]].mean()
        assert row["auc"] == pytest.approx(roc_auc_score(clips["label"], clips["p_fake"]))
        assert row["accuracy"] == pytest.approx(accuracy_score(clips["label"], clips["p_fake"] >= 0.4))


def test_changes_equal_plain_loops_over_paired_resamples(corrupted):
    table = auc_changes(corrupted, resamples=400, seed=3).set_index(["model", "condition"])
    clips = aggregate(corrupted)
    weights = resample_weights(clips["group"], 400, 3)
    own = clips[clips["model"] == "a"]
    clean, noisy = (own[own["condition"] == name].set_index("video").sort_index() for name in ("clean", "noise-8"))
    change = roc_auc_score(noisy["label"], noisy["p_fake"]) - roc_auc_score(clean["label"], clean["p_fake"])
    assert table.loc[("a", "noise-8"), "auc_change"] == pytest.approx(change)
    samples = [
        np.subtract(
            *(roc_auc_score(side["label"], side["p_fake"], sample_weight=side["group"].map(weights[draw])) for side in (noisy, clean))
        )
        for draw in weights.columns
    ]
    low, high = np.quantile(samples, [0.025, 0.975])
    found = table.loc[("a", "noise-8")]
    spread = high - low  # ours are a little wider, for few groups
    assert found["auc_change_low"] == pytest.approx(low, abs=0.15 * spread) and found["auc_change_low"] <= low
    assert found["auc_change_high"] == pytest.approx(high, abs=0.15 * spread) and found["auc_change_high"] >= high
    same = table.loc[("b", "blur-0"), ["auc_change", "auc_change_low", "auc_change_high"]]
    assert same.tolist() == [0, 0, 0], "what changes nothing changes nothing, in every resample"
    assert np.isnan(table.loc[("b", "clean"), "auc_change_low"])


def test_without_clean_rows_there_is_no_change(corrupted):
    with pytest.raises(ValueError, match="rows under clean"):
        auc_changes(corrupted[corrupted["condition"] != "clean"], resamples=100)


def test_two_trainings_are_paired(corrupted):
    clips = aggregate(corrupted)
    own = clips[clips["model"] == "a"]
    clean, noisy = (own[own["condition"] == name] for name in ("clean", "noise-8"))
    found = paired_scores(clean, noisy.sample(frac=1, random_state=1), resamples=400)
    assert found["auc_before"] == pytest.approx(roc_auc_score(clean["label"], clean["p_fake"]))
    assert found["change"] == pytest.approx(found["auc_after"] - found["auc_before"])
    assert found["change_low"] < found["change"] < found["change_high"]
    assert found["recall_before"] == pytest.approx((clean.loc[clean["label"] == 1, "p_fake"] >= 0.5).mean())
    assert found["recall_before_low"] < found["recall_before"] < found["recall_before_high"]
    strict = paired_scores(clean, noisy, threshold=0.9, resamples=100)
    assert strict["recall_before"] < found["recall_before"] and strict["auc_before"] == found["auc_before"]
    nothing = paired_scores(clean, clean, resamples=100)
    assert [nothing[f"change{end}"] for end in ("", "_low", "_high")] == [0, 0, 0]


def test_what_is_said_of_robustness_is_in_the_table(corrupted):
    table = evaluate(corrupted, levels=["video"], resamples=100)
    table = table.merge(auc_changes(corrupted, resamples=100), on=["model", "seed", "condition"])
    said = robustness_findings(table, "a")
    worst = table[table["model"] == "a"].set_index("condition").loc["noise-8"]
    assert "noise-8" in said[0] and f"{worst['auc']:.3f}"[1:] in said[0] and "of 2 conditions" in said[0]
    assert "under 0 of 2 conditions, else b" in said[1] or "a is the best" in said[1]
    assert robustness_findings(table[table["condition"] == "clean"], "a") == ["No corruption was asked for."]


@pytest.fixture(scope="module")
def crossed():
    """Models m and n, trained in `one` and `two`: at home they know, elsewhere they guess, and n of two is upside down on one."""
    parts = []
    for place, scored_on in enumerate(("one", "two")):
        for trained_on in ("one", "two"):
            signal = 1.5 if trained_on == scored_on else 0.0
            table = predictions(models=("m", "n"), groups=80, signal=signal, seed=10 * place + len(trained_on + scored_on))
            upside = (table["model"] == "n") & (scored_on == "one") & (trained_on == "two")
            table["p_fake"] = np.where(upside, 0.5 + (1 - table["label"]) * 0.4 - 0.3 * table["p_fake"], table["p_fake"])
            parts.append(table.assign(model=table["model"] + "@" + trained_on, dataset=scored_on))
    table = pd.concat(parts, ignore_index=True)
    return table[table["split"] == "test"]


def test_the_matrix_equals_plain_loops(crossed):
    table = cross_table(crossed, threshold=0.5, resamples=200).set_index(["model", "trained_on", "scored_on"])
    assert len(table) == 8
    for model in ("m", "n"):
        for here in ("one", "two"):
            for there in ("one", "two"):
                rows = crossed[(crossed["model"] == f"{model}@{here}") & (crossed["dataset"] == there)]
                clips = rows.groupby("video")[["label", "p_fake"]].mean()
                found = table.loc[(model, here, there)]
                assert found["auc"] == pytest.approx(roc_auc_score(clips["label"], clips["p_fake"]))
                assert found["accuracy"] == pytest.approx(accuracy_score(clips["label"], clips["p_fake"] >= 0.5))
                assert found["chance"] == (found["auc_low"] <= 0.5 <= found["auc_high"])


def test_what_is_said_of_other_data_is_counted(crossed):
    table = cross_table(crossed, resamples=200)
    said = cross_findings(table, "one", "m")
    foreign = table[table["trained_on"] != table["scored_on"]]
    assert "trained on one" in said[0] and "on two" in said[0]
    better, worse = (foreign["auc_low"] > 0.5).sum(), (foreign["auc_high"] < 0.5).sum()
    assert worse == 1
    assert said[1].startswith(f"Of 4 pairs of a model and data that it was not trained on, {better} came out better")
    assert f"{worse} worse, and {4 - better - worse} cannot be told" in said[1]


def test_a_name_must_say_where_it_was_trained(crossed):
    with pytest.raises(ValueError, match="<model>@<trained on>"):
        cross_table(crossed.assign(model="m"))
