"""Which ensemble is served as a detector: small enough, the best on clean val, and on damaged val where the recipe asks for that.

Nothing here looks at `test`.
"""

from typing import NamedTuple

import pandas as pd

from dfd_lib.data.corruptions import CLEAN, conditions
from dfd_lib.evaluation.changes import auc_changes
from dfd_lib.evaluation.combined import combine_predictions, fit_combination
from dfd_lib.evaluation.metrics import evaluate
from dfd_lib.experiment import Experiment
from dfd_lib.formats import between, count, share
from dfd_lib.models.registry import model_facts
from dfd_lib.paths import report_dir
from dfd_lib.stages.robustness import available, rows_of, scored
from dfd_lib.stages.scoring import frame_runs
from dfd_lib.tables import read_table

MEGABYTES = 15.0
"""A detector's file is at most so large unless something else is asked for."""

BYTES_A_PARAMETER = 1.95
"""Of a network in the file: half precision, a little compressed. The package's own detector has 1.92; a little more is reckoned with,
since what is let in here and does not fit is only refused once it is exported, the last step of hours."""


class Choice(NamedTuple):
    """What is served."""

    row: pd.Series
    """Of ensembles.csv."""
    runs: pd.DataFrame
    """The run (best seed on val) of each of its members, in their order."""
    said: str
    """What damaged val had to say of it; empty where the recipe did not ask."""


def choose(experiment: Experiment, megabytes: float = MEGABYTES, clips: bool = False) -> Choice:
    """The ensemble (or single model) that is best on val and, as far as its parameters tell, small enough.

    Where the recipe names `detector.conditions`, those go first that lose at most `detector.loss`
    of AUC on val under each of them; if there is none, the best on clean val stays, and `said` says so.
    Models of clips are left out, since a detector of faces judges photos too, unless `clips`
    says otherwise or there are no others; controls that see frames out of order always.

    Args:
        experiment: has been trained and searched for ensembles.
        megabytes: how large the file may become.
        clips: let models of clips in. Under corruptions they are not scored, so no ensemble with one can bear them.

    Raises:
        FileNotFoundError: the experiment was not run.
        ValueError: no network is small enough, or a condition is not to be had.
    """
    report = report_dir(experiment.name)
    table, runs = read_table(report / "ensembles.csv"), read_table(report / "runs.csv")
    runs = runs.sort_values("val_auc", ascending=False, kind="stable").drop_duplicates("model").set_index("model")
    table = table[table["members"].map(lambda names: set(names.split("+")) <= set(_served(experiment, runs, clips)))]
    if table.empty:
        raise ValueError(
            "export: expected a model that can be served, came controls that see frames out of order alone. Add one to the recipe."
        )
    size = table["members"].map(lambda names: runs.loc[names.split("+"), "parameters"].sum() * BYTES_A_PARAMETER / 1e6)
    fits = table[size <= megabytes].sort_values(["val_auc", "size"], ascending=[False, True], kind="stable")
    if fits.empty:
        raise ValueError(
            f"export: expected a model of at most {megabytes:g} MB, the smallest has {size.min():.1f}. Allow more (--megabytes)."
        )
    row, said = _that_bears(experiment, fits, runs) if experiment.detector.conditions else (fits.iloc[0], "")
    return Choice(row, runs.loc[row["members"].split("+")], said)


def _served(experiment: Experiment, runs: pd.DataFrame, clips: bool) -> list[str]:
    """The models that may be members."""
    in_order = [name for name in runs.index if name not in experiment.models or experiment.models[name].order == "time"]
    faces = [name for name in in_order if model_facts(runs.loc[name, "registry_name"]).takes == "frame"]
    return in_order if clips or not faces else faces


def _that_bears(experiment: Experiment, fits: pd.DataFrame, runs: pd.DataFrame) -> tuple[pd.Series, str]:
    """The first of the rows that loses little enough on damaged val, else the first; and what it loses, in words."""
    predictions, most = _on_val(experiment, fits, runs), experiment.detector.loss
    there = fits[fits["members"].map(lambda names: set(names.split("+")) <= set(predictions["model"]))]
    asked = f"at most {share(most)} of its AUC on val under {', '.join(conditions(experiment.detector.conditions))}"
    for _, row in there.iterrows():
        auc = _aucs(experiment, _ensemble(experiment, predictions, row))
        if (auc[CLEAN] - auc <= most + 1e-9).all():
            said = f"Chosen on val: the best there, of what is small enough, of those that lose {asked}"
            return row, f"{said} ({_changes(experiment, predictions, row)})."
    first = fits.iloc[0]
    said = f"Robustness chose nothing: of {count(len(fits), 'candidate')} none loses {asked}; so the best on clean val is served"
    known = first.name in there.index
    return first, f"{said} ({_changes(experiment, predictions, first) if known else 'a model of clips, not scored under corruptions'})."


def _on_val(experiment: Experiment, fits: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Predictions of val, clean and under each condition, by the runs that would be served, each scored once; seed 0."""
    names = {name for members in fits["members"] for name in members.split("+")}
    own = {run: folder for run, folder in frame_runs(experiment, names).items() if run[1] == runs.loc[run[0], "seed"]}
    rows = rows_of(experiment, "val")
    asked, missing = available(experiment, conditions(experiment.detector.conditions), rows)
    if missing:
        raise ValueError(f"experiment {experiment.name!r}: detector.conditions: {missing} Leave it out.")
    clean = read_table(report_dir(experiment.name) / "predictions.parquet")
    clean = clean[(clean["split"] == "val") & (clean["condition"] == CLEAN)]
    clean = clean[[run in own for run in zip(clean["model"], clean["seed"], strict=True)]]
    return pd.concat([clean, *scored(experiment, rows, own, asked, prefix="val-")], ignore_index=True).assign(seed=0)


def _ensemble(experiment: Experiment, predictions: pd.DataFrame, row: pd.Series) -> pd.DataFrame:
    """Its scores, fitted on clean val and on nothing else: clean and damaged crops are judged by one and the same combination."""
    names = row["members"].split("+")
    own = predictions[predictions["model"].isin(names)]
    aggregator = experiment.evaluation.aggregator
    return combine_predictions(own, names, fit_combination(own, row), name=row["name"], aggregator=aggregator)


def _aucs(experiment: Experiment, predictions: pd.DataFrame) -> pd.Series:
    """AUC by clip, a row a condition."""
    return evaluate(predictions, aggregator=experiment.evaluation.aggregator, levels=["video"]).set_index("condition")["auc"]


def _changes(experiment: Experiment, predictions: pd.DataFrame, row: pd.Series) -> str:
    rule, own = experiment.evaluation, _ensemble(experiment, predictions, row)
    table = auc_changes(own, aggregator=rule.aggregator, resamples=rule.resamples).query(f"condition != '{CLEAN}'")
    ends = ("auc_change", "auc_change_low", "auc_change_high")
    return "changes: " + ", ".join(
        f"{between(*(one[end] for end in ends), sign=True)} under {one['condition']}" for _, one in table.iterrows()
    )
