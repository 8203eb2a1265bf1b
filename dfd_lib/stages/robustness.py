"""Does a detector survive compression, blur and noise? The test part is scored again under each corruption of the recipe.

Nothing is chosen or fitted here: the models, the ensemble with all that it fitted on clean `val`, and the threshold stay as they are.
"""

import hashlib
import json
from collections.abc import Container, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from dfd_lib.data.corruptions import CLEAN, Condition, conditions, corrupt
from dfd_lib.data.crops import CropSpec, read_image
from dfd_lib.data.extract import crop_spec
from dfd_lib.data.recut import recut
from dfd_lib.evaluation.changes import auc_changes, robustness_findings
from dfd_lib.evaluation.ensembles import ensemble_predictions
from dfd_lib.evaluation.metrics import evaluate
from dfd_lib.experiment import Experiment
from dfd_lib.paths import report_dir, whole
from dfd_lib.process import workers
from dfd_lib.stages.media import list_media, read_manifest
from dfd_lib.stages.places import crops_root, source_dir
from dfd_lib.stages.scoring import BATCH, Runs, Scorer, as_predictions, frame_runs, in_threads
from dfd_lib.stamp import record_test_read
from dfd_lib.tables import check_predictions, read_table, write_table
from dfd_lib.training.runs import read_run

RULES = 1
"""Raise it with every change of the code that changes corrupted crops, so that they are scored anew."""

TOLERANCE = {"float32": 1e-3, "mixed_bfloat16": 3e-2}
"""How far two scorings of one clean crop may lie apart: other batches, other order of sums."""


def rows_of(experiment: Experiment, split: str = "test") -> pd.DataFrame:
    """A part of the manifest, clip by clip.

    Raises:
        ValueError: it is empty.
    """
    manifest = read_manifest(experiment)
    rows = manifest[manifest["split"] == split].sort_values(["video", "path"], ignore_index=True)
    if rows.empty:
        raise ValueError(f"experiment {experiment.name!r}: expected crops in {split}, came none. Give {split} a share of the split.")
    return rows


def asked_conditions(experiment: Experiment) -> tuple[list[str], str]:
    """The conditions of the recipe that can be had on test, and why H.264 cannot where it was asked for and cannot."""
    return available(experiment, conditions(experiment.generalise.conditions), rows_of(experiment))


def available(experiment: Experiment, asked: list[str], rows: pd.DataFrame) -> tuple[list[str], str]:
    """Those of some conditions that these rows of the manifest can be put under, and why H.264 is not among them."""
    if not any(Condition.parse(name).kind == "h264" for name in asked):
        return asked, ""
    reason = _no_clips(experiment, rows)
    return [name for name in asked if not reason or Condition.parse(name).kind != "h264"], reason


def _no_clips(experiment: Experiment, rows: pd.DataFrame) -> str:
    if experiment.faces is None:
        return "H.264 is not available: these are single crops, and it works on clips."
    if experiment.faces.align:
        return "H.264 is not available: aligned crops cannot be cut again, since where the eyes are is not kept."
    return "" if set(_clips(experiment, rows)["kind"]) == {"video"} else "H.264 is not available: there are photos among the files."


def _clips(experiment: Experiment, rows: pd.DataFrame) -> pd.DataFrame:
    """The files behind rows of the manifest: file, kind and video."""
    listing, _ = list_media(experiment, source_dir(experiment))
    return listing[listing["video"].isin(rows["video"])]


def score_conditions(experiment: Experiment, *, progress: bool = False) -> pd.DataFrame:
    """Score test under each condition of the recipe with each model that judges frames; writes robustness_predictions.parquet.

    Each crop is corrupted at its own size, before a network's resize, and once for
    all networks. Scores are kept as they are made, under `models/robustness`, so an interrupted run goes on.

    Args:
        experiment: one whose models are trained.
        progress: show a bar.

    Returns:
        Predictions of `test` at level frame, under `clean` and each condition.

    Raises:
        FileNotFoundError: a run is missing.
        ValueError: clean scores are not those of the training run.
    """
    rows, runs = rows_of(experiment), frame_runs(experiment)
    parts = []
    for part in scored(experiment, rows, runs, [CLEAN, *asked_conditions(experiment)[0]], progress=progress):
        parts.append(part)
        if part["condition"].iloc[0] == CLEAN:
            _check_clean(part, runs[part["model"].iloc[0], part["seed"].iloc[0]])
    table = check_predictions(pd.concat(parts, ignore_index=True))
    write_table(table, report_dir(experiment.name) / "robustness_predictions.parquet")
    return table


def scored(
    experiment: Experiment, rows: pd.DataFrame, runs: Runs, names: list[str], *, prefix: str = "", progress: bool = False
) -> Iterator[pd.DataFrame]:
    """Predictions of rows of the manifest under conditions, at level frame, by each run in turn; what is kept already is read.

    Args:
        experiment: whose crops and models these are.
        rows: one part of the split, always in the same order.
        runs: that judge frames.
        names: of the conditions.
        prefix: of the kept files' names, which tells other parts from test.
        progress: show a bar.
    """
    kept = {run: _folder(experiment, *run) for run in runs}
    scorer = Scorer({f"{model}-s{seed}": folder for (model, seed), folder in runs.items()})
    for name in tqdm(names, unit="condition", disable=not progress):
        places = {(model, seed): folder / f"{prefix}{name}.parquet" for (model, seed), folder in kept.items()}
        missing = {f"{model}-s{seed}": place for (model, seed), place in places.items() if not place.exists()}
        scores = scorer(missing, corrupted(experiment, rows, name)) if missing else {}
        for run, p_fake in scores.items():
            write_table(pd.DataFrame({"path": rows["path"], "p_fake": p_fake}), missing[run])
        for (model, seed), place in places.items():
            yield as_predictions(rows, model, seed, name, read_table(place)["p_fake"].to_numpy())


def _folder(experiment: Experiment, model: str, seed: int) -> Path:
    """Where a run's scores are kept: the name changes with all that they depend on."""
    facts = [read_run(frame_runs(experiment)[model, seed]).facts["fingerprint"], experiment.split.seed, RULES]
    key = hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:16]
    return report_dir(experiment.name) / "models" / "robustness" / f"{model}-s{seed}-{key}"


def _check_clean(scored: pd.DataFrame, folder: Path) -> None:
    """What is measured here must be the models of the report: their clean scores come again."""
    run = read_run(folder)
    then = run.predictions.set_index("path")["p_fake"].reindex(scored["path"]).to_numpy()
    apart = np.abs(then - scored["p_fake"].to_numpy()).max()
    if not apart <= TOLERANCE[run.facts["settings"]["precision"]]:
        raise ValueError(
            f"run {folder.name}: expected the scores of its training on clean crops, came others, by up to {apart:.3g}. "
            f"Its weights or the crops have changed since: delete {folder.name}/run.json and train it again."
        )


def corrupted(experiment: Experiment, rows: pd.DataFrame, name: str) -> Iterator[np.ndarray]:
    """The crops of these rows under a condition, in their order, at their own sizes: uint8 (H, W, 3), RGB.

    H.264 encodes each clip anew up to the last frame that is needed, and cuts the same places.
    """
    condition, root, seed = Condition.parse(name), crops_root(experiment), experiment.split.seed
    if condition.kind != "h264":
        return in_threads(lambda path: corrupt(read_image(root / path), condition, seed=seed, path=path), rows["path"], BATCH)
    files = _clips(experiment, rows).set_index("video")["file"]
    spec, source = crop_spec(experiment.faces), source_dir(experiment)
    clips = [own for _, own in rows.groupby("video", sort=False)]
    return _each(in_threads(lambda own: _recut(source / files[own["video"].iloc[0]], own, spec, int(condition.strength)), clips, workers()))


def _recut(clip: Path, rows: pd.DataFrame, spec: CropSpec, crf: int) -> list[np.ndarray]:
    crops = recut(clip, rows, spec, crf)
    return [crops[path] for path in rows["path"]]


def _each(lists: Iterator[list[np.ndarray]]) -> Iterator[np.ndarray]:
    for some in lists:
        yield from some


def measure_robustness(experiment: Experiment) -> pd.DataFrame:
    """Metrics of every model and of the ensemble that val chose, per condition, by clip; writes robustness.csv and robustness.txt.

    Reads `test`, and records that it did.

    Returns:
        The columns of the metrics table with intervals; `kind` and `strength` of the condition; and
        `auc_change` from clean, with its paired interval.
    """
    out, rule = report_dir(experiment.name), experiment.evaluation
    asked, missing = asked_conditions(experiment)
    predictions = read_table(out / "robustness_predictions.parquet")
    predictions = _with_ensemble(experiment, predictions[predictions["condition"].isin([CLEAN, *asked])])
    how = {"aggregator": rule.aggregator, "resamples": rule.resamples}
    table = with_clip_rule(evaluate(predictions, threshold=rule.threshold, levels=["video"], **how), rule.aggregator)
    table = table.merge(auc_changes(predictions, **how), on=["model", "seed", "condition"], validate="one_to_one")
    parsed = table["condition"].map(Condition.parse)
    table = table.assign(kind=[one.kind for one in parsed], strength=[one.strength for one in parsed])
    said = [*robustness_findings(table, best_of(experiment, table)), missing, _clip_models(experiment)]
    write_table(table, out / "robustness.csv")
    with whole(out / "robustness.txt") as beside:
        beside.write_text("".join(f"{line}\n" for line in said if line), encoding="utf-8")
    record_test_read(out, "70_generalise", said[0])
    return table


def with_clip_rule(metrics: pd.DataFrame, aggregator: str) -> pd.DataFrame:
    """Metrics by clip of models that judge frames, and of an ensemble, whose rows tell no more how its members' clips were scored."""
    frames = metrics.groupby("dataset")["frames_per_clip"].transform("median")
    return metrics.assign(aggregator=aggregator, frames_per_clip=metrics["frames_per_clip"].fillna(frames))


def chosen_ensemble(experiment: Experiment, models: Container[str]) -> pd.Series | None:
    """The row of ensembles.csv that is best on val of those whose members are all among `models`."""
    tried = read_table(report_dir(experiment.name) / "ensembles.csv")
    inside = tried["members"].map(lambda names: all(name in models for name in names.split("+")))
    combined = tried[inside & (tried["rule"] != "single")]
    return None if combined.empty else combined.iloc[0]


def best_of(experiment: Experiment, table: pd.DataFrame) -> str:
    """Whom the findings are about: the ensemble that is in the table, else the best single model of val."""
    tried = read_table(report_dir(experiment.name) / "ensembles.csv")
    there = [name for name in (*tried.loc[tried["rule"] != "single", "name"], *tried["name"]) if name in set(table["model"])]
    return there[0] if there else table["model"].iloc[0]


def _with_ensemble(experiment: Experiment, corrupted: pd.DataFrame) -> pd.DataFrame:
    """The predictions and those of the best ensemble on val of models that are there, which is fitted on clean val as ever."""
    row = chosen_ensemble(experiment, set(corrupted["model"]))
    if row is None:
        return corrupted
    members = row["members"].split("+")
    clean = read_table(report_dir(experiment.name) / "predictions.parquet")
    val = clean[(clean["split"] == "val") & clean["model"].isin(members)]
    both = pd.concat([val, corrupted[corrupted["model"].isin(members)]], ignore_index=True)
    scored = ensemble_predictions(both, row)
    return pd.concat([corrupted, scored[scored["split"] == "test"]], ignore_index=True)


def _clip_models(experiment: Experiment) -> str:
    left = [name for name in experiment.models if not frame_runs(experiment, [name])]
    if not left:
        return ""
    return f"{', '.join(left)}: scored by the clip, hence not under corruptions; an ensemble is the best on val without such a member."
