"""Published systems side by side: what they claimed, what they reach here, trained as published and as this project does."""

from collections.abc import Sequence
from typing import NamedTuple

import pandas as pd

from dfd_lib.evaluation.aggregate import frames_per_person
from dfd_lib.evaluation.claims import recompute
from dfd_lib.evaluation.matrix import score_matrix
from dfd_lib.evaluation.metrics import evaluate
from dfd_lib.evaluation.pairs import compare_pairs, holm, significant
from dfd_lib.tables import check_predictions

PUBLISHED, OWN, ABSENT = "as published", "own settings", "not trained"
"""The column `recipe`."""

REACHED = ("accuracy", "auc", "balanced_accuracy", "f1")
"""What is measured here, each with `_low` and `_high`."""

COLUMNS = (
    *("dataset", "system", "model", "recipe", "models", "changed", "claimed", "claimed_low", "claimed_high", "claimed_n"),
    "claimed_majority",
    *("level", "aggregator", "frames_per_clip", "threshold", "seeds", "n", "n_fake", "groups"),
    *(f"{name}{end}" for name in REACHED for end in ("", "_low", "_high")),
    *("difference", "difference_low", "difference_high", "p_holm", "significant"),
)


class Rebuilt(NamedTuple):
    """A published result, and the models that rebuild it; several are joined by the mean."""

    claim: str
    """System and model, as `claims.recompute` has them: `S0 Meso-4`."""
    published: Sequence[str]
    own: Sequence[str]
    changed: str


def systems_table(
    predictions: pd.DataFrame,
    systems: Sequence[Rebuilt],
    *,
    split: str = "test",
    aggregator: str = "mean",
    threshold: float = 0.5,
    resamples: int = 2000,
) -> pd.DataFrame:
    """What was claimed beside what is reached here, a row for each system and way to train it.

    Args:
        predictions: of all models that the systems name.
        systems: what to compare; one without models was not trained, and gets a row that says so.
        split: which rows.
        aggregator: how frames become a clip's score: all systems meet at level
            video, where models of clips and of frames can be compared.
        threshold: `p_fake >= threshold` is FAKE.
        resamples: bootstrap resamples of groups.

    Returns:
        `COLUMNS`: recipe is one of `PUBLISHED`, `OWN`, `ABSENT`; claimed is the
        published accuracy, as its matrix says where there is one, with Wilson's
        interval, claimed_majority that of always naming the commoner class there;
        each of `REACHED` has its 95 % interval from resampled groups, and of several
        seeds is the mean, as are its ends. On the rows `PUBLISHED`, difference is its
        AUC minus that of `OWN`, paired, with its interval; p_holm over the systems, significant as in `pairs.significant`.
        aggregator and frames_per_clip (in the median) say how clips were scored; `none` is a network of clips.
    """
    rows = predictions[(predictions["split"] == split) & (predictions["condition"] == "clean")]
    tables = [_compared(rows, one, aggregator, threshold, resamples) for one in systems]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame()
    table = table.reindex(columns=[*COLUMNS[:-2], "p"])
    table = table.assign(p_holm=holm(table["p"].astype(float)))
    return table.assign(significant=significant(table.rename(columns={"difference_low": "low", "difference_high": "high"})))[list(COLUMNS)]


def _compared(predictions: pd.DataFrame, one: Rebuilt, aggregator: str, threshold: float, resamples: int) -> pd.DataFrame:
    ways = {way: members for way, members in ((PUBLISHED, one.published), (OWN, one.own)) if members}
    facts = {**_claimed(one.claim), "changed": one.changed}
    if not ways:
        return pd.DataFrame([{**facts, "recipe": ABSENT, "models": ""}])
    scored = pd.concat([_joined(predictions, members, way, aggregator) for way, members in ways.items()], ignore_index=True)
    metrics = evaluate(scored, threshold=threshold, aggregator=aggregator, levels=["video"], resamples=resamples)
    table = (
        metrics.groupby(["dataset", "model"], sort=False)
        .agg(_means(metrics))
        .reset_index()
        .rename(columns={"model": "recipe", "seed": "seeds"})
    )
    groups = scored.groupby(["dataset", "model"])["group"].nunique()
    table["groups"] = [groups[where] for where in zip(table["dataset"], table["recipe"], strict=True)]
    table["models"] = ["+".join(ways[way]) for way in table["recipe"]]
    frames = {way: frames_per_person(predictions[predictions["model"].isin(members)]).median() for way, members in ways.items()}
    table["frames_per_clip"] = table["recipe"].map(frames)  # of models that were joined by clip, too
    table["aggregator"] = table["frames_per_clip"].notna().map({True: aggregator, False: "none"})
    table = table.assign(**facts)
    table.loc[table["recipe"] == OWN, "changed"] = ""
    return table if len(ways) == 1 else table.merge(_paired(scored, aggregator, resamples), on=["dataset", "recipe"], how="left")


def _claimed(name: str) -> dict[str, object]:
    claims = recompute()
    row = claims[claims["system"] + " " + claims["model"] == name].iloc[0]
    ends = {f"claimed_{end}": row[f"accuracy_{end}"] for end in ("low", "high")}
    counts = {"claimed_n": row["n"], "claimed_majority": row["majority"]}
    return {"system": row["system"], "model": row["model"], "claimed": row["accuracy"], **ends, **counts}


def _joined(predictions: pd.DataFrame, members: Sequence[str], way: str, aggregator: str) -> pd.DataFrame:
    """One model's rows, or the mean of several by person of a clip, under the name of the way they were trained."""
    rows = predictions[predictions["model"].isin(members)]
    if len(members) == 1:
        return rows.assign(model=way)
    matrix = score_matrix(rows, "video", aggregator, members)
    return check_predictions(matrix.rows.assign(model=way, seed=0, p_fake=matrix.mean_over_seeds()[1].mean(axis=1)))


def _means(metrics: pd.DataFrame) -> dict[str, object]:
    first = dict.fromkeys(("level", "aggregator", "threshold", "n", "n_fake"), "first")
    ends = [name for metric in REACHED for name in (metric, f"{metric}_low", f"{metric}_high") if name in metrics]
    return {"seed": "nunique", **first, **dict.fromkeys(ends, "mean")}


def _paired(scored: pd.DataFrame, aggregator: str, resamples: int) -> pd.DataFrame:
    pairs = compare_pairs(scored, split=scored["split"].iloc[0], aggregator=aggregator, resamples=resamples)
    named = pairs.rename(columns={"left": "recipe", "low": "difference_low", "high": "difference_high"})
    return named[["dataset", "recipe", "difference", "difference_low", "difference_high", "p"]]
