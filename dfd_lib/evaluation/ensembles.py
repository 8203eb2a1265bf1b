"""Which ensemble is best, and does it really beat the best single model?

Everything is chosen on `val`, where fitted rules are scored out of fold by
group; `test` stands beside it, to be read.
"""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dfd_lib.evaluation.aggregate import frames_per_person
from dfd_lib.evaluation.combined import refit
from dfd_lib.evaluation.contest import Contender, Side, enter, group_folds, leaders, read_test, singles, subsets, val_auc
from dfd_lib.evaluation.matrix import ScoreMatrix, score_matrix
from dfd_lib.evaluation.rules import RULES
from dfd_lib.evaluation.uncertainty import at_the_edge, bootstrap, interval, resample_weights
from dfd_lib.formats import between, by_clip
from dfd_lib.tables import check_predictions

EXHAUSTIVE = 10
"""Of so many members, the best on val, every subset is tried; beyond, greedy forward selection (Caruana et al. 2004)."""

BOOTSTRAPPED = 20
"""How many of the best by validation get bootstrap intervals."""

_ENDS = ("test_auc_low", "test_auc_high", "test_accuracy_low", "test_accuracy_high")


def search(
    predictions: pd.DataFrame,
    members: Sequence[str] | None = None,
    rules: Sequence[str] = RULES,
    *,
    level: str = "video",
    aggregator: str = "mean",
    threshold: float = 0.5,
    dataset: str | None = None,
    folds: int = 5,
    seed: int = 1,
    resamples: int = 0,
) -> pd.DataFrame:
    """Try the ensembles of the members; the best single model by validation is the first row.

    Members are joined crop by crop (level frame) or person by person (level
    video, a clip then being its most suspicious person); a row that one of them lacks is
    dropped for all, and counted. A model with several seeds takes part as the
    mean of their `p_fake`: an ensemble already, and its name says so.

    Args:
        predictions: with rows of `val` and, to read the result, of `test`.
        members: model names; default: all. With more than `EXHAUSTIVE`, every subset of as many of the best on
            val is tried, and those that greedy forward selection over all of them meets.
        rules: of `rules.RULES`.
        level: `frame` or `video`.
        aggregator: how frames become a person's score.
        threshold: for test_accuracy; `p_fake >= threshold` is FAKE.
        dataset: which; needed if val has several.
        folds: for the out-of-fold scores.
        seed: of the folds and the resamples.
        resamples: if not 0, the `BOOTSTRAPPED` best by validation get their gain's
            interval from a bootstrap over groups instead of the closed form, and they and
            the best single model intervals of test_auc and test_accuracy, NaN elsewhere.

    Returns:
        A row for each model (rule `single`) and each ensemble of two or more, by
        val_auc, after the best single model: name, rule, members (joined by `+`), size,
        greedy (met by greedy forward selection alone), val_auc, test_auc, test_accuracy, gain (in test AUC over
        the first row), each but the first with `_low` and `_high` (95 %), interval (of the gain: `closed form` or `bootstrap`); and what
        makes a row a recipe: dataset, level, aggregator, folds, seed; frames_per_clip (in the median;
        NaN = none), seeds (models' seeds averaged in each member), n_val, n_test (crops or clips), dropped.
        Test columns are NaN where test has no rows or one class.

    Raises:
        ValueError: an unknown rule, level or member, no val, or val of one class.
    """
    unknown = [rule for rule in rules if rule not in RULES]
    if unknown:
        raise ValueError(f"rules: expected {', '.join(RULES)}; came {', '.join(unknown)}. Choose among them.")
    matrix = _matrix(predictions, members, level, aggregator, dataset)
    names, scores = matrix.mean_over_seeds()
    val, test = (_side(matrix, scores, matrix.rows["split"] == split) for split in ("val", "test"))
    if val.clusters is None:
        raise ValueError("ensembles: expected reals and fakes in split val, came one class. Ensembles are chosen there: give it both.")
    fold = group_folds(val.group, folds, seed)
    contenders = [singles(len(names)), *(enter(rule, subsets(rule, val, fold, EXHAUSTIVE), val, fold) for rule in rules if len(names) > 1)]
    best = test.scores[:, np.argmax(val.auc(val.scores))]
    others = np.delete(np.arange(len(names)), leaders(val, EXHAUSTIVE))
    tables = [
        _rows(one, names, others).assign(val_auc=val_auc(one, val, fold), **read_test(one, test, best, threshold)) for one in contenders
    ]
    table = _best_single_first(pd.concat(tables, ignore_index=True)).assign(**dict.fromkeys(_ENDS, np.nan), interval="closed form")
    if resamples and test.clusters:
        weights = resample_weights(test.clip_group, resamples, seed)
        table = _with_bootstrap(table, {one.rule: one for one in contenders}, test, best, threshold, weights)
    seeds = int(matrix.columns.get_level_values("model").value_counts().max())
    table["name"] += f" of {seeds} seeds" if seeds > 1 else ""
    recipe = {"dataset": matrix.rows["dataset"].iloc[0], "level": level, "aggregator": aggregator, "folds": folds, "seed": seed}
    frames = frames_per_person(predictions[predictions["split"] == "test"]).median() if level == "video" else np.nan
    counts = {"frames_per_clip": frames, "seeds": seeds, "n_val": len(val.fake), "n_test": len(test.fake), "dropped": matrix.dropped}
    return table.drop(columns="column").assign(**recipe, **counts)


def _matrix(predictions: pd.DataFrame, members: Sequence[str] | None, level: str, aggregator: str, dataset: str | None) -> ScoreMatrix:
    """Clean rows of val and test of one data set, side by side."""
    chosen = predictions[predictions["split"].isin(["val", "test"]) & (predictions["condition"] == "clean")]
    there = list(chosen.loc[chosen["split"] == "val", "dataset"].unique())
    if (dataset is None and len(there) != 1) or (dataset is not None and dataset not in there):
        raise ValueError(f"dataset: expected one with clean rows of split val, came {dataset!r} of {there}. Name one (dataset=...).")
    matrix = score_matrix(chosen[chosen["dataset"] == (dataset or there[0])], level, aggregator, members)
    joined = [name for name in matrix.columns.get_level_values("model") if "+" in name]
    if joined:
        raise ValueError(f"members: expected names without '+', came {joined[0]!r}. Take its own members instead.")
    return matrix


def _side(matrix: ScoreMatrix, scores: np.ndarray, chosen: pd.Series) -> Side:
    """Some rows of the matrix, clip by clip (or crop by crop at level frame)."""
    rows = matrix.rows[chosen]
    clip = rows.groupby(["dataset", "split", "condition", "path", "video"], sort=False).ngroup().to_numpy()
    order = np.argsort(clip, kind="stable")
    return Side(scores[chosen][order], rows["label"].to_numpy()[order], rows["group"].to_numpy()[order], clip[order])


def _rows(contender: Contender, names: list[str], others: np.ndarray) -> pd.DataFrame:
    """Name, rule, members, size, place (`column`), and whether greedy selection met it, of each of a contender's ensembles."""
    members = ["+".join(itertools.compress(names, mask)) for mask in contender.masks]
    called = members if contender.rule == "single" else [f"{contender.rule}({one})" for one in members]
    greedy = (contender.rule != "single") & contender.masks[:, others].any(axis=1)
    facts = {"size": contender.masks.sum(axis=1), "greedy": greedy, "column": range(len(members))}
    return pd.DataFrame({"name": called, "rule": contender.rule, "members": members, **facts})


def _best_single_first(table: pd.DataFrame) -> pd.DataFrame:
    """By validation, the smaller of equals first; the best single model, which gains nothing on itself, on top."""
    # AUCs of equal rank orders may differ in their last digit
    order = np.lexsort((table["size"], -table["val_auc"].round(12)))
    table = table.iloc[order].reset_index(drop=True)
    top = table.index[table["rule"] == "single"][0]
    table.loc[top, ["gain_low", "gain_high"]] = np.nan
    return table.loc[[top, *table.index.drop(top)]].reset_index(drop=True)


def _with_bootstrap(
    table: pd.DataFrame, contenders: dict[str, Contender], test: Side, best: np.ndarray, threshold: float, weights: pd.DataFrame
) -> pd.DataFrame:
    """The best by validation, and the best single model on top, get intervals from paired resamples of groups."""
    fewest = min(len(np.unique(test.clip_group[test.fake == fake])) for fake in (True, False))

    def draw(scores: np.ndarray) -> dict[str, np.ndarray]:
        return bootstrap(test.fake, test.of_clips(scores)[:, 0], test.clip_group, weights, threshold)

    base = draw(best[:, None])
    found = {}
    for place, row in table.head(BOOTSTRAPPED + 1).iterrows():
        chosen = slice(row["column"], row["column"] + 1)
        own = base if place == 0 else draw(contenders[row["rule"]].refitted.pick(chosen)(test.scores))
        ends = {name: interval(own[name.removeprefix("test_")], len(weights)) for name in ("test_auc", "test_accuracy")}
        found[place] = {name: at_the_edge(row[name], *map(float, pair), fewest) for name, pair in ends.items()}
        if place:
            found[place]["gain"] = tuple(map(float, interval(own["auc"] - base["auc"], len(weights))))
            table.loc[place, "interval"] = "bootstrap"
    for place, pairs in found.items():
        for name, (low, high) in pairs.items():
            table.loc[place, [f"{name}_low", f"{name}_high"]] = low, high
    return table


def ensemble_predictions(predictions: pd.DataFrame, row: Mapping[str, Any] | pd.Series | pd.DataFrame) -> pd.DataFrame:
    """Score every row that all members scored with one ensemble: a predictions table like any model's.

    What is fitted is fitted again on all clean rows of val of the ensemble's data
    set. Those rows themselves get their out-of-fold scores, so that numbers on val stay honest.

    Args:
        predictions: of the members, any splits, conditions and data sets.
        row: of the table of `search`, or some rows of it.

    Returns:
        Predictions of the model `row["name"]`, at the level of the search. `seed`
        is the members' seed, or 0 where they have several.

    Raises:
        ValueError: a member or its validation rows are missing.
    """
    if isinstance(row, pd.DataFrame):
        if row.empty:  # one model: nothing to combine
            return predictions.head(0)
        return pd.concat([ensemble_predictions(predictions, one) for _, one in row.iterrows()], ignore_index=True)
    found = refit(predictions, row)
    p_fake = found.combination(found.scores)[:, 0]
    p_fake[found.in_val] = found.out_of_fold
    seeds = found.matrix.columns.get_level_values("seed").unique()
    return check_predictions(found.matrix.rows.assign(model=row["name"], seed=int(seeds[0]) if len(seeds) == 1 else 0, p_fake=p_fake))


def verdict(table: pd.DataFrame) -> str:
    """Say in words whether ensembling really helped, from the table of `search`."""
    single, ensembles = table.iloc[0], table[table["rule"] != "single"]
    if ensembles.empty:
        return f"{single['name']} stands alone: there is nothing to combine."
    best = ensembles.iloc[0]
    won = best["val_auc"] > single["val_auc"]
    how = by_clip(single["aggregator"], single["frames_per_clip"]) if single["level"] == "video" else "by crop"
    said = f"The best ensemble on validation, {best['name']}, " + ("" if won else "does not even beat the best single model there; it ")
    said += f"has a test AUC {how} of {_auc(best)}, the best single model, {single['name']}, {_auc(single)}: "
    return said + _judge(best) + _small_print(single)


def _auc(row: pd.Series) -> str:
    return between(row["test_auc"], row["test_auc_low"], row["test_auc_high"])


def _judge(best: pd.Series) -> str:
    if np.isnan(best["gain"]):
        return "without both classes in test, nothing can be said of a gain."
    gain = between(best["gain"], best["gain_low"], best["gain_high"], sign=True)
    if best["gain_low"] > 0:
        return f"a real gain of {gain}."
    return f"a real loss of {gain}." if best["gain_high"] < 0 else f"no real gain, {gain} could be chance."


def _small_print(single: pd.Series) -> str:
    seeds = f" Each model is the mean of its {single['seeds']} seeds, an ensemble itself." if single["seeds"] > 1 else ""
    return seeds + (f" {single['dropped']} rows that some model lacks were left out." if single["dropped"] else "")
