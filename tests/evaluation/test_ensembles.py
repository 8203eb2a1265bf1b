"""The search over ensembles, against the metrics table, scikit-learn and fits written out."""

import itertools

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from synthetic_predictions import predictions

from dfd_lib.evaluation import contest, ensembles
from dfd_lib.evaluation.aggregate import aggregate, aggregate_persons
from dfd_lib.evaluation.auc import clustered_auc
from dfd_lib.evaluation.contest import Side, enter, group_folds
from dfd_lib.evaluation.diversity import MEASURES, diversity
from dfd_lib.evaluation.ensembles import ensemble_predictions, search, verdict
from dfd_lib.evaluation.metrics import evaluate
from dfd_lib.evaluation.rules import FITTED, RULES, logit

NAMES = ["a", "b", "c"]


@pytest.fixture(scope="module")
def table() -> pd.DataFrame:
    """Three models on clips of two people, 20 groups a split."""
    return predictions(models=NAMES, groups=80, faces=2, noise=1.5)


@pytest.fixture(scope="module")
def found(table) -> pd.DataFrame:
    return search(table)


def test_every_subset_under_every_rule_once(found):
    assert len(found) == 3 + 5 * 4 and found["name"].is_unique
    assert found["rule"].value_counts().to_dict() == {"single": 3, **dict.fromkeys(RULES, 4)}
    assert set(found.loc[found["rule"] == "vote", "name"]) == {"vote(a+b)", "vote(a+c)", "vote(b+c)", "vote(a+b+c)"}
    assert (found["size"] == found["members"].str.count(r"\+") + 1).all()


def test_the_best_single_model_stands_first_and_the_rest_by_validation(found):
    singles = found[found["rule"] == "single"]
    assert found.iloc[0]["name"] == singles.loc[singles["val_auc"].idxmax(), "name"]
    assert (found.iloc[0]["gain"], found.iloc[0]["gain_low"]) == pytest.approx((0, np.nan), nan_ok=True)
    assert found["val_auc"][1:].is_monotonic_decreasing
    assert found["gain"].to_numpy() == pytest.approx((found["test_auc"] - found["test_auc"][0]).to_numpy())


@pytest.mark.parametrize("level", ["frame", "video"])
def test_numbers_are_those_of_the_ensemble_s_own_predictions(table, level):
    """The fast path in bulk and the predictions table of one ensemble, evaluated like any model, must agree."""
    found = search(table, level=level)
    own = ensemble_predictions(table, found[found["size"] > 1])
    metrics = evaluate(own, levels=[level]).set_index(["model", "split"])
    for row in found[found["size"] > 1].itertuples():
        assert metrics.loc[(row.name, "val"), "auc"] == pytest.approx(row.val_auc)
        assert metrics.loc[(row.name, "test"), ["auc", "accuracy"]].tolist() == pytest.approx([row.test_auc, row.test_accuracy])
        assert metrics.loc[(row.name, "test"), "n"] == row.n_test


def test_stacking_is_scored_out_of_fold_and_refitted_for_test(table):
    """Written out with scikit-learn, fold by fold."""
    found = search(table, ["a", "b"], ["stacking"], level="frame")
    wide = table.pivot(index=["split", "group", "path", "label"], columns="model", values="p_fake")[["a", "b"]]
    val, test = (wide.loc[split].reset_index() for split in ("val", "test"))
    fold = group_folds(val["group"].to_numpy(), 5, seed=1)

    def fitted(rows):
        return LogisticRegression(C=1, tol=1e-10).fit(logit(rows[["a", "b"]]), rows["label"])

    held_out = np.empty(len(val))
    for one in range(5):
        held_out[fold == one] = fitted(val[fold != one]).predict_proba(logit(val.loc[fold == one, ["a", "b"]]))[:, 1]
    row = found.set_index("name").loc["stacking(a+b)"]
    assert row["val_auc"] == pytest.approx(roc_auc_score(val["label"], held_out))
    assert row["test_auc"] == pytest.approx(roc_auc_score(test["label"], fitted(val).predict_proba(logit(test[["a", "b"]]))[:, 1]))


@pytest.mark.parametrize("rule", FITTED)
def test_fitted_rules_do_not_see_the_group_they_are_scored_on(rule):
    """Turning the labels of one group changes the scores of others, and of the refitted rule, but not its own."""
    random = np.random.default_rng(2)
    label, group, scores = random.integers(0, 2, 200), np.arange(200) // 5, random.random((200, 3))
    own, fold = group == 7, group_folds(group, 5, seed=1)

    def held_out(label):
        val = Side(scores, label, group, np.arange(200))
        contender = enter(rule, np.ones((1, 3), bool), val, fold)
        return contender.out_of_fold(val, fold)[:, 0], contender.refitted(scores)[:, 0]

    (before, refitted_before), (after, refitted_after) = held_out(label), held_out(np.where(own, 1 - label, label))
    assert after[own] == pytest.approx(before[own], abs=1e-7)  # Newton's method stops a hair apart
    elsewhere = fold != fold[own][0]
    assert np.abs(after - before)[elsewhere].max() > 1e-3 and np.abs(refitted_after - refitted_before).max() > 1e-3


def test_folds_keep_groups_whole_and_are_all_used():
    group = np.repeat(np.arange(23), np.arange(23) % 4 + 1)
    fold = group_folds(group, 5, seed=1)
    assert set(fold) == set(range(5))
    assert all(len(set(fold[group == one])) == 1 for one in range(23))
    assert set(group_folds(np.array([1, 1, 2, 3]), 5, seed=1)) == {0, 1, 2}
    assert (fold != group_folds(group, 5, seed=2)).any()
    with pytest.raises(ValueError, match="at least two groups"):
        group_folds(np.array([1, 1]), 5, seed=1)


def test_the_gain_s_interval_is_the_clustered_covariance_of_the_difference(table, found):
    row = found[found["rule"] == "mean"].iloc[0]
    persons = aggregate_persons(table[table["split"] == "test"])
    wide = persons.pivot(index=["group", "video", "face", "label"], columns="model", values="p_fake")
    wide["ensemble"] = wide[row["members"].split("+")].mean(axis=1)
    clips = wide.groupby(["group", "video", "label"]).max().reset_index()
    auc, covariance = clustered_auc(clips["label"], clips[["ensemble", found.iloc[0]["name"]]], clips["group"])
    error = np.sqrt(covariance[0, 0] + covariance[1, 1] - 2 * covariance[0, 1])
    assert row["gain"] == pytest.approx(auc[0] - auc[1])
    assert (row["gain_high"] - row["gain_low"]) / 2 == pytest.approx(2.093 * error, rel=1e-3)  # Student's t, 19 degrees of freedom


def test_the_best_get_a_bootstrap_interval_that_agrees_with_the_closed_form(monkeypatch):
    monkeypatch.setattr(ensembles, "BOOTSTRAPPED", 3)
    table = predictions(models=NAMES, groups=400, clips=2, frames=2, noise=1.5)
    closed, drawn = search(table), search(table, resamples=2000)
    assert drawn["interval"].tolist() == ["closed form", *["bootstrap"] * 3, *["closed form"] * (len(drawn) - 4)]
    ends = ["gain_low", "gain_high"]
    assert drawn.loc[1:3, ends].to_numpy() == pytest.approx(closed.loc[1:3, ends].to_numpy(), abs=0.004)
    assert (drawn.loc[1:3, ends].to_numpy() != closed.loc[1:3, ends].to_numpy()).all()
    own = evaluate(table[table["split"] == "test"], levels=["video"], resamples=2000).set_index("model").loc[drawn.loc[0, "name"]]
    scores = [f"test_{name}_{end}" for name in ("auc", "accuracy") for end in ("low", "high")]
    assert drawn.loc[0, scores].tolist() == pytest.approx([own[name.removeprefix("test_")] for name in scores])
    assert drawn.loc[:3, scores].notna().all(axis=None) and drawn.loc[4:, scores].isna().all(axis=None)
    ends += [*scores, "interval"]
    pd.testing.assert_frame_equal(drawn.drop(columns=ends), closed.drop(columns=ends))


def test_beyond_ten_members_greedy_selection_adds_the_best_one_by_one(monkeypatch):
    """To every subset of the best, whether members are named or not."""
    table = predictions(models=list("abcde"), groups=80, clips=2, frames=1, noise=2)
    every = search(table, rules=["mean"])
    assert not every["greedy"].any() and len(every) == 2**5 - 1
    monkeypatch.setattr(ensembles, "EXHAUSTIVE", 3)
    found = search(table, rules=["mean"])
    val_auc = every.set_index("members")["val_auc"]
    best = sorted(val_auc[list("abcde")].nlargest(3).index)
    inside, met = [found.iloc[0]["name"]], set()
    while len(inside) < 5:
        tried = ["+".join(sorted([*inside, one])) for one in "abcde" if one not in inside]
        met |= set(tried)
        inside = val_auc[tried].idxmax().split("+")
    subsets = {"+".join(some) for size in (2, 3) for some in itertools.combinations(best, size)}
    ours = found[found["rule"] == "mean"]
    assert set(ours["members"]) == subsets | met and ours["members"].is_unique
    assert set(ours.loc[ours["greedy"], "members"]) == met - subsets
    assert not found.loc[found["rule"] == "single", "greedy"].any()
    pd.testing.assert_frame_equal(search(table, list("abcde"), rules=["mean"]), found)


def test_rows_that_a_member_lacks_are_dropped_and_counted(table):
    lacking = table[~((table["model"] == "b") & table["video"].isin(["g1/c0", "g3/c1"]))]
    found = search(lacking, rules=["mean"])
    assert set(found["dropped"]) == {4}  # two clips of two people
    assert (found["n_val"].iloc[0], found["n_test"].iloc[0]) == (79, 79)
    assert "4 rows that some model lacks" in verdict(found)


def test_seeds_are_averaged_and_named_so():
    table = predictions(models=["a", "b"], seeds=[1, 2, 3], groups=80)
    found = search(table, rules=["mean"])
    assert set(found["name"]) == {"a of 3 seeds", "b of 3 seeds", "mean(a+b) of 3 seeds"}
    assert "Each model is the mean of its 3 seeds, an ensemble itself." in verdict(found)
    mean = table.groupby(["model", "split", "video", "label"])["p_fake"].mean().reset_index().query("model == 'a' and split == 'val'")
    assert found.set_index("members").loc["a", "val_auc"] == pytest.approx(roc_auc_score(mean["label"], mean["p_fake"]))
    assert set(ensemble_predictions(table, found.iloc[1])["seed"]) == {0}


def test_members_at_different_levels_meet_at_level_video(table):
    frames = table[table["model"] != "c"]
    sequence = aggregate_persons(table[table["model"] == "c"], "max")
    mixed = pd.concat([frames, sequence], ignore_index=True)
    found = search(mixed, rules=["mean"])
    assert set(found["n_test"]) == {80}
    assert set(ensemble_predictions(mixed, found[found["members"] == "a+c"])["level"]) == {"video"}
    with pytest.raises(ValueError, match=r"c has none\. Join them at level video"):
        search(mixed, level="frame")


def test_an_ensemble_scores_other_conditions_and_data_sets_with_what_it_learned_on_val(table, found):
    noisy = table[table["split"] == "test"].assign(condition="jpeg 50")
    other = table[table["split"] == "test"].assign(dataset="other")
    row = found[found["rule"] == "stacking"].iloc[0]
    own = ensemble_predictions(pd.concat([table, noisy, other], ignore_index=True), row)
    clean = own[(own["split"] == "test") & (own["condition"] == "clean") & (own["dataset"] == "made_up")]
    for part in (own[own["condition"] == "jpeg 50"], own[own["dataset"] == "other"]):
        assert part["p_fake"].to_numpy() == pytest.approx(clean["p_fake"].to_numpy())
    assert len(own) == 80 * 4 * 2 + 2 * 80 * 2
    assert set(own["model"]) == {row["name"]} and set(own["seed"]) == {1}


def test_without_test_rows_only_validation_is_told(table):
    found = search(table[table["split"] == "val"], rules=["mean"])
    assert found["test_auc"].isna().all() and set(found["n_test"]) == {0}
    assert "nothing can be said" in verdict(found)
    fakes = search(table[(table["split"] == "val") | (table["label"] == 1)], rules=["mean"])
    assert fakes["test_auc"].isna().all() and fakes["test_accuracy"].notna().all()


@pytest.mark.parametrize(
    ("change", "options", "said"),
    [
        (lambda table: table, {"rules": ["median"]}, "rules: expected mean"),
        (lambda table: table, {"members": ["a", "z"]}, "came z"),
        (lambda table: table, {"members": []}, "came none"),
        (lambda table: table, {"dataset": "celeb"}, "came 'celeb' of"),
        (lambda table: table[table["split"] != "val"], {}, "split val, came None"),
        (lambda table: table[(table["split"] != "val") | (table["label"] == 1)], {}, "came one class"),
        (lambda table: pd.concat([table, table.assign(dataset="other")]), {}, "Name one"),
        (lambda table: table.assign(model=table["model"].replace("a", "mean(x+y)")), {}, "without '\\+'"),
        (lambda table: table[(table["model"] == "a") == (table["group"].str[-1] < "5")], {}, "all scored, came none"),
    ],
)
def test_bad_input_is_named(table, change, options, said):
    with pytest.raises(ValueError, match=said):
        search(change(table), **options)


def ranked(gain, low, high, val=0.9, **facts):
    rows = {
        "name": ["lenet", "mean(lenet+meso4)"], "rule": ["single", "mean"], "val_auc": [0.85, val], "test_auc": [0.84, 0.84 + gain],
        "gain": [0.0, gain], "gain_low": [np.nan, low], "gain_high": [np.nan, high], "seeds": 1, "dropped": 0,
        "test_auc_low": 0.8, "test_auc_high": 0.9, "level": "video", "aggregator": "mean", "frames_per_clip": 5.0,
    }  # fmt: skip
    return pd.DataFrame({**rows, **facts})


def test_verdict_in_words():
    assert verdict(ranked(0.02, 0.005, 0.035)).endswith(
        "test AUC by clip (mean of 5 frames) of .860 (.800–.900), the best single model, lenet, .840 (.800–.900): "
        "a real gain of +.020 (+.005 to +.035)."
    )
    assert "no real gain, +.020 (−.005 to +.045) could be chance." in verdict(ranked(0.02, -0.005, 0.045))
    assert "a real loss of −.020" in verdict(ranked(-0.02, -0.03, -0.01))
    assert "does not even beat the best single model there" in verdict(ranked(0.0, -0.01, 0.01, val=0.84))
    assert verdict(ranked(0, 0, 0).head(1)) == "lenet stands alone: there is nothing to combine."


def test_diversity_by_hand():
    table = predictions(models=["a", "b"], groups=8, clips=2, frames=1)
    val = table["split"] == "val"
    clips = table.loc[val & (table["model"] == "a"), "video"].tolist()
    # of four clips a misses the first two, b the second and third
    for model, missed in (("a", clips[:2]), ("b", clips[1:3])):
        own = val & (table["model"] == model)
        table.loc[own, "p_fake"] = (table["label"] != table["video"].isin(missed)).astype(float)
    row = diversity(table).iloc[0]
    assert (row["n"], row["disagreement"], row["double_fault"], row["error_correlation"]) == (4, 0.5, 0.25, 0.0)
    assert row[["split", "level", "aggregator", "frames_per_clip"]].tolist() == ["val", "video", "mean", 1]


def test_diversity_of_seeds_is_that_of_their_ensembles_and_has_intervals():
    table = predictions(models=["a", "b"], seeds=[1, 2], groups=80)
    row = diversity(table, resamples=300).iloc[0]
    assert (row["left"], row["right"]) == ("a of 2 seeds", "b of 2 seeds")
    clips = aggregate(table[table["split"] == "val"]).groupby(["model", "video", "group", "label"])["p_fake"].mean().unstack("model")
    wrong = ((clips >= 0.5).to_numpy() != (clips.index.get_level_values("label") == 1)[:, None]).T
    assert row["disagreement"] == pytest.approx((wrong[0] != wrong[1]).mean())
    group, random = clips.index.get_level_values("group"), np.random.default_rng(5)
    rows_of = [np.flatnonzero(group == one) for one in group.unique()]
    draws = [np.concatenate([rows_of[one] for one in random.integers(20, size=20)]) for _ in range(300)]
    truth = np.std([(wrong[0, own] != wrong[1, own]).mean() for own in draws])
    assert (row["disagreement_high"] - row["disagreement_low"]) / 4 == pytest.approx(truth, rel=0.3)
    assert all(row[f"{name}_low"] <= row[name] <= row[f"{name}_high"] for name in MEASURES)


def test_diversity_correlates_errors_like_numpy(table):
    pairs = diversity(table, level="frame", split="test", threshold=0.6)
    assert list(zip(pairs["left"], pairs["right"], strict=True)) == [("a", "b"), ("a", "c"), ("b", "c")]
    test = table[table["split"] == "test"]
    wrong = test.assign(wrong=(test["p_fake"] >= 0.6) != test["label"]).pivot(index="path", columns="model", values="wrong").astype(float)
    assert pairs["error_correlation"].to_numpy() == pytest.approx(np.corrcoef(wrong.T)[np.triu_indices(3, 1)])
    never = table.assign(p_fake=table["p_fake"].where(table["model"] != "a", table["label"].astype(float)))
    assert np.isnan(diversity(never).iloc[0]["error_correlation"])


def test_scores_of_many_blocks_equal_one_block(table, monkeypatch):
    whole = search(table)
    monkeypatch.setattr(contest, "_BLOCK", 3)
    pd.testing.assert_frame_equal(search(table), whole)
