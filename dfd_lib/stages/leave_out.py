"""Is a manipulation recognised that was never seen? Models are trained again without each method's fakes."""

import itertools
import re
from typing import Any

import pandas as pd

from dfd_lib.evaluation.changes import paired_scores
from dfd_lib.evaluation.cross import pair_findings
from dfd_lib.evaluation.metrics import at_levels
from dfd_lib.evaluation.pairs import PAIRS, compare_pairs
from dfd_lib.experiment import Evaluation, Experiment
from dfd_lib.formats import between, by_clip, count
from dfd_lib.paths import report_dir, whole
from dfd_lib.stages.media import read_manifest
from dfd_lib.stages.places import crops_root, run_dir
from dfd_lib.stages.training import model_settings
from dfd_lib.stamp import record_test_read
from dfd_lib.tables import check_predictions, read_table, write_table
from dfd_lib.training.runs import read_run

FEWEST = 2
"""Methods that there must be, so that one can be left out and fakes remain."""

COLUMNS = ["method", "model", "seed", "aggregator", "frames_per_clip", "n", "n_fake"]
COLUMNS += [name + end for name in ("recall_before", "recall_after", "auc_before", "auc_after", "change") for end in ("", "_low", "_high")]


def methods_of(manifest: pd.DataFrame) -> list[str]:
    """The methods of making fakes that are known and in both train and test."""
    fakes = manifest[(manifest["label"] == 1) & ~manifest["method"].isin(["", "unknown"])]
    parts = [set(fakes.loc[fakes["split"] == part, "method"]) for part in ("train", "test")]
    return sorted(parts[0] & parts[1])


def without(manifest: pd.DataFrame, method: str) -> pd.DataFrame:
    """The manifest in which a method's fakes are in no part that a training looks at: neither train nor val."""
    gone = (manifest["label"] == 1) & (manifest["method"] == method) & manifest["split"].isin(["train", "val"])
    return manifest.assign(split=manifest["split"].mask(gone, ""))


def score_left_out(experiment: Experiment, *, verbose: int = 2) -> pd.DataFrame:
    """Train the recipe's `leave_out` models without each method in turn, with each seed; writes leave_out_predictions.parquet.

    Args:
        experiment: the recipe.
        verbose: 0 is silent, 2 prints a line an epoch.

    Returns:
        Predictions of `test` at level frame of the models `lenet-without-<method>`; none where fewer than two methods are known.
    """
    from dfd_lib.training.fit import fit

    names, manifest = experiment.generalise.leave_out, read_manifest(experiment)
    methods, parts = methods_of(manifest), [read_run(run_dir(experiment, names[0], experiment.seeds[0])).predictions.head(0)]
    for name, method, seed in itertools.product(names, methods if len(methods) >= FEWEST else [], experiment.seeds):
        model = _left_out_name(name, method)
        # a method's name comes from outside, and may be no name of a folder
        folder = report_dir(experiment.name) / "models" / "leave-out" / f"{re.sub(r'[^A-Za-z0-9._-]', '-', model)}-s{seed}"
        how = {"name": model, "seed": seed, "out": folder, "verbose": verbose}
        run = fit(without(manifest, method), crops_root(experiment), model_settings(experiment, name), **how)
        parts.append(run.predictions[run.predictions["split"] == "test"])
    table = check_predictions(pd.concat(parts, ignore_index=True))
    write_table(table, report_dir(experiment.name) / "leave_out_predictions.parquet")
    return table


def measure_left_out(experiment: Experiment) -> pd.DataFrame:
    """Each method's fakes against all reals of test, by clip: before (all methods seen) and after.

    Writes leave_out.csv, leave_out.txt, and leave_out_pairs.csv: who of several models is better on a method that none had seen.
    Reads `test`, and records that it did.

    Returns:
        A row for each model, method and seed: method, model, seed, aggregator, frames_per_clip, n, n_fake (clips); auc_before,
        auc_after, change, recall_before and recall_after (at the recipe's threshold) with paired 95 % intervals.
    """
    out, rule, manifest = report_dir(experiment.name), experiment.evaluation, read_manifest(experiment)
    trained = read_table(out / "leave_out_predictions.parquet")
    method_of = manifest.drop_duplicates("video").set_index("video")["method"]
    rows, alone = [], []
    for name, method, seed in itertools.product(experiment.generalise.leave_out, methods_of(manifest), experiment.seeds):
        unseen = trained[(trained["model"] == _left_out_name(name, method)) & (trained["seed"] == seed)]
        if not unseen.empty:
            seen = read_run(run_dir(experiment, name, seed)).predictions
            sides = [_of_method(side, method_of, method) for side in (seen[seen["split"] == "test"], unseen)]
            rows.append({"method": method, "model": name, "seed": seed, **_change(*sides, rule)})
            alone.append(sides[1].assign(model=name, dataset=method))
    table, pairs = pd.DataFrame(rows, columns=COLUMNS), _pairs(alone, rule)
    said = [*_findings(table, manifest), *pair_findings(pairs, "Unseen, on")]
    write_table(table, out / "leave_out.csv")
    write_table(pairs.rename(columns={"dataset": "method"}), out / "leave_out_pairs.csv")
    with whole(out / "leave_out.txt") as beside:
        beside.write_text("".join(f"{line}\n" for line in said), encoding="utf-8")
    record_test_read(out, "70_generalise", said[0])
    return table


def _left_out_name(model: str, method: str) -> str:
    return f"{model}-without-{method}"


def _pairs(unseen: list[pd.DataFrame], rule: Evaluation) -> pd.DataFrame:
    """Every two models on each method that neither had seen: see `evaluation.pairs.compare_pairs`, its `dataset` being the method."""
    if not unseen:
        return pd.DataFrame(columns=PAIRS)
    return compare_pairs(pd.concat(unseen, ignore_index=True), aggregator=rule.aggregator, resamples=rule.resamples)


def _of_method(predictions: pd.DataFrame, method_of: pd.Series, method: str) -> pd.DataFrame:
    """A method's fakes and all real ones."""
    return predictions[(predictions["label"] == 0) | (predictions["video"].map(method_of) == method)]


def _change(before: pd.DataFrame, after: pd.DataFrame, rule: Evaluation) -> dict[str, Any]:
    """By clip, with intervals."""
    sides = [at_levels(one, ["video"], rule.aggregator) for one in (before, after)]
    facts = {"aggregator": sides[0]["aggregator"].iloc[0], "frames_per_clip": sides[0]["frames"].median()}
    facts |= {"n": len(sides[0]), "n_fake": int(sides[0]["label"].sum())}
    return facts | paired_scores(*sides, threshold=rule.threshold, resamples=rule.resamples)


def _findings(table: pd.DataFrame, manifest: pd.DataFrame) -> list[str]:
    """A sentence for each model."""
    if table.empty:
        known = methods_of(manifest)
        there = f"{count(len(known), 'method')} of making fakes ({', '.join(known)})" if known else "no method of making fakes"
        return [f"Leave-one-method-out is not available: {there} is known in train and test, and two are needed."]
    return [_finding(rows) for _, rows in table.groupby("model", sort=False)]


def _finding(table: pd.DataFrame) -> str:
    worst = table.loc[table["change"].idxmin()]
    before, after, change = (
        between(*(worst[f"{name}{end}"] for end in ("", "_low", "_high")), sign=name == "change")
        for name in ("auc_before", "auc_after", "change")
    )
    lost, how = (table["change_high"] < 0).sum(), by_clip(worst["aggregator"], worst["frames_per_clip"])
    return (
        f"{worst['model']} loses most on {worst['method']} when it is trained without it: AUC {how} {after} instead of {before}, "
        f"a change of {change}; "
        f"of {count(len(table), 'training')} without a method, {count(lost)} lost with a 95 % interval that is all below 0."
    )
