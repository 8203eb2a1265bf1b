"""What changes of one model bought on validation folds: paired differences, with intervals from resampled groups."""

import itertools
from collections.abc import Iterable

import numpy as np
import pandas as pd

from dfd_lib.evaluation.aggregate import frames_per_person
from dfd_lib.evaluation.changes import CLEAN
from dfd_lib.evaluation.matrix import score_matrix
from dfd_lib.evaluation.pairs import Difference, beyond_chance, bootstrap_covariance, holm, significant
from dfd_lib.evaluation.scores import point_metrics
from dfd_lib.evaluation.uncertainty import bootstrap, interval, resample_weights
from dfd_lib.formats import between, by_clip, count, share, signed
from dfd_lib.tables import conditions_of

COLUMNS = [
    "name",
    "luck",
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

UNDER = ("auc", "difference", "low", "high", "p_holm")
"""What a table also has of each condition beside `clean`: `auc_jpeg-40`, `difference_jpeg-40` and so on."""


def ablation_table(predictions: pd.DataFrame, base: str, *, aggregator: str = "mean", resamples: int = 2000, seed: int = 1) -> pd.DataFrame:
    """Each model against one of them, by clip, on the folds that both were trained for.

    Within a fold all models meet the same resampled groups; folds share no
    group, so theirs are drawn apart. A model's score is the mean over folds of
    the mean over seeds. Where a model has several seeds in a fold, what their
    AUCs vary by is taken to hold for all models, and widens every interval: it
    then covers other groups and another seed. Otherwise it covers other groups alone.

    Args:
        predictions: a predictions table of validation folds, and a column
            `fold`; models with different names, under `clean` and perhaps other conditions.
        base: the model that the others are held against.
        aggregator: how frames become a clip's score.
        resamples: of groups.
        seed: of the resamples.

    Returns:
        A row a model, the base first, then by falling difference: `COLUMNS`.
        luck (the row is one seed of the base, against the mean of all of them: no test),
        aggregator, frames_per_clip (in the median; NaN: a network of clips),
        n and groups (clips that judge), auc (mean over the folds), auc_by_fold
        (words such as `1: .843, 2: .851`), difference to the base on the folds
        of both, low and high (95 %), p (two-sided, Student's t), p_holm (over all
        differences). NaN for the base. Then `UNDER` of each other condition, NaN for models without it.

    Raises:
        ValueError: no row of the base, or no fold that it shares with another model.
    """
    how = {"aggregator": aggregator, "resamples": resamples, "seed": seed}
    tables = {condition: _table(rows, base, **how) for condition, rows in predictions.groupby("condition", sort=False)}
    table = tables.pop(CLEAN)
    for condition, there in tables.items():
        table = table.join(there.set_index("name")[[*UNDER]].add_suffix(f"_{condition}"), on="name")
    return table


def ablation_pairs(predictions: pd.DataFrame, *, aggregator: str = "mean", resamples: int = 2000, seed: int = 1) -> pd.DataFrame:
    """Every two models against each other, as `ablation_table` holds them all against one.

    Args:
        predictions, aggregator, resamples, seed: as there; conditions beside `clean` are passed over.

    Returns:
        A row a pair that shares a fold: left, right, level, metric, difference (of AUC, left minus right), low, high (95 %), p,
        p_holm (over all pairs), significant.
    """
    folds, spread = _folds(predictions[predictions["condition"] == CLEAN], aggregator, resamples, seed)
    rows = []
    for left, right in itertools.combinations(predictions["model"].unique(), 2):
        if both := _shared(left, right, folds):
            names = {"left": left, "right": right, "level": "video", "metric": "auc"}
            rows.append(names | _difference(left, right, both, spread)._asdict())
    table = pd.DataFrame(rows, columns=["left", "right", "level", "metric", *Difference._fields])
    table["p_holm"] = holm(table["p"])
    return table.assign(significant=significant(table))


def under(table: pd.DataFrame, condition: str) -> pd.DataFrame:
    """An ablation table with the columns of `UNDER` as they are under another condition than `clean`."""
    return table.assign(**{name: table[f"{name}_{condition}"] for name in UNDER})


def _table(predictions: pd.DataFrame, base: str, *, aggregator: str, resamples: int, seed: int) -> pd.DataFrame:
    if base not in set(predictions["model"]):
        raise ValueError(f"ablations: expected predictions of {base!r}, came none. Train it on the same folds.")
    folds, spread = _folds(predictions, aggregator, resamples, seed)
    rows = [_row(name, base, predictions[predictions["model"] == name], folds, spread) for name in predictions["model"].unique()]
    table = pd.DataFrame([*rows, *_luck(base, folds)]).assign(aggregator=aggregator)
    table["p_holm"] = holm(table["p"])
    first = table["name"] != base
    order = np.lexsort((-table["difference"].fillna(0), first))
    return table.iloc[order].reset_index(drop=True)[COLUMNS]


def _folds(predictions: pd.DataFrame, aggregator: str, resamples: int, seed: int) -> tuple[dict[int, dict], tuple[float, int]]:
    """Each fold by its number, and what seeds vary by in all of them."""
    folds = {fold: _fold(rows, aggregator, resamples, seed + int(fold)) for fold, rows in predictions.groupby("fold")}
    return folds, _spread_of_seeds(folds.values())


def _fold(rows: pd.DataFrame, aggregator: str, resamples: int, seed: int) -> dict:
    """Of one fold: each model's AUC by seed, and in every resample the mean over its seeds."""
    matrix = score_matrix(rows.drop(columns="fold"), "clip", aggregator)
    label, group = matrix.rows["label"].to_numpy(), matrix.rows["group"].to_numpy()
    weights = resample_weights(group, resamples, seed)
    names, seeds = (matrix.columns.get_level_values(level) for level in ("model", "seed"))
    point, draws = {}, {}
    for name in names.unique():
        own = matrix.scores[:, names == name].T
        point[name] = pd.Series([point_metrics(label, one)["auc"] for one in own], seeds[names == name])
        draws[name] = np.mean([bootstrap(label, one, group, weights)["auc"] for one in own], axis=0)
    return {"point": point, "draws": draws, "n": len(label), "groups": len(weights)}


def _spread_of_seeds(folds: Iterable[dict]) -> tuple[float, int]:
    """The variance between seeds of one model on one fold, pooled over all that have several, and its degrees of freedom; 0 of none."""
    several = [aucs for one in folds for aucs in one["point"].values() if len(aucs) > 1]
    free = sum(len(aucs) - 1 for aucs in several)
    return (sum(aucs.var(ddof=1) * (len(aucs) - 1) for aucs in several) / free if free else 0.0), free


def _row(name: str, base: str, own: pd.DataFrame, folds: dict, spread: tuple[float, int]) -> dict:
    there = {fold: one for fold, one in folds.items() if name in one["point"]}
    both = _shared(name, base, folds)
    if not both:
        raise ValueError(f"ablations: expected {name!r} and {base!r} on a fold that both were trained for, came none. Train both on it.")
    facts = {
        "name": name,
        "luck": False,
        "frames_per_clip": frames_per_person(own).median(),
        "folds": len(there),
        "seeds": own["seed"].nunique(),
        **{what: sum(one[what] for one in there.values()) for what in ("n", "groups")},
        "auc": np.mean([one["point"][name].mean() for one in there.values()]),
        "auc_by_fold": ", ".join(f"{fold}: {share(one['point'][name].mean())}" for fold, one in there.items()),
    }
    if name == base:
        return facts | dict.fromkeys(["difference", "low", "high", "p"], np.nan)
    return facts | _difference(name, base, both, spread)._asdict()


def _shared(left: str, right: str, folds: dict[int, dict]) -> list[dict]:
    """The folds that both were trained for."""
    return [one for one in folds.values() if {left, right} <= one["point"].keys()]


def _difference(left: str, right: str, both: list[dict], spread: tuple[float, int]) -> Difference:
    """Left minus right, in the mean of the folds of both."""
    difference = float(np.mean([one["point"][left].mean() - one["point"][right].mean() for one in both]))
    draws = np.mean([one["draws"][left] - one["draws"][right] for one in both], axis=0)
    of_seeds = spread[0] * sum(1 / len(one["point"][side]) for one in both for side in (left, right)) / len(both) ** 2
    return _judged(difference, draws, sum(one["groups"] for one in both), (of_seeds, spread[1]))


def _judged(difference: float, draws: np.ndarray, groups: int, of_seeds: tuple[float, int]) -> Difference:
    """With its interval and p: of resampled groups, and of seeds where their variance is known."""
    of_groups = (float(bootstrap_covariance(draws[None], groups)[0, 0]), groups - 1)
    found = beyond_chance(difference, [of_groups, of_seeds] if of_seeds[1] else [of_groups])
    if of_seeds[1]:
        return found
    low, high = interval(draws, groups)  # follows the skew of the resamples
    return found._replace(low=float(low), high=float(high))


def _luck(base: str, folds: dict) -> list[dict]:
    """A row for each seed of the base, if it has several: by how much it is off their mean."""
    aucs = pd.DataFrame({fold: one["point"][base] for fold, one in folds.items() if base in one["point"]})
    if len(aucs) < 2:
        return []
    facts = {"luck": True, "folds": aucs.shape[1], "seeds": 1, "low": np.nan, "high": np.nan, "p": np.nan}
    each = aucs.mean(axis=1)
    return [{"name": f"{base}, seed {seed}", "auc": auc, "difference": auc - each.mean(), **facts} for seed, auc in each.items()]


def verdict(table: pd.DataFrame) -> list[str]:
    """Say in words what an ablation table shows.

    Args:
        table: as `ablation_table` makes it.

    Returns:
        Sentences; none where the table is empty.
    """
    if table.empty:
        return []
    luck = table["luck"].astype(bool)
    changes, base = table[table["difference"].notna() & ~luck], table[table["difference"].isna()].iloc[0]
    if changes.empty:
        return ["No change was tried."]
    auc = f"AUC {share(base['auc'])} {by_clip(base['aggregator'], base['frames_per_clip'])}"
    said = [f"{count(len(changes), 'change')} of {base['name']}, {auc} on {count(int(base['folds']), 'fold')}."]
    said += [one[0].upper() + one[1:] for one in _sure(changes)]
    for condition in conditions_of(table):
        there = under(changes, condition).sort_values("difference", ascending=False)
        said += [f"At {condition}, where {base['name']} has {share(base[f'auc_{condition}'])}: {one}" for one in _sure(there)]
    if luck.any():
        gains = ", ".join(signed(one) for one in table.loc[luck, "difference"])
        said.append(f"With one seed alone {base['name']} is off the mean of its seeds by {gains}: what luck is worth.")
    return said


def _sure(changes: pd.DataFrame) -> list[str]:
    """What surely helps and hurts, from the best and from the worst."""
    sure = significant(changes)
    helped, hurt = (changes[sure & side] for side in (changes["difference"] > 0, changes["difference"] < 0))
    said = [_list("surely help", helped) if len(helped) else f"none surely helps, all {count(len(changes))} tests together (Holm)."]
    return [*said, _list("surely hurt", hurt.iloc[::-1])] if len(hurt) else said


def _list(what: str, rows: pd.DataFrame) -> str:
    names = "; ".join(f"{row['name']} {between(row['difference'], row['low'], row['high'], sign=True)}" for _, row in rows.iterrows())
    return f"{count(len(rows))} {what if len(rows) > 1 else what + 's'}: {names}."
