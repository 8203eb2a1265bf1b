"""What a leak buys: one model, trained and tested on frames dealt out at random, and on groups kept whole.

Frames of one clip are near copies. Dealt out one by one they stand on both
sides, and a network need only know them again. The difference between both
accuracies is what the split is worth, not the network: the leak tax, which is
paid on the first new clip.
"""

import numpy as np
import pandas as pd

from dfd_lib.evaluation.auc import clustered_auc
from dfd_lib.evaluation.claims import wilson
from dfd_lib.evaluation.pairs import Difference, bootstrap_covariance, seeds_and_groups
from dfd_lib.evaluation.scores import point_metrics
from dfd_lib.evaluation.uncertainty import Z, at_the_edge, bootstrap, resample_weights
from dfd_lib.formats import between, count, percent, share

RANDOM, WHOLE, TAX = "frames at random", "groups kept whole", "difference"
"""The rows of the table."""

METRICS = ("accuracy", "auc")


def torn(manifest: pd.DataFrame) -> float:
    """The share of the test crops whose group has crops in train too: 0 in a leak-free split."""
    known = set(manifest.loc[manifest["split"] == "train", "group"])
    return float(manifest.loc[manifest["split"] == "test", "group"].isin(known).mean())


def leak_tax(
    predictions: pd.DataFrame, facts: pd.DataFrame, *, threshold: float = 0.5, resamples: int = 1000, seed: int = 1
) -> pd.DataFrame:
    """Both splits side by side, and their difference.

    Args:
        predictions: rows of split `test` at level `frame` of two models called
            `RANDOM` and `WHOLE`, with the same seeds.
        facts: what is told beside, indexed by the same two names: n_train, torn.
        threshold: `p_fake >= threshold` is FAKE.
        resamples: of the groups of both.
        seed: of the resamples.

    Returns:
        Three rows, called `split`: `RANDOM`, `WHOLE` and `TAX`, the first minus the
        second. Columns seeds, n_train, n_test, groups (in test), torn (see `torn`), majority
        (accuracy of always naming the commoner class); for accuracy and auc the
        mean over seeds with `_low` and `_high` from groups and seeds
        (`pairs.seeds_and_groups`), and `_rows_low` and `_rows_high`, as they are printed
        where frames are taken for independent: Wilson's of an accuracy, DeLong's of an AUC.

    Raises:
        ValueError: one of the two is missing.
    """
    arms = {name: predictions[predictions["model"] == name] for name in (RANDOM, WHOLE)}
    if any(rows.empty for rows in arms.values()):
        raise ValueError(f"leak tax: expected predictions of {RANDOM!r} and {WHOLE!r}, came {', '.join(predictions['model'].unique())}.")
    weights = resample_weights(predictions["group"], resamples, seed)
    columns = [(name, rows) for name, arm in arms.items() for _, rows in arm.groupby("seed")]
    point = pd.DataFrame([point_metrics(rows["label"], rows["p_fake"], threshold) for _, rows in columns])
    draws = [bootstrap(rows["label"], rows["p_fake"], rows["group"], weights, threshold) for _, rows in columns]
    groups = {name: arm["group"].nunique() for name, arm in arms.items()}
    table = pd.DataFrame({name: _about(arm, facts.loc[name]) for name, arm in arms.items()} | {TAX: {}}).T.reindex([RANDOM, WHOLE, TAX])
    for metric in METRICS:
        samples = np.array([draw[metric] for draw in draws])
        sides = {one: np.flatnonzero([name == one for name, _ in columns]) for one in arms}
        found = _found(point[metric].to_numpy(), samples, sides, groups)
        printed = {name: _as_printed(arm, metric, found[name].difference) for name, arm in arms.items()}
        for column, values in _columns(metric, found, printed).items():
            table[column] = values
    return table.rename_axis("split").reset_index().infer_objects()


def _about(rows: pd.DataFrame, facts: pd.Series) -> dict[str, float]:
    first = rows[rows["seed"] == rows["seed"].iloc[0]]
    fakes = first["label"].mean()
    return {
        "seeds": rows["seed"].nunique(),
        "n_train": facts["n_train"],
        "n_test": len(first),
        "groups": first["group"].nunique(),
        "torn": facts["torn"],
        "majority": max(fakes, 1 - fakes),
    }


def _found(point: np.ndarray, samples: np.ndarray, sides: dict[str, np.ndarray], groups: dict[str, int]) -> dict[str, Difference]:
    """Each split's mean, as its difference to a number that does not vary, and the difference of both."""
    fixed = len(point)
    point, samples = np.append(point, 0.0), np.vstack([samples, np.zeros(samples.shape[1])])
    found = {}
    for name, side in sides.items():
        covariance = bootstrap_covariance(samples, groups[name])
        one = seeds_and_groups(point, covariance, side, np.array([fixed]), groups[name])
        low, high = at_the_edge(one.difference, one.low, one.high, groups[name])
        found[name] = one._replace(low=max(low, 0.0), high=min(high, 1.0))
    fewest = min(groups.values())
    found[TAX] = seeds_and_groups(point, bootstrap_covariance(samples, fewest), sides[RANDOM], sides[WHOLE], fewest)
    return found


def _as_printed(rows: pd.DataFrame, metric: str, value: float) -> tuple[float, float]:
    """The interval of one seed's test rows, each taken for a group of its own, around the seeds' mean."""
    first = rows[rows["seed"] == rows["seed"].iloc[0]]
    if metric == "accuracy":
        return wilson(round(value * len(first)), len(first))
    _, covariance = clustered_auc(first["label"], first[["p_fake"]], np.arange(len(first)))
    reach = Z * np.sqrt(covariance[0, 0])
    return max(value - reach, 0.0), min(value + reach, 1.0)


def _columns(metric: str, found: dict[str, Difference], printed: dict[str, tuple[float, float]]) -> dict[str, list[float]]:
    names = (RANDOM, WHOLE, TAX)
    ends = [printed.get(name, (np.nan, np.nan)) for name in names]
    return {
        metric: [found[name].difference for name in names],
        f"{metric}_low": [found[name].low for name in names],
        f"{metric}_high": [found[name].high for name in names],
        f"{metric}_rows_low": [low for low, _ in ends],
        f"{metric}_rows_high": [high for _, high in ends],
    }


def verdict(table: pd.DataFrame, model: str) -> str:
    """Say in words what the leak bought.

    Args:
        table: of `leak_tax`.
        model: the network's name.
    """
    rows = table.set_index("split")
    random, whole, tax = (rows.loc[name] for name in (RANDOM, WHOLE, TAX))
    many = f", the mean of {count(random['seeds'])} seeds," if random["seeds"] > 1 else ""
    said = f"{model}{many} is right on {_of(random)} of the test crops where frames are split at random, and on {_of(whole)} where groups "
    said += "are kept whole: "
    if not random["torn"]:
        return said + "no group has crops to tear apart, so both splits are of one kind."
    gain = between(tax["accuracy"], tax["accuracy_low"], tax["accuracy_high"], sign=True)
    few = "too few groups to tell by" if np.isnan(tax["accuracy_low"]) else "which could be chance"
    judged = "a leak that pays" if tax["accuracy_low"] > 0 else "a leak that costs" if tax["accuracy_high"] < 0 else few
    said += f"{gain}, {judged}. At random, {percent(random['torn'])} of the test crops have others of their group in train."
    low, high = (share(random[f"accuracy_rows_{end}"]) for end in ("low", "high"))
    return said + f" Taking frames for independent, one would print {low}–{high} for the first."


def _of(row: pd.Series) -> str:
    return between(row["accuracy"], row["accuracy_low"], row["accuracy_high"])
