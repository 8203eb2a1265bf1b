"""The step that makes a detector of an experiment: choose, export, calibrate what was exported, and pack it into one file."""

import datetime
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from dfd_lib.data.crops import read_image
from dfd_lib.detector.bundle import save_bundle
from dfd_lib.detector.networks import BATCH, Networks
from dfd_lib.detector.spec import FORMAT, POSITIVE, Member, combination_facts
from dfd_lib.evaluation.combined import combine_predictions, fit_combination
from dfd_lib.experiment import Experiment
from dfd_lib.models.registry import model_facts
from dfd_lib.paths import report_dir
from dfd_lib.stages.calibrate import hold_as_asked
from dfd_lib.stages.detector_facts import crop_of, data_facts, golden_faces, judgements, licences, metrics, sampling
from dfd_lib.stages.media import read_manifest
from dfd_lib.stages.places import crops_root, run_dir
from dfd_lib.stamp import environment, record_test_read
from dfd_lib.tables import check_predictions, read_table, write_table

MEGABYTES = 15.0
"""A detector's file is at most so large unless something else is asked for."""

BYTES_A_PARAMETER = 1.9
"""Of a network in the file: half precision, a little compressed."""


def export_detector(experiment: Experiment, out: Path | None = None, megabytes: float = MEGABYTES) -> Path:
    """Make a detector of the best ensemble (or single model) on val that fits into a file.

    What is calibrated and measured are the scores of the exported networks
    themselves. Reads `test`, and records that it did; writes
    `detector_predictions.parquet` of the report too.

    Args:
        experiment: has been trained and searched for ensembles.
        out: the `.dfd` file; default: `detector.dfd` of the report.
        megabytes: how large it may become.

    Returns:
        The file.

    Raises:
        FileNotFoundError: the experiment was not run.
        ValueError: no network is small enough.
    """
    report = report_dir(experiment.name)
    row, runs = choose(report, megabytes)
    members, networks = _export(experiment, runs)
    manifest = read_manifest(experiment)
    opened = Networks(members, networks)
    scored = score_members(opened, manifest[manifest["split"].isin(["val", "calib", "test"])], crops_root(experiment))
    combination = fit_combination(scored, row)
    rule, names = experiment.evaluation, [member.name for member in members]
    predictions = combine_predictions(scored, names, combination, name=experiment.name, aggregator=rule.aggregator)
    promises = hold_as_asked(experiment, predictions)
    crop, measured = crop_of(experiment, manifest)
    golden = golden_faces(crop)
    facts = {
        "format": FORMAT,
        "positive": POSITIVE,
        "name": experiment.name,
        "title": experiment.title,
        "built": datetime.date.today().isoformat(),
        "members": [{"name": one.name, "model": one.model, "image_size": one.image_size, "resize": one.resize} for one in members],
        "combination": combination_facts(combination),
        "ensemble": {"rule": row["rule"], "members": row["members"], "val_auc": float(row["val_auc"])},
        "aggregator": rule.aggregator,
        "crop": crop.to_dict(),
        "crop_measured": measured,
        **sampling(experiment),
        "error_rate": rule.error_rate,
        **judgements(promises, predictions),
        "golden": {name: opened.scores(pixels[None])[0].tolist() for name, pixels in golden.items()},
        "data": data_facts(experiment, manifest),
        "metrics": metrics(predictions, promises, experiment),
        "licences": licences(members),
        "environment": environment(),
    }
    write_table(predictions, report / "detector_predictions.parquet")
    file = save_bundle(out or report / "detector.dfd", facts, networks, golden)
    record_test_read(report, "export", _result(facts))
    return file


def choose(report: Path, megabytes: float) -> tuple[pd.Series, pd.DataFrame]:
    """The row of ensembles.csv that is best on val and small enough, and the run (best seed on val) of each of its members.

    Models of clips are left out: a detector judges photos too.
    """
    table, runs = read_table(report / "ensembles.csv"), read_table(report / "runs.csv")
    runs = runs.sort_values("val_auc", ascending=False, kind="stable").drop_duplicates("model").set_index("model")
    served = [name for name, run in runs.iterrows() if model_facts(run["registry_name"]).takes == "frame"]
    table = table[table["members"].map(lambda names: set(names.split("+")) <= set(served))]
    if table.empty:
        raise ValueError("export: expected a model of single faces, came models of clips alone. Add one to the recipe.")
    size = table["members"].map(lambda names: runs.loc[names.split("+"), "parameters"].sum() * BYTES_A_PARAMETER / 1e6)
    fits = table[size <= megabytes].sort_values(["val_auc", "size"], ascending=[False, True], kind="stable")
    if fits.empty:
        raise ValueError(
            f"export: expected a model of at most {megabytes:g} MB, the smallest has {size.min():.1f}. Allow more (--megabytes)."
        )
    row = fits.iloc[0]
    return row, runs.loc[row["members"].split("+")]


def _export(experiment: Experiment, runs: pd.DataFrame) -> tuple[list[Member], dict[str, bytes]]:
    from dfd_lib.models.weights import load_weights
    from dfd_lib.training.export import export_onnx

    members, networks = [], {}
    for name, run in runs.iterrows():
        folder = run_dir(experiment, name, int(run["seed"]))
        hyper = json.loads((folder / "run.json").read_text())["settings"]["hyper"]
        model = load_weights(run["registry_name"], folder / "best.weights.h5", image_size=int(run["image_size"]), **hyper)
        networks[name] = export_onnx(model)
        members.append(Member(name, run["registry_name"], int(run["image_size"]), "area", ""))
    return members, networks


def score_members(opened: Networks, manifest: pd.DataFrame, root: Path) -> pd.DataFrame:
    """Score crops with exported networks; a predictions table of all members at level frame."""
    paths = [root / path for path in manifest["path"]]
    batches = tqdm(range(0, len(paths), BATCH), desc="score what was exported", unit="batch", disable=None)
    scores = np.concatenate([opened.scores([read_image(path) for path in paths[first : first + BATCH]]) for first in batches])
    table = manifest[["dataset", "split", "path", "video", "face", "frame", "group", "label"]].assign(
        seed=0, level="frame", condition="clean"
    )
    parts = [table.assign(model=member.name, p_fake=scores[:, column]) for column, member in enumerate(opened.members)]
    return check_predictions(pd.concat(parts, ignore_index=True))


def _result(facts: dict[str, Any]) -> str:
    last = facts["metrics"]["test"][-1]
    return f"detector {facts['ensemble']['rule']}({facts['ensemble']['members']}): {last['level']} AUC {last['auc']:.3f} on test"
