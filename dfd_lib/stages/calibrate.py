"""The step that asks whether p_fake can be taken at its word: fitted on `calib`, held against `test`.

A step like those of `stages`, from tables to tables. Models have theirs after
`stages.compare`; the ensemble that val chose after `stages.search_ensembles`, in
files that begin with `ensemble_`.
"""

import dataclasses
import json

import pandas as pd

from dfd_lib.evaluation.findings import findings
from dfd_lib.evaluation.metrics import evaluate
from dfd_lib.evaluation.promises import ERROR_RATES, Promises, hold
from dfd_lib.experiment import Experiment
from dfd_lib.paths import report_dir, whole
from dfd_lib.stamp import record_test_read
from dfd_lib.tables import read_table, write_table

TABLES = ("calibration", "reliability", "operating", "conformal")
"""Tables of `Promises` that the step writes as CSV."""

WRITES = (*(f"{name}.csv" for name in TABLES), "calibration.json", "calibration.txt")
"""All that it writes: the tables, what a detector needs, and what came out in words about the best model."""


def calibrate_models(experiment: Experiment, predictions: pd.DataFrame) -> Promises:
    """Calibrate every model; writes `WRITES` of the report.

    Reads `test`, and records that it did.

    Args:
        experiment: the recipe; its `evaluation` says how.
        predictions: of all models and seeds.

    Returns:
        See `evaluation.promises.Promises`.

    Raises:
        ValueError: a model has no rows of calib or of test.
    """
    return _calibrate(experiment, predictions, _best_on_val(predictions, experiment.evaluation.aggregator), "", "50_compare")


def calibrate_ensemble(experiment: Experiment, ensembles: pd.DataFrame) -> list[str]:
    """Calibrate the ensemble that val chose; writes `WRITES` of the report, each after `ensemble_`.

    Reads `test`, and records that it did.

    Args:
        experiment: the recipe.
        ensembles: the table of `stages.search_ensembles`, which wrote their predictions.

    Returns:
        What came out, three sentences; none where there is no ensemble (one model), and nothing is written.
    """
    combined = ensembles[ensembles["rule"] != "single"]
    if combined.empty:
        return []
    name = combined["name"].iloc[0]
    predictions = read_table(report_dir(experiment.name) / "ensemble_predictions.parquet")
    rule = combined.iloc[0][["aggregator", "frames_per_clip"]]
    promises = _calibrate(experiment, predictions[predictions["model"] == name], name, "ensemble_", "60_ensembles", rule)
    return findings(promises, name, experiment.evaluation.error_rate)


def hold_as_asked(experiment: Experiment, predictions: pd.DataFrame) -> Promises:
    """`evaluation.promises.hold` with the recipe's threshold, aggregator, error rate, resamples and seed."""
    rule = experiment.evaluation
    return hold(
        predictions,
        threshold=rule.threshold,
        aggregator=rule.aggregator,
        error_rates=sorted({*ERROR_RATES, rule.error_rate}),
        resamples=rule.resamples,
        seed=experiment.split.seed,
    )


def _calibrate(
    experiment: Experiment, predictions: pd.DataFrame, best: str, prefix: str, command: str, scored: pd.Series | None = None
) -> Promises:
    """`scored` says how the clips of an ensemble were scored, which its predictions by clip tell no more."""
    out, rule = report_dir(experiment.name), experiment.evaluation
    promises = hold_as_asked(experiment, predictions)
    if scored is not None and pd.notna(scored["frames_per_clip"]):
        promises = dataclasses.replace(promises, **{name: _scored_as(getattr(promises, name), scored) for name in TABLES})
    said = findings(promises, best, rule.error_rate)
    for name in TABLES:
        write_table(getattr(promises, name), out / f"{prefix}{name}.csv")
    facts = json.dumps({"error_rate": rule.error_rate, "models": promises.fitted}, indent=1)
    for suffix, text in {"json": facts, "txt": "\n".join(said)}.items():
        with whole(out / f"{prefix}calibration.{suffix}") as beside:
            beside.write_text(text + "\n", encoding="utf-8")
    record_test_read(out, command, said[0])
    return promises


def _scored_as(table: pd.DataFrame, scored: pd.Series) -> pd.DataFrame:
    by_clip = table["level"] == "video"
    return table.assign(**{name: table[name].mask(by_clip, value) for name, value in scored.items()})


def _best_on_val(predictions: pd.DataFrame, aggregator: str) -> str:
    """The model with the best AUC on val, by clip, the mean of its seeds; the first where val cannot tell."""
    clean = predictions[(predictions["split"] == "val") & (predictions["condition"] == "clean")]
    known = evaluate(clean, aggregator=aggregator, levels=["video"]).groupby("model")["auc"].mean().dropna()
    return predictions["model"].iloc[0] if known.empty else known.idxmax()
