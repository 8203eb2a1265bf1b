"""The step that makes a detector of an experiment: choose, export, calibrate what was exported, and pack it into one file."""

import datetime
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pandas as pd

from dfd_lib.detector.bundle import save_bundle
from dfd_lib.detector.networks import Networks, golden_scores
from dfd_lib.detector.spec import FORMAT, POSITIVE, Member, combination_facts
from dfd_lib.evaluation.combined import combine_predictions, fit_combination
from dfd_lib.experiment import Experiment
from dfd_lib.paths import report_dir
from dfd_lib.stages.calibrate import hold_as_asked
from dfd_lib.stages.choosing import MEGABYTES, choose
from dfd_lib.stages.detector_elsewhere import elsewhere
from dfd_lib.stages.detector_facts import crop_of, data_facts, golden_faces, judgements, metrics, sampling
from dfd_lib.stages.detector_licences import licences
from dfd_lib.stages.media import read_manifest
from dfd_lib.stages.places import crops_root, run_dir
from dfd_lib.stages.served import score_crops
from dfd_lib.stamp import environment, record_test_read
from dfd_lib.tables import read_table, write_table


def export_detector(experiment: Experiment, out: Path | None = None, megabytes: float = MEGABYTES, *, clips: bool = False) -> Path:
    """Make a detector of the ensemble (or single model) that `choosing.choose` takes.

    What is calibrated and measured are the scores of the exported networks
    themselves. Reads `test`, and records that it did; writes
    `detector_predictions.parquet` of the report too.

    Args:
        experiment: has been trained and searched for ensembles.
        out: the `.dfd` file; default: `detector.dfd` of the report.
        megabytes: how large it may become; what was written is measured before it takes the place of an older file.
        clips: let models of clips in; such a detector judges no photo.

    Returns:
        The file.

    Raises:
        FileNotFoundError: the experiment was not run, or not on this machine.
        ValueError: no network is small enough, or the file became larger than its parameters promised.
    """
    report = report_dir(experiment.name)
    _check_trained(experiment)
    row, runs, said = choose(experiment, megabytes, clips)
    members, networks = _export(experiment, runs)
    manifest, rule = read_manifest(experiment), experiment.evaluation
    opened, bad = Networks(members, networks), {}
    scored = score_crops(opened, manifest[manifest["split"].isin(["val", "calib", "test"])], crops_root(experiment), rule.aggregator, bad)
    if bad:
        raise ValueError(
            f"export: expected the crops that were trained on, {next(iter(bad.items()))} and {len(bad) - 1} more cannot be read."
        )
    combination = fit_combination(scored, row)
    names = [member.name for member in members]
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
        "members": [_facts(member) for member in members],
        "combination": combination_facts(combination),
        "ensemble": {"rule": row["rule"], "members": row["members"], "val_auc": float(row["val_auc"]), "chosen": said},
        "aggregator": rule.aggregator,
        "crop": crop.to_dict(),
        "crop_measured": measured,
        **sampling(experiment, members),
        "error_rate": rule.error_rate,
        **judgements(promises, predictions),
        "golden": dict(zip(golden, golden_scores(opened, [*golden.values()], rule.aggregator).tolist(), strict=True)),
        "data": data_facts(experiment, manifest),
        "metrics": metrics(predictions, promises, experiment) | elsewhere(experiment, names, runs["seed"], combination),
        "licences": licences(experiment, members),
        "environment": environment(),
    }
    record_test_read(report, "export", _result(facts))  # first: test was read, whatever becomes of the file
    file = save_bundle(out or report / "detector.dfd", facts, networks, golden, megabytes=megabytes)
    write_table(predictions, report / "detector_predictions.parquet")
    return file


def _check_trained(experiment: Experiment) -> None:
    """Tables are in a checkout, networks are not: say so before anything is scored."""
    runs = read_table(report_dir(experiment.name) / "runs.csv")
    folders = {name: run_dir(experiment, name, int(seed)) for name, seed in zip(runs["model"], runs["seed"], strict=True)}
    if gone := [name for name, folder in folders.items() if not (folder / "run.json").is_file()]:
        raise FileNotFoundError(
            f"export: expected the trained {', '.join(gone)} of {experiment.name!r}, found tables alone. "
            f"Run `dfd report {experiment.name}` first; trained networks are in no checkout."
        )


def _export(experiment: Experiment, runs: pd.DataFrame) -> tuple[list[Member], dict[str, bytes]]:
    from dfd_lib.models.blocks import frames_of
    from dfd_lib.models.weights import load_weights
    from dfd_lib.training.export import export_onnx

    members, networks = [], {}
    for name, run in runs.iterrows():
        folder = run_dir(experiment, name, int(run["seed"]))
        hyper = json.loads((folder / "run.json").read_text())["settings"]["hyper"]
        model = load_weights(run["registry_name"], folder / "best.weights.h5", image_size=int(run["image_size"]), **hyper)
        networks[name] = export_onnx(model)
        members.append(Member(name, run["registry_name"], int(run["image_size"]), "area", "", frames_of(model)))
    return members, networks


def _facts(member: Member) -> dict[str, Any]:
    return {name: value for name, value in asdict(member).items() if name != "sha256" and value is not None}


def _result(facts: dict[str, Any]) -> str:
    last = facts["metrics"]["test"][-1]
    chosen = f". {facts['ensemble']['chosen']}" if facts["ensemble"]["chosen"] else ""
    how = f"by clip ({facts['aggregator']} of its frames)" if last["level"] == "video" else "by crop"
    return f"detector {facts['ensemble']['rule']}({facts['ensemble']['members']}): AUC {how} {last['auc']:.3f} on test{chosen}"
