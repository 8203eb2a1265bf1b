"""What changes of one model bought on validation folds: paired differences, with intervals from resampled groups."""

import numpy as np
import pandas as pd
from scipy import stats

from dfd_lib.evaluation.aggregate import frames_per_person
from dfd_lib.evaluation.matrix import score_matrix
from dfd_lib.evaluation.pairs import holm, significant
from dfd_lib.evaluation.scores import point_metrics
from dfd_lib.evaluation.uncertainty import bootstrap, interval, resample_weights
from dfd_lib.formats import between, by_clip, count, share

COLUMNS = [
    "name",
    "aggregator",
    "frames_per_clip",
    "folds",
    "seeds",
    "n",
    "groups",
    "auc",
    "auc_by_fold",
    "difference",
    "low",
    "high",
    "p",
    "p_holm",
]


def ablation_table(predictions: pd.DataFrame, base: str, *, aggregator: str = "mean", resamples: int = 2000, seed: int = 1) -> pd.DataFrame:
    """Each model against one of them, by clip, on the folds that both were trained for.

    Within a fold all models meet the same resampled groups; folds share no
    group, so theirs are drawn apart. A model's score is the mean over folds of
    the mean over seeds. The interval is that of the groups: what another seed
    would have done is not in it.

    Args:
        predictions: a predictions table of validation folds, and a column
            `fold`; models with different names.
        base: the model that the others are held against.
        aggregator: how frames become a clip's score.
        resamples: of groups.
        seed: of the resamples.

    Returns:
        A row a model, the base first, then by falling difference: `COLUMNS`.
        aggregator, frames_per_clip (in the median; NaN: a network of clips),
        n and groups (clips that judge), auc (mean over the folds), auc_by_fold
        (words such as `1: .843, 2: .851`), difference to the base on the folds
        of both, low and high (95 %), p (two-sided, Student's t on the
        bootstrap's standard error), p_holm (over all differences). NaN for the base.

    Raises:
        ValueError: no row of the base, or no fold that it shares with another model.
    """
    if base not in set(predictions["model"]):
        raise ValueError(f"ablations: expected predictions of {base!r}, came none. Train it on the same folds.")
    folds = {fold: _fold(rows, aggregator, resamples, seed + int(fold)) for fold, rows in predictions.groupby("fold")}
    rows = [_row(name, base, predictions[predictions["model"] == name], folds) for name in predictions["model"].unique()]
    table = pd.DataFrame(rows).assign(aggregator=aggregator)
    table["p_holm"] = holm(table["p"])
    first = table["name"] != base
    order = np.lexsort((-table["difference"].fillna(0), first))
    return table.iloc[order].reset_index(drop=True)[COLUMNS]


def _fold(rows: pd.DataFrame, aggregator: str, resamples: int, seed: int) -> dict:
    """Of one fold: each model's AUC, as it is and in every resample, the means over its seeds."""
    matrix = score_matrix(rows.drop(columns="fold"), "clip", aggregator)
    label, group = matrix.rows["label"].to_numpy(), matrix.rows["group"].to_numpy()
    weights = resample_weights(group, resamples, seed)
    names = matrix.columns.get_level_values("model")
    point, draws = {}, {}
    for name in names.unique():
        own = matrix.scores[:, names == name].T
        point[name] = float(np.mean([point_metrics(label, one)["auc"] for one in own]))
        draws[name] = np.mean([bootstrap(label, one, group, weights)["auc"] for one in own], axis=0)
    return {"point": point, "draws": draws, "n": len(label), "groups": len(weights)}


def _row(name: str, base: str, own: pd.DataFrame, folds: dict) -> dict:
    there = {fold: one for fold, one in folds.items() if name in one["point"]}
    both = [one for one in there.values() if base in one["point"]]
    if not both:
        raise ValueError(f"ablations: expected {name!r} and {base!r} on a fold that both were trained for, came none. Train both on it.")
    facts = {
        "name": name,
        "frames_per_clip": frames_per_person(own).median(),
        "folds": len(there),
        "seeds": own["seed"].nunique(),
        **{what: sum(one[what] for one in there.values()) for what in ("n", "groups")},
        "auc": np.mean([one["point"][name] for one in there.values()]),
        "auc_by_fold": ", ".join(f"{fold}: {share(one['point'][name])}" for fold, one in there.items()),
    }
    if name == base:
        return facts | dict.fromkeys(["difference", "low", "high", "p"], np.nan)
    difference = float(np.mean([one["point"][name] - one["point"][base] for one in both]))
    draws = np.mean([one["draws"][name] - one["draws"][base] for one in both], axis=0)
    groups = sum(one["groups"] for one in both)
    low, high = interval(draws, groups)
    return facts | {"difference": difference, "low": float(low), "high": float(high), "p": _p(difference, draws, groups)}


def _p(difference: float, draws: np.ndarray, groups: int) -> float:
    known = draws[np.isfinite(draws)]
    if groups < 2 or len(known) < 2:
        return np.nan
    error = known.std(ddof=1) * np.sqrt(groups / (groups - 1))
    if error <= 1e-12:
        return 1.0 if abs(difference) < 1e-9 else 0.0
    return float(2 * stats.t.sf(abs(difference) / error, groups - 1))


def verdict(table: pd.DataFrame) -> list[str]:
    """Say in words what a table with `COLUMNS` and `luck` shows.

    Args:
        table: rows where `luck` is true are the base with other seeds.

    Returns:
        Sentences; none where the table is empty.
    """
    if table.empty:
        return []
    changes = table[table["difference"].notna() & ~table["luck"].astype(bool)]
    if changes.empty:
        return ["No change was tried."]
    sure = significant(changes)
    helped, hurt = (changes[sure & side] for side in (changes["difference"] > 0, changes["difference"] < 0))
    base = table[table["difference"].isna()].iloc[0]
    auc = f"AUC {share(base['auc'])} {by_clip(base['aggregator'], base['frames_per_clip'])}"
    said = [f"{count(len(changes), 'change')} of {base['name']}, {auc} on {count(int(base['folds']), 'fold')}."]
    said.append(_list("surely help", helped) if len(helped) else f"None surely helps, all {count(len(changes))} tests together (Holm).")
    if len(hurt):
        said.append(_list("surely hurt", hurt.iloc[::-1]))
    luck = table[table["luck"].astype(bool)]
    if len(luck):
        said.append(f"With another seed alone the base came to {', '.join(_gain(row) for _, row in luck.iterrows())}: what luck is worth.")
    return said


def _list(what: str, rows: pd.DataFrame) -> str:
    names = "; ".join(f"{row['name']} {_gain(row)}" for _, row in rows.iterrows())
    return f"{count(len(rows))} {what if len(rows) > 1 else what + 's'}: {names}."


def _gain(row: pd.Series) -> str:
    return between(row["difference"], row["low"], row["high"], sign=True)
