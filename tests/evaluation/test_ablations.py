"""Differences between models on folds: against a bootstrap written out, and against what is known."""

import itertools

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from sklearn.metrics import roc_auc_score

from dfd_lib.evaluation.ablations import COLUMNS, UNDER, ablation_pairs, ablation_table, under, verdict
from dfd_lib.figures import ablations as drawn
from dfd_lib.tables import conditions_of


def predictions(strengths, folds=(1, 2), seeds=(1,), groups=40):
    """Each model sees the label with its own strength, and all share a noise."""
    parts = []
    for fold in folds:
        random = np.random.default_rng(fold)
        label, group = np.arange(4 * groups) % 2, np.arange(4 * groups) // 4
        shared = random.normal(size=len(label))
        for number, (name, strength) in enumerate(strengths.items()):
            for seed in seeds:
                noise = np.random.default_rng([fold, number, seed]).normal(size=len(label)) * 0.5
                row = {
                    "model": name,
                    "seed": seed,
                    "dataset": "d",
                    "split": "val",
                    "level": "frame",
                    "condition": "clean",
                    "face": 0,
                    "frame": 0,
                }
                names = [f"{fold}-{one}" for one in range(len(label))]
                score = 1 / (1 + np.exp(-(strength * (label - 0.5) + shared + noise)))
                who = [f"{fold}g{one}" for one in group]
                parts.append(
                    pd.DataFrame({**row, "path": names, "video": names, "group": who, "label": label, "p_fake": score, "fold": fold})
                )
    return pd.concat(parts, ignore_index=True)


@pytest.fixture(scope="module")
def table():
    return predictions({"base": 1.0, "better": 2.5, "same": 1.0, "worse": 0.2}), {"base": "base", "resamples": 200}


def test_a_row_a_model_the_base_first_then_the_best(table):
    came = ablation_table(table[0], **table[1])
    assert list(came.columns) == COLUMNS
    assert came["name"].tolist()[:2] == ["base", "better"]
    assert came["name"].iloc[-1] == "worse"
    assert came.loc[0, ["difference", "low", "high", "p"]].isna().all()
    assert (came["folds"] == 2).all()
    assert (came["n"] == 320).all()
    assert (came["groups"] == 80).all()


def test_differences_are_the_mean_over_folds_and_intervals_those_of_resampled_groups(table):
    """Written out: scikit-learn's AUC on groups drawn with replacement, each fold apart."""
    rows, how = table
    came = ablation_table(rows, **how).set_index("name")
    random, draws = np.random.default_rng(0), []
    for _, fold in rows.groupby("fold"):
        wide = fold.pivot(index=["path", "group", "label"], columns="model", values="p_fake").reset_index()
        label, *scores = (wide[name].to_numpy() for name in ("label", "better", "base"))
        pieces = np.array([*wide.groupby("group").indices.values()])
        again = [pieces[random.integers(len(pieces), size=len(pieces))].ravel() for _ in range(200)]
        draws.append([np.subtract(*(roc_auc_score(label[rows], one[rows]) for one in scores)) for rows in [np.arange(len(wide)), *again]])
    mean = np.mean(draws, axis=0)
    better = came.loc["better"]
    assert better["difference"] == pytest.approx(mean[0])
    assert (better["low"], better["high"]) == pytest.approx(tuple(np.quantile(mean[1:], [0.025, 0.975])), abs=0.02)
    assert better["p_holm"] >= better["p"]
    assert better["low"] > 0 > came.loc["worse", "high"]
    assert came.loc["same", "low"] < 0 < came.loc["same", "high"]


def test_a_model_counts_on_the_folds_that_it_shares_with_the_base():
    rows = predictions({"base": 1.0, "other": 2.0})
    one_fold = rows[(rows["model"] == "base") | (rows["fold"] == 2)]
    came = ablation_table(one_fold, "base", resamples=100).set_index("name")
    only = ablation_table(rows[rows["fold"] == 2], "base", resamples=100).set_index("name")
    assert came.loc["other", "difference"] == only.loc["other", "difference"]
    assert came.loc["other", "folds"] == 1
    with pytest.raises(ValueError, match="on a fold that both were trained for"):
        ablation_table(rows[rows["fold"] == np.where(rows["model"] == "base", 1, 2)], "base", resamples=100)
    with pytest.raises(ValueError, match="expected predictions of 'nobody'"):
        ablation_table(rows, "nobody", resamples=100)


def test_seeds_are_averaged_by_their_scores_not_by_their_answers():
    rows = predictions({"base": 1.0, "other": 1.5}, folds=(1,), seeds=(1, 2, 3))
    came = ablation_table(rows, "base", resamples=100).set_index("name")
    aucs = rows.groupby(["model", "seed"])[["label", "p_fake"]].apply(lambda one: roc_auc_score(one["label"], one["p_fake"]))
    assert came.loc["other", "difference"] == pytest.approx(aucs["other"].mean() - aucs["base"].mean())
    assert (came.loc[["base", "other"], "seeds"] == 3).all()
    luck = came[came["luck"]]
    assert luck["auc"].tolist() == pytest.approx(sorted(aucs["base"], reverse=True))
    assert luck["difference"].sum() == pytest.approx(0)
    assert luck[["low", "high", "p"]].isna().all(axis=None)


def test_what_seeds_vary_by_widens_every_interval():
    """A model with one seed against a base of three: the resamples' variance and s^2 (1 + 1/3), by Satterthwaite's degrees of freedom."""
    rows = predictions({"base": 1.0, "other": 1.5}, folds=(1,), seeds=(1, 2, 3))
    one_seed = rows[(rows["model"] == "base") | (rows["seed"] == 1)]
    came = ablation_table(one_seed, "base", resamples=400).set_index("name").loc["other"]
    aucs = [roc_auc_score(one["label"], one["p_fake"]) for _, one in rows[rows["model"] == "base"].groupby("seed")]
    of_seeds = np.var(aucs, ddof=1) * (1 + 1 / 3)
    alone = ablation_table(one_seed[one_seed["seed"] == 1], "base", resamples=400).set_index("name").loc["other"]
    of_groups = ((alone["high"] - alone["low"]) / 2 / 1.96) ** 2
    freedom = (of_seeds + of_groups) ** 2 / (of_seeds**2 / 2 + of_groups**2 / 39)
    reach = stats.t.ppf(0.975, freedom) * np.sqrt(of_seeds + of_groups)
    assert (came["high"] - came["low"]) / 2 == pytest.approx(reach, rel=0.15)
    assert came["high"] - came["difference"] == pytest.approx(came["difference"] - came["low"])


def test_a_condition_has_columns_of_its_own_and_words_of_its_own():
    clean, harmed = predictions({"base": 1.5, "jpeg": 1.5, "size": 2.5}), predictions({"base": 0.3, "jpeg": 2.0, "size": 0.4})
    both = pd.concat([clean, harmed.assign(condition="jpeg-40")], ignore_index=True)
    came = ablation_table(both, "base", resamples=200)
    alone = ablation_table(harmed, "base", resamples=200).set_index("name")
    assert conditions_of(came) == ["jpeg-40"]
    there = under(came, "jpeg-40").set_index("name")
    for name in ("base", "jpeg", "size"):
        assert there.loc[name, [*UNDER]].tolist() == pytest.approx(alone.loc[name, [*UNDER]].tolist(), nan_ok=True)
    said = verdict(came)
    assert "1 surely helps: size" in said[1]
    assert any(line.startswith("At jpeg-40, where base has .") and "1 surely helps: jpeg" in line for line in said)
    assert len(drawn(came.assign(minutes=1.0)).axes) == 3


def test_every_two_models_are_held_against_each_other_as_against_a_base(table):
    """With each model as the base in turn; Holm's correction, written out by rank, over the six pairs alone."""
    rows, how = table
    came = ablation_pairs(rows, resamples=how["resamples"])
    names = rows["model"].unique().tolist()
    assert list(zip(came["left"], came["right"], strict=True)) == [*itertools.combinations(names, 2)]
    for right, against in came.groupby("right"):
        one = ablation_table(rows, right, resamples=how["resamples"]).set_index("name").loc[against["left"]]
        np.testing.assert_allclose(against[["difference", "low", "high", "p"]], one[["difference", "low", "high", "p"]])
    ranked = came.sort_values("p")
    corrected = np.maximum.accumulate(ranked["p"].to_numpy() * np.arange(6, 0, -1)).clip(max=1)
    np.testing.assert_allclose(ranked["p_holm"], corrected)
    surely = came.set_index(["left", "right"])["significant"]
    assert surely["better", "worse"]
    assert not surely["base", "same"]


def test_two_models_that_share_no_fold_are_no_pair_and_seeds_of_a_third_widen_all():
    rows = predictions({"base": 1.0, "other": 2.0, "third": 1.5})
    apart = rows[(rows["model"] == "third") | (rows["fold"] == np.where(rows["model"] == "base", 1, 2))]
    came = ablation_pairs(apart, resamples=100)
    assert list(zip(came["left"], came["right"], strict=True)) == [("base", "third"), ("third", "other")]
    more = predictions({"base": 1.0, "other": 2.0, "third": 1.5}, seeds=(1, 2, 3))
    several = more[(more["model"] == "third") | (more["seed"] == 1)]
    wide, narrow = (ablation_pairs(one, resamples=100).iloc[0] for one in (several, rows))
    assert wide["high"] - wide["low"] > narrow["high"] - narrow["low"]
    assert ablation_pairs(rows[rows["model"] == "base"], resamples=100).empty


def test_words_and_figure_tell_what_helps_what_hurts_and_what_luck_is(table):
    came = ablation_table(table[0], **table[1]).assign(minutes=2.0)
    came.loc[came["name"] == "same", "luck"] = True
    said = verdict(came)
    assert said[0].startswith("2 changes of base, AUC .")
    assert said[1].startswith("1 surely helps: better +.")
    assert said[2].startswith("1 surely hurts: worse −.")
    assert said[3].startswith("With one seed alone base is off the mean of its seeds by ")
    assert verdict(came.head(0)) == []
    assert verdict(came[came["name"].isin(["base", "same"])]) == ["No change was tried."]
    gain, cost = drawn(came).axes
    assert [text.get_text() for text in gain.get_yticklabels()] == came["name"].tolist()[1:]
    assert [bar.get_width() for bar in cost.patches] == [2.0] * 3
    assert drawn(came.head(0)).axes
    assert drawn(came.head(1)).axes
    assert drawn(came.assign(minutes=np.nan)).axes, "of trainings on different machines they are unknown"
    with pytest.raises(ValueError, match="missing minutes"):
        drawn(came.drop(columns="minutes"))
