"""Trained on one data set, scored on another: every pair of the experiments that a recipe names, with itself.

Crops are taken as each experiment has them: another data set is another way of
finding and cutting faces, too. The models stay as their experiments left them.
"""

import hashlib

import pandas as pd

from dfd_lib.data.crops import read_image
from dfd_lib.data.pixels import crop_bytes
from dfd_lib.evaluation.cross import AT, cross_findings, cross_table, pair_findings
from dfd_lib.evaluation.ensembles import ensemble_predictions
from dfd_lib.evaluation.pairs import compare_pairs
from dfd_lib.experiment import Experiment, load_experiment
from dfd_lib.paths import report_dir, whole
from dfd_lib.stages.copies import without_copies
from dfd_lib.stages.places import crops_root
from dfd_lib.stages.robustness import best_of, chosen_ensemble, rows_of, with_clip_rule
from dfd_lib.stages.scoring import BATCH, Runs, Scorer, as_predictions, frame_runs, in_threads
from dfd_lib.stamp import record_test_read
from dfd_lib.tables import check_predictions, read_table, write_table
from dfd_lib.training.runs import read_run


def partners(experiment: Experiment) -> dict[str, tuple[Experiment, Runs]]:
    """This experiment with all its models that judge frames, and those that `cross` names with their models of the same names.

    One without any such model lends its test part alone.

    Raises:
        FileNotFoundError: one was not run yet; the message says the command.
        ValueError: one has the same data as another.
    """
    found = _exchanged(experiment)
    for name, (_, runs) in found.items():
        if lacking := _lacking(name, runs):
            raise FileNotFoundError(f"cross: expected {lacking} of {name!r}, found none. Run `dfd report {name}` first.")
    return found


def missing_partners(experiment: Experiment) -> str:
    """Which experiments lack what it exchanges with them, a test part or trained models, in a sentence; empty where none does.

    No mistake: where two name each other, one must be first.

    Raises:
        ValueError: one has the same data as another.
    """
    others = {name: runs for name, (_, runs) in _exchanged(experiment).items() if name != experiment.name}
    missing = {name: lacking for name, runs in others.items() if (lacking := _lacking(name, runs))}
    if not missing:
        return ""
    names = " and ".join(f"{name}, which lacks {lacking}" for name, lacking in missing.items())
    commands = " and ".join(f"`dfd report {name}`" for name in missing)
    return f"it exchanges models and test parts with {names}: run {commands} before its last steps, or leave them out of `cross`"


def _exchanged(experiment: Experiment) -> dict[str, tuple[Experiment, Runs]]:
    """What `partners` returns, whether it is there or not."""
    own = frame_runs(experiment)
    found = {experiment.name: (experiment, own)}
    for other in map(load_experiment, experiment.generalise.cross):
        for known, _ in found.values():
            if other.data.source == known.data.source:
                raise ValueError(f"cross: expected other data than of {known.name!r}, {other.name!r} has the same. Leave it out.")
        found[other.name] = other, frame_runs(other, {model for model, _ in own})
    return found


def _lacking(name: str, runs: Runs) -> str:
    """What an experiment must have before anything can be exchanged with it, and has not; empty where it has all."""
    if not (report_dir(name) / "manifest.parquet").is_file():
        return "a split"
    untrained = [folder.name for folder in runs.values() if not (folder / "run.json").is_file()]
    return f"the trained {', '.join(untrained)}" if untrained else ""


def score_cross(experiment: Experiment) -> pd.DataFrame:
    """Score the test part of each experiment with the models of each; writes cross_predictions.parquet.

    Scores are kept under `models/cross` as they are made, so an interrupted run goes on.

    Returns:
        Predictions of `test` at level frame: model is `lenet@demo` where lenet was trained in
        the experiment demo, dataset the experiment whose test part it is.

    Raises:
        As `partners`.
    """
    everyone, parts = partners(experiment), []
    for there, (other, _) in everyone.items():
        rows = rows_of(other)
        for here, (_, runs) in everyone.items():
            scores = _own(runs) if here == there else _scores(experiment, other, rows, here, runs)
            for (model, seed), table in scores.items():
                p_fake = table.set_index("path")["p_fake"].loc[rows["path"]].to_numpy()
                parts.append(as_predictions(rows.assign(dataset=there), f"{model}{AT}{here}", seed, "clean", p_fake))
    table = check_predictions(pd.concat(parts, ignore_index=True))
    write_table(table, report_dir(experiment.name) / "cross_predictions.parquet")
    return table


def _own(runs: Runs) -> dict[tuple[str, int], pd.DataFrame]:
    return {run: read_run(folder).predictions for run, folder in runs.items()}


def _scores(experiment: Experiment, other: Experiment, rows: pd.DataFrame, here: str, runs: Runs) -> dict[tuple[str, int], pd.DataFrame]:
    """Path and p_fake of another experiment's crops, by each run; those that are kept already are read."""
    root = crops_root(other)
    crops = hashlib.sha256(pd.util.hash_pandas_object(rows["path"], index=False).to_numpy().tobytes() + crop_bytes(rows, root).tobytes())
    kept = {}
    for (model, seed), folder in runs.items():
        key = f"{read_run(folder).facts['fingerprint']}-{crops.hexdigest()[:16]}"
        kept[model, seed] = report_dir(experiment.name) / "models" / "cross" / f"{here}-{model}-s{seed}-on-{other.name}-{key}.parquet"
    missing = {f"{model}-s{seed}": place for (model, seed), place in kept.items() if not place.exists()}
    if missing:
        scorer = Scorer({f"{model}-s{seed}": folder for (model, seed), folder in runs.items()})
        crops_in_order = in_threads(lambda path: read_image(root / path), rows["path"], BATCH)
        for run, p_fake in scorer(missing, crops_in_order).items():
            write_table(pd.DataFrame({"path": rows["path"], "p_fake": p_fake}), missing[run])
    return {run: read_table(place) for run, place in kept.items()}


def measure_cross(experiment: Experiment) -> pd.DataFrame:
    """Metrics by clip of every pair, and of this experiment's ensemble on every data set; writes cross.csv, cross_pairs.csv, cross.txt.

    Reads `test` of every experiment, and records that it did.

    Returns:
        See `evaluation.cross.cross_table`.
    """
    out, rule = report_dir(experiment.name), experiment.evaluation
    scores = read_table(out / "cross_predictions.parquet")
    predictions, pairs = _with_ensemble(experiment, scores), own_pairs(experiment, scores)
    table = cross_table(predictions, threshold=rule.threshold, aggregator=rule.aggregator, resamples=rule.resamples)
    table = with_clip_rule(table, rule.aggregator)
    said = [*cross_findings(table, experiment.name, best_of(experiment, table)), *pair_findings(pairs)]
    write_table(table, out / "cross.csv")
    write_table(pairs, out / "cross_pairs.csv")
    with whole(out / "cross.txt") as beside:
        beside.write_text("".join(f"{line}\n" for line in said), encoding="utf-8")
    for name in (experiment.name, *experiment.generalise.cross):
        record_test_read(report_dir(name), "70_generalise", f"cross of {experiment.name}: {said[0]}")
    return table


def own_pairs(experiment: Experiment, predictions: pd.DataFrame) -> pd.DataFrame:
    """Every two of this experiment's own models on each foreign test part: the paired difference in AUC by clip.

    All pairs, since a recipe holds few models, and any two may be the question; Holm counts those of a data set.
    Soups that are copies are left out.

    Args:
        experiment: whose models they are.
        predictions: of `score_cross`.

    Returns:
        See `evaluation.pairs.compare_pairs`; no row where there is one model alone.
    """
    here, rule = _of_home(experiment, predictions), experiment.evaluation
    away = here[(here["dataset"] != experiment.name) & here["model"].isin(without_copies(experiment, here["model"].unique()))]
    return compare_pairs(away, aggregator=rule.aggregator, resamples=rule.resamples)


def _of_home(experiment: Experiment, predictions: pd.DataFrame) -> pd.DataFrame:
    """The scores of this experiment's own models, under the names that they have there."""
    home = f"{AT}{experiment.name}"
    here = predictions[predictions["model"].str.endswith(home)]
    return here.assign(model=here["model"].str.removesuffix(home))


def _with_ensemble(experiment: Experiment, predictions: pd.DataFrame) -> pd.DataFrame:
    """The predictions, and those of the best ensemble on val of this experiment's models that are there, fitted on its own val as ever."""
    home, here = f"{AT}{experiment.name}", _of_home(experiment, predictions)
    row = chosen_ensemble(experiment, set(here["model"]))
    if row is None:
        return predictions
    clean = read_table(report_dir(experiment.name) / "predictions.parquet")
    both = pd.concat([clean[clean["split"] == "val"], here], ignore_index=True)
    scored = ensemble_predictions(both[both["model"].isin(row["members"].split("+"))], row)
    scored = scored[scored["split"] == "test"]
    return pd.concat([predictions, scored.assign(model=scored["model"] + home)], ignore_index=True)
