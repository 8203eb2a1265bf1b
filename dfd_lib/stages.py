"""The steps of an experiment, by name: what notebooks and the command line call.

Each step reads tables from disk and writes tables to disk, so it can be rerun,
cached or sent to another machine. The Snakefile says which follows which.
"""

import os
from pathlib import Path

import numpy as np
import pandas as pd

from dfd_lib.experiment import Experiment, Model
from dfd_lib.paths import faces_dir, find_source, project_root, raw_dir, report_dir, whole
from dfd_lib.stamp import record_test_read, write_stamp
from dfd_lib.tables import check_manifest, check_metrics, check_predictions, read_table, write_table


def source_dir(experiment: Experiment) -> Path:
    """Where the experiment's media are; the demo's clips need not exist yet."""
    if experiment.data.source == "demo":
        return raw_dir() / f"demo-{experiment.name}"
    return find_source(experiment.data.source, project_root())


def crops_root(experiment: Experiment) -> Path:
    """The folder that the manifest's paths are relative to."""
    return faces_dir(experiment.name) if experiment.faces else source_dir(experiment)


def draw_clips(experiment: Experiment) -> Path:
    """Draw the embedded demo clips; returns their listing."""
    from dfd_lib.data.demo import draw_demo

    demo = experiment.demo
    draw_demo(source_dir(experiment), people=demo.people, frames=demo.frames, difficulty=demo.difficulty, seed=demo.seed, workers=workers())
    return source_dir(experiment) / "listing.csv"


def find_faces(experiment: Experiment, shard: str | None = None) -> Path:
    """List the media, find and cut the faces, or a shard of them, such as 2/8; returns the manifest, not split yet."""
    from dfd_lib.data.extract import extract, verify_crops
    from dfd_lib.data.manifest import write_tables
    from dfd_lib.data.shards import Shard
    from dfd_lib.listing import list_media

    root, out = source_dir(experiment), faces_dir(experiment.name)
    listing, problems = list_media(experiment, root)
    how = {"workers": workers(), "problems": problems}
    if experiment.faces:
        extract(listing, root, out, faces=experiment.faces, shard=Shard.parse(shard) if shard else None, **how)
    else:
        write_tables(*verify_crops(listing, root, **how), out)
    return out / "manifest.parquet"


def split_faces(experiment: Experiment) -> pd.DataFrame:
    """Split the manifest by group and audit it; writes manifest, split, audit and notes of the report."""
    from dfd_lib.data import splits

    out = report_dir(experiment.name)
    manifest, notes = splits.split(read_faces(experiment), experiment.split.shares(), experiment.split.seed)
    write_table(splits.summary(manifest), out / "split.csv")
    write_table(splits.audit(manifest), out / "audit.csv")
    write_table(splits.leaks(manifest), out / "leaks.csv")
    write_table(read_table(faces_dir(experiment.name) / "coverage.csv"), out / "coverage.csv")
    with whole(out / "notes.txt") as beside:
        beside.write_text("".join(f"{note}\n" for note in notes))
    write_table(check_manifest(manifest), out / "manifest.parquet")
    return manifest


def read_faces(experiment: Experiment) -> pd.DataFrame:
    """The manifest before the split; drawn and found first where that was not done yet."""
    path = faces_dir(experiment.name) / "manifest.parquet"
    if not path.exists():
        if experiment.data.source == "demo":
            draw_clips(experiment)
        find_faces(experiment)
    return check_manifest(read_table(path))


def read_manifest(experiment: Experiment) -> pd.DataFrame:
    """The split manifest; drawn, found and split first where that was not done yet."""
    path = report_dir(experiment.name) / "manifest.parquet"
    if not path.exists():
        split_faces(experiment)
    return check_manifest(read_table(path))


def model_settings(experiment: Experiment, model: str) -> Model:
    """How a model is trained: as the recipe says, or by the recipe's defaults if it is not in it."""
    from dfd_lib.models.registry import model_facts

    if model in experiment.models:
        return experiment.models[model]
    model_facts(model)  # refuses unknown names, with the choices
    return Model(model=model, **experiment.training.model_dump())


def run_dir(experiment: Experiment, model: str, seed: int) -> Path:
    """Where one training run is kept."""
    return report_dir(experiment.name) / "models" / f"{model}-s{seed}"


def train(experiment: Experiment, model: str, seed: int, verbose: int = 2):
    """Train one model with one seed; returns a `dfd_lib.training.fit.Run`."""
    from dfd_lib.training.fit import fit

    settings = model_settings(experiment, model)
    manifest, root = read_manifest(experiment), crops_root(experiment)
    return fit(manifest, root, settings, name=model, seed=seed, out=run_dir(experiment, model, seed), verbose=verbose)


def collect_runs(experiment: Experiment) -> pd.DataFrame:
    """Join all runs of the recipe; writes runs, histories and predictions of the report.

    Returns:
        The predictions of all models and seeds.
    """
    from dfd_lib.training.runs import read_run

    out = report_dir(experiment.name)
    runs = [read_run(run_dir(experiment, model, seed)) for model in experiment.models for seed in experiment.seeds]
    facts = pd.DataFrame([run.facts for run in runs]).drop(columns=["fingerprint", "settings", "versions"])
    histories = [run.history.assign(model=run.facts["model"], seed=run.facts["seed"]) for run in runs]
    predictions = check_predictions(pd.concat([run.predictions for run in runs], ignore_index=True))
    write_table(facts, out / "runs.csv")
    write_table(pd.concat(histories, ignore_index=True), out / "histories.csv")
    write_table(predictions, out / "predictions.parquet")
    return predictions


def compare(experiment: Experiment, predictions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Metrics with intervals, by slice, and paired tests; writes metrics, slices and pairs of the report.

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
    metrics = check_metrics(pd.concat([metrics, majority_baseline(predictions, manifest, **settings)], ignore_index=True))
    slices = slice_metrics(predictions, manifest, rule.slices, **settings, resamples=rule.resamples)
    pairs = compare_pairs(predictions, level="video", split="test", aggregator=rule.aggregator, resamples=rule.resamples)
    for name, table in {"metrics": metrics, "slices": slices, "pairs": pairs}.items():
        write_table(table, out / f"{name}.csv")
    record_test_read(out, "50_compare", best_line(metrics))
    return metrics, slices, pairs


def best_line(metrics: pd.DataFrame) -> str:
    """The model with the best validation AUC at video level, and its AUC on test, in words."""
    video = metrics[(metrics["level"] == "video") & (metrics["model"] != "majority")]
    mean = video.groupby(["split", "model"])["auc"].mean()
    best = mean["val"].idxmax()
    return f"{best}: video AUC {mean['val'][best]:.3f} on val, {mean['test'][best]:.3f} on test"


def search_ensembles(experiment: Experiment, predictions: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Try every ensemble of the recipe; writes ensembles, ensemble predictions, diversity and the verdict.

    Reads `test`, and records that it did.

    Returns:
        (ensembles, diversity).
    """
    from dfd_lib.evaluation import ensembles

    out, tried, rule = report_dir(experiment.name), experiment.ensembles, experiment.evaluation
    how = {"level": "video", "aggregator": rule.aggregator, "threshold": rule.threshold}
    table = ensembles.search(predictions, tried.members, tried.rules, **how, seed=experiment.split.seed, resamples=rule.resamples)
    diversity = ensembles.diversity(predictions, tried.members, **how)
    write_table(ensembles.ensemble_predictions(predictions, table[table["rule"] != "single"].head(3)), out / "ensemble_predictions.parquet")
    write_table(diversity, out / "diversity.csv")
    write_table(table, out / "ensembles.csv")
    with whole(out / "ensembles.txt") as beside:
        beside.write_text(ensembles.verdict(table) + "\n")
    record_test_read(out, "60_ensembles", ensembles.verdict(table))
    return table, diversity


def sample_crops(experiment: Experiment, manifest: pd.DataFrame, *, count: int, seed: int) -> dict[str, list[np.ndarray]]:
    """Random crops of different clips, `count` of each class, for a contact sheet."""
    from dfd_lib.data.crops import read_image

    root = crops_root(experiment)
    chosen = {}
    for label, name in enumerate(("real", "fake")):
        clips = manifest[manifest["label"] == label].drop_duplicates("video")
        paths = clips["path"].sample(min(count, len(clips)), random_state=seed)
        chosen[name] = [read_image(root / path) for path in paths]
    return chosen


def stamp(experiment: Experiment) -> dict:
    """Write the report's stamp.json: versions, machine, seeds and hashes."""
    return write_stamp(
        report_dir(experiment.name),
        recipe=experiment.model_dump_json(),
        seeds=list(experiment.seeds),
        manifest=read_manifest(experiment),
        root=crops_root(experiment),
    )


def check_written(folder: Path, *names: str) -> None:
    """Raise FileNotFoundError unless every named file is there and not empty."""
    missing = [name for name in names if not (folder / name).is_file() or not (folder / name).stat().st_size]
    if missing:
        raise FileNotFoundError(f"{folder}: expected {', '.join(missing)}, found nothing. Run the cells above, or `dfd report`.")


def check_leak_free(experiment: Experiment) -> str:
    """Say that the parts share nothing; raise ValueError if they do, unless the data set's own split is to blame.

    An official split wins even where it leaks, so that numbers can be compared with published ones; the report says so.
    """
    audit = read_table(report_dir(experiment.name) / "audit.csv")
    leaks = audit[~audit["ok"].astype(bool)]
    if leaks.empty:
        return "The parts share nothing that the data tells of."
    first = leaks.iloc[0]
    came = f"{first['left']} and {first['right']} share {first['shared']} of {first['check']}, see leaks.csv"
    official = read_table(faces_dir(experiment.name) / "manifest.parquet")["split"]
    if official[official != ""].nunique() < 2:
        raise ValueError(f"split: expected no shared values, {came}. Split by group, or drop the rows that cross.")
    return f"The official split of this data set leaks: {came}."


def workers() -> int:
    """How many processes a step may use: DFD_THREADS, else all processors."""
    return int(os.environ.get("DFD_THREADS") or os.cpu_count() or 1)


def _with_resolution(manifest: pd.DataFrame, report: Path) -> pd.DataFrame:
    """The manifest with `width` and `height` of each crop's file."""
    table = read_table(report / "coverage.csv")
    sizes = table.assign(video=table["file"].str.replace(r"\.[^./]*$", "", regex=True)).drop_duplicates("video")
    return manifest.join(sizes.set_index("video")[["width", "height"]], on="video")
