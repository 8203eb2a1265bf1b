"""What becomes of a detector's ensemble under corruptions and on other data, where its experiment has measured its members there."""

from collections.abc import Sequence
from typing import Any

import pandas as pd

from dfd_lib.evaluation.changes import auc_changes
from dfd_lib.evaluation.combined import combine_predictions
from dfd_lib.evaluation.cross import AT
from dfd_lib.evaluation.metrics import evaluate
from dfd_lib.evaluation.rules import Combination
from dfd_lib.experiment import Experiment
from dfd_lib.paths import report_dir
from dfd_lib.stages.detector_facts import plain
from dfd_lib.tables import read_table

_TOLD = ["n", "n_fake", *(f"{name}{end}" for name in ("auc", "accuracy") for end in ("", "_low", "_high"))]


def elsewhere(experiment: Experiment, members: Sequence[str], seeds: Sequence[int], combination: Combination) -> dict[str, Any]:
    """Metrics by clip of the very ensemble that is served, from what `dfd generalise` scored with its members.

    Args:
        experiment: whose report may hold robustness_predictions.parquet and cross_predictions.parquet.
        members: of the ensemble, in the order of its weights.
        seeds: of each member, the run that is served.
        combination: joins them.

    Returns:
        `robustness`: a row a condition, clean first, with `auc_change` from clean; `cross`: a row a
        data set. With 95 % intervals. What was not measured of all members is left out.
    """
    found = {}
    runs = dict(zip(members, map(int, seeds), strict=True))
    how = {"threshold": experiment.evaluation.threshold, "aggregator": experiment.evaluation.aggregator}
    resamples = {"resamples": experiment.evaluation.resamples}
    if not (scored := _combined(experiment, "robustness", runs, combination)).empty:
        table = evaluate(scored, levels=["video"], **how, **resamples)
        changes = auc_changes(scored, aggregator=how["aggregator"], **resamples)
        table = table.merge(changes, on=["model", "seed", "condition"], validate="one_to_one")
        columns = ["condition", *_TOLD, "auc_change", "auc_change_low", "auc_change_high"]
        found["robustness"] = plain(table[columns].to_dict("records"))
    if not (scored := _combined(experiment, "cross", runs, combination)).empty:
        table = evaluate(scored, levels=["video"], **how, **resamples)
        found["cross"] = plain(table[["dataset", *_TOLD]].to_dict("records"))
    return found


def _combined(experiment: Experiment, study: str, runs: dict[str, int], combination: Combination) -> pd.DataFrame:
    """Predictions of the ensemble in a study; empty where one of its members is not in it."""
    path = report_dir(experiment.name) / f"{study}_predictions.parquet"
    if not path.is_file():
        return pd.DataFrame()
    table, home = read_table(path), f"{AT}{experiment.name}" if study == "cross" else ""
    table = table[table["model"].str.endswith(home)]
    table = table.assign(model=table["model"].str.removesuffix(home))
    table = table[table["seed"] == table["model"].map(runs)]
    if set(table["model"]) != set(runs):
        return pd.DataFrame()
    aggregator = experiment.evaluation.aggregator
    return combine_predictions(table.assign(seed=0), list(runs), combination, name=experiment.name, aggregator=aggregator)
