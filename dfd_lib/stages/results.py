"""From predictions to metrics, tests and ensembles. Each reads `test`, and records that it did."""

from pathlib import Path

import pandas as pd

from dfd_lib.experiment import Experiment
from dfd_lib.formats import between, by_clip, share
from dfd_lib.paths import report_dir, whole
from dfd_lib.stages.copies import without_copies
from dfd_lib.stages.media import read_manifest
from dfd_lib.stamp import record_test_read
from dfd_lib.tables import check_metrics, read_table, write_table


def compare(experiment: Experiment, predictions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Metrics with intervals, by slice, and paired tests, these without soups that are copies; writes metrics, slices and pairs.

    Reads `test`, and records that it did.

    Returns:
        (metrics, slices, pairs).
    """
    from dfd_lib.evaluation.metrics import evaluate, majority_baseline, slice_metrics
    from dfd_lib.evaluation.pairs import compare_pairs

    out, rule = report_dir(experiment.name), experiment.evaluation
    manifest = _with_resolution(read_manifest(experiment), out)
    settings = {"threshold": rule.threshold, "aggregator": rule.aggregator}
    metrics = evaluate(predictions, **settings, resamples=rule.resamples)
    by_network = metrics["model"].map(_frames_of_networks(experiment)).where(metrics["level"] == "video")
    metrics["frames_per_clip"] = metrics["frames_per_clip"].fillna(by_network)
    metrics = check_metrics(
        pd.concat([metrics, majority_baseline(predictions, manifest, **settings, resamples=rule.resamples)], ignore_index=True)
    )
    slices = slice_metrics(predictions, manifest, rule.slices, **settings, resamples=rule.resamples)
    own = predictions[predictions["model"].isin(without_copies(experiment, predictions["model"].unique()))]
    pairs = compare_pairs(own, level="video", split="test", aggregator=rule.aggregator, resamples=rule.resamples)
    for name, table in {"metrics": metrics, "slices": slices, "pairs": pairs}.items():
        write_table(table, out / f"{name}.csv")
    record_test_read(out, "50_compare", best_line(metrics))
    return metrics, slices, pairs


def _frames_of_networks(experiment: Experiment) -> dict[str, float]:
    """How many frames each network of clips takes at the most."""
    from dfd_lib.models.registry import hyper_defaults, model_facts

    clips = {name: one for name, one in experiment.models.items() if model_facts(one.model).takes == "clip"}
    return {name: float(one.hyper.get("frames", hyper_defaults(one.model)["frames"])) for name, one in clips.items()}


def best_line(metrics: pd.DataFrame) -> str:
    """The model with the best validation AUC at video level, and its AUC on test, in words, with the rule that clips are scored by."""
    video = metrics[(metrics["level"] == "video") & (metrics["model"] != "majority")]
    mean = video.groupby(["split", "model"])["auc"].mean()
    best = mean["val"].idxmax()
    row = video[(video["model"] == best) & (video["split"] == "test")].iloc[0]
    how, on_test = by_clip(row["aggregator"], row["frames_per_clip"]), share(mean["test"][best])
    if metrics.loc[metrics["model"] == best, "seed"].nunique() == 1:
        on_test = between(row["auc"], row["auc_low"], row["auc_high"])
    return f"{best}: AUC {how} {share(mean['val'][best])} on val, {on_test} on test"


def search_ensembles(experiment: Experiment, predictions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Try every ensemble of the recipe, without soups that are copies; writes ensembles, ensemble predictions, diversity and the verdict.

    Reads `test`, and records that it did.

    Returns:
        (ensembles, diversity).
    """
    from dfd_lib.evaluation import ensembles
    from dfd_lib.evaluation.diversity import diversity

    out, tried, rule = report_dir(experiment.name), experiment.ensembles, experiment.evaluation
    how = {"level": "video", "aggregator": rule.aggregator, "threshold": rule.threshold}
    members = without_copies(experiment, tried.members or predictions["model"].unique())
    table = ensembles.search(predictions, members, tried.rules, **how, seed=experiment.split.seed, resamples=rule.resamples)
    errors = diversity(predictions, members, **how, resamples=rule.resamples)
    write_table(ensembles.ensemble_predictions(predictions, table[table["rule"] != "single"].head(3)), out / "ensemble_predictions.parquet")
    write_table(errors, out / "diversity.csv")
    write_table(table, out / "ensembles.csv")
    with whole(out / "ensembles.txt") as beside:
        beside.write_text(ensembles.verdict(table) + "\n")
    record_test_read(out, "60_ensembles", ensembles.verdict(table))
    return table, errors


def _with_resolution(manifest: pd.DataFrame, report: Path) -> pd.DataFrame:
    """The manifest with `width` and `height` of each crop's file."""
    table = read_table(report / "coverage.csv")
    table = table[table["status"] == "ok"]
    sizes = table.assign(video=table["file"].str.replace(r"\.[^./]*$", "", regex=True)).drop_duplicates("video")
    return manifest.join(sizes.set_index("video")[["width", "height"]], on="video")
