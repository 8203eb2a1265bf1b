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
from dfd_lib.evaluation.contest import Contender, Side, enter, group_folds, read_test, singles, subsets, val_auc
from dfd_lib.evaluation.matrix import ScoreMatrix, score_matrix
from dfd_lib.evaluation.rules import RULES
from dfd_lib.evaluation.uncertainty import bootstrap, interval, resample_weights
from dfd_lib.formats import between, share
from dfd_lib.tables import check_predictions

EXHAUSTIVE = 10
"""Up to so many members every subset is tried; beyond, greedy forward selection (Caruana et al. 2004)."""

BOOTSTRAPPED = 20
"""How many of the best by validation get a bootstrap interval of their gain."""


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
        members: model names; default: all, or the ten best on val. More than
            `EXHAUSTIVE` are searched greedily, from the best single model on.
        rules: of `rules.RULES`.
        level: `frame` or `video`.
        aggregator: how frames become a person's score.
        threshold: for test_accuracy; `p_fake >= threshold` is FAKE.
        dataset: which; needed if val has several.
        folds: for the out-of-fold scores.
        seed: of the folds and the resamples.
        resamples: if not 0, the `BOOTSTRAPPED` best by validation get their gain's
            interval from a bootstrap over groups instead of the closed form.

    Returns:
        A row for each model (rule `single`) and each ensemble of two or more, by
        val_auc, after the best single model: name, rule, members (joined by `+`), size,
        val_auc, test_auc, test_accuracy, gain (in test AUC over the first row),
        gain_low, gain_high (95 %), interval (`closed form` or `bootstrap`); and what
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
    if members is None and len(names) > EXHAUSTIVE:
        keep = np.sort(np.argsort(-val.auc(val.scores), kind="stable")[:EXHAUSTIVE])
        names, val, test = [names[place] for place in keep], val.of_members(keep), test.of_members(keep)
    fold = group_folds(val.group, folds, seed)
    contenders = [singles(len(names)), *(enter(rule, subsets(rule, val, fold, EXHAUSTIVE), val, fold) for rule in rules if len(names) > 1)]
    best = test.scores[:, np.argmax(val.auc(val.scores))]
    tables = [_rows(one, names).assign(val_auc=val_auc(one, val, fold), **read_test(one, test, best, threshold)) for one in contenders]
    table = _best_single_first(pd.concat(tables, ignore_index=True)).assign(interval="closed form")
    if resamples and test.clusters:
        table = _with_bootstrap(table, {one.rule: one for one in contenders}, test, best, resamples, seed)
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


def _rows(contender: Contender, names: list[str]) -> pd.DataFrame:
    """Name, rule, members, size and place (`column`) of each of a contender's ensembles."""
    members = ["+".join(itertools.compress(names, mask)) for mask in contender.masks]
    called = members if contender.rule == "single" else [f"{contender.rule}({one})" for one in members]
    size = contender.masks.sum(axis=1)
    return pd.DataFrame({"name": called, "rule": contender.rule, "members": members, "size": size, "column": range(len(members))})


def _best_single_first(table: pd.DataFrame) -> pd.DataFrame:
    """By validation, the smaller of equals first; the best single model, which gains nothing on itself, on top."""
    # AUCs of equal rank orders may differ in their last digit
    order = np.lexsort((table["size"], -table["val_auc"].round(12)))
    table = table.iloc[order].reset_index(drop=True)
    top = table.index[table["rule"] == "single"][0]
    table.loc[top, ["gain_low", "gain_high"]] = np.nan
    return table.loc[[top, *table.index.drop(top)]].reset_index(drop=True)


def _with_bootstrap(
    table: pd.DataFrame, contenders: dict[str, Contender], test: Side, best: np.ndarray, resamples: int, seed: int
) -> pd.DataFrame:
    """The best by validation get their gain's interval from paired resamples of groups."""
    weights = resample_weights(test.clip_group, resamples, seed)

    def draw(scores: np.ndarray) -> np.ndarray:
        return bootstrap(test.fake, test.of_clips(scores)[:, 0], test.clip_group, weights)["auc"]

    base = draw(best[:, None])
    for row in table.index[1 : BOOTSTRAPPED + 1]:
        rule, column = table.loc[row, ["rule", "column"]]
        low, high = interval(draw(contenders[rule].refitted.pick(slice(column, column + 1))(test.scores)) - base, len(weights))
        table.loc[row, ["gain_low", "gain_high", "interval"]] = float(low), float(high), "bootstrap"
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


def diversity(
    predictions: pd.DataFrame,
    members: Sequence[str] | None = None,
    *,
    level: str = "video",
    split: str = "val",
    threshold: float = 0.5,
    aggregator: str = "mean",
) -> pd.DataFrame:
    """How differently the members err: an ensemble of models that err together gains nothing.

    Measures of Kuncheva and Whitaker (2003), "Measures of diversity in classifier ensembles".

    Args:
        predictions: the predictions table; clean rows are used.
        members: model names; default: all. Several seeds count as their mean.
        level: `frame` or `video`.
        split: which rows.
        threshold: `p_fake >= threshold` is FAKE.
        aggregator: how frames become a clip's score.

    Returns:
        A row for each pair: left, right, n, disagreement (share of rows where the
        answers differ), double_fault (share where both are wrong), error_correlation (of
        being wrong, -1..1; NaN where one of them is always or never wrong).
    """
    chosen = predictions[(predictions["split"] == split) & (predictions["condition"] == "clean")]
    matrix = score_matrix(chosen, "clip" if level == "video" else level, aggregator, members)
    names, scores = matrix.mean_over_seeds()
    wrong = (scores >= threshold) != (matrix.rows["label"] == 1).to_numpy()[:, None]
    both = wrong.T.astype(float) @ wrong / len(wrong)
    share_wrong = wrong.mean(axis=0)
    spread = np.sqrt(share_wrong * (1 - share_wrong))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = (both - np.outer(share_wrong, share_wrong)) / np.outer(spread, spread)
    rows = [
        (names[i], names[j], len(wrong), (wrong[:, i] != wrong[:, j]).mean(), both[i, j], correlation[i, j])
        for i, j in itertools.combinations(range(len(names)), 2)
    ]
    return pd.DataFrame(rows, columns=["left", "right", "n", "disagreement", "double_fault", "error_correlation"])


def verdict(table: pd.DataFrame) -> str:
    """Say in words whether ensembling really helped, from the table of `search`."""
    single, ensembles = table.iloc[0], table[table["rule"] != "single"]
    if ensembles.empty:
        return f"{single['name']} stands alone: there is nothing to combine."
    best = ensembles.iloc[0]
    won = best["val_auc"] > single["val_auc"]
    said = f"The best ensemble on validation, {best['name']}, " + ("" if won else "does not even beat the best single model there; it ")
    said += f"has a test AUC of {share(best['test_auc'])}, the best single model, {single['name']}, {share(single['test_auc'])}: "
    return said + _judge(best) + _small_print(single)


def _judge(best: pd.Series) -> str:
    if np.isnan(best["gain"]):
        return "without both classes in test, nothing can be said of a gain."
    gain = between(best["gain"], best["gain_low"], best["gain_high"], sign=True)
    if best["gain_low"] > 0:
        return f"a real gain of {gain}."
    return f"a real loss of {gain}." if best["gain_high"] < 0 else f"no real gain, {gain} could be chance."


def _small_print(single: pd.Series) -> str:
    seeds = f" Each member is the mean of its {single['seeds']} seeds." if single["seeds"] > 1 else ""
    return seeds + (f" {single['dropped']} rows that some model lacks were left out." if single["dropped"] else "")
