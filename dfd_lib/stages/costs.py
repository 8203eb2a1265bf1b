"""What a score costs where a detector serves it: megabytes and milliseconds beside the AUC, for a student and those who taught it."""

import math
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from dfd_lib.detector.networks import Networks
from dfd_lib.detector.spec import Member
from dfd_lib.evaluation.ensembles import ensemble_predictions
from dfd_lib.evaluation.metrics import evaluate
from dfd_lib.experiment import Experiment
from dfd_lib.models.registry import model_facts
from dfd_lib.paths import report_dir
from dfd_lib.stages.choosing import MEGABYTES, choose
from dfd_lib.stages.places import run_dir
from dfd_lib.tables import read_table, write_table

COLUMNS = [
    "name",
    "served",
    "aggregator",
    "networks",
    "parameters",
    "megabytes",
    "milliseconds",
    "val_auc",
    "test_auc",
    "test_auc_low",
    "test_auc_high",
]

ROUNDS = 10
"""So often each network has its turn to be timed."""

A_TURN = 3
"""So often it scores a face then; the first time its weights may have left the processor's cache."""


def asks_for_costs(experiment: Experiment) -> bool:
    """Whether a recipe has a student or a soup, which are made to be cheap."""
    return any(model.teacher or model.soup for model in experiment.models.values())


def costs(experiment: Experiment, rounds: int = ROUNDS, *, megabytes: float = MEGABYTES) -> pd.DataFrame:
    """Score against size and time, for every model of faces, the best ensemble on val and the one that is served; writes costs.csv.

    Args:
        experiment: whose models are trained and compared.
        rounds: how often each network has its turn to score a face `A_TURN` times.
        megabytes: how large the detector's file may become.

    Returns:
        A row each, the best on val first: `COLUMNS`. served (whether `choosing.choose` takes it), networks (that are
        run for one score), megabytes as exported at half precision, milliseconds for one face on one processor
        (ONNX Runtime, the fastest score; of an ensemble the sum), AUC by clip on val and test with its interval, as metrics.csv and
        ensembles.csv have it. Empty, and nothing written, where `asks_for_costs` is false.
    """
    if not asks_for_costs(experiment):
        return pd.DataFrame(columns=COLUMNS)
    report = report_dir(experiment.name)
    runs = read_table(report / "runs.csv").sort_values("val_auc", ascending=False, kind="stable").drop_duplicates("model")
    runs = runs[[model_facts(one).takes == "frame" for one in runs["registry_name"]]].set_index("model")
    singles = _singles(experiment, runs, rounds)
    scores = read_table(report / "metrics.csv").query("level == 'video' and condition == 'clean'")
    rows = [{"name": name, "networks": 1, **cost, **_scores(scores[scores["model"] == name])} for name, cost in singles.items()]
    served = choose(experiment, megabytes).row
    combined = [_ensemble(experiment, row, singles) for row in _shown(read_table(report / "ensembles.csv"), served, singles)]
    table = pd.DataFrame([*rows, *combined])
    table["served"] = table["name"] == (served["members"] if served["rule"] == "single" else served["name"])
    table = table.assign(aggregator=experiment.evaluation.aggregator)[COLUMNS]
    table = table.sort_values("val_auc", ascending=False, kind="stable", ignore_index=True)
    write_table(table, report / "costs.csv")
    return table


def _singles(experiment: Experiment, runs: pd.DataFrame, rounds: int) -> dict[str, dict[str, float]]:
    """What each network costs, by its name."""
    from dfd_lib.training.export import export_onnx
    from dfd_lib.training.runs import load_network

    sizes, opened = {}, {}
    for name, run in runs.iterrows():
        network, side = export_onnx(load_network(run_dir(experiment, name, int(run["seed"])))), int(run["image_size"])
        sizes[name] = {"parameters": int(run["parameters"]), "megabytes": len(network) / 1e6}
        opened[name] = Networks([Member(name, run["registry_name"], side, "area", "")], {name: network}, threads=1)
    spent = _milliseconds(opened, rounds)
    return {name: {**size, "milliseconds": spent[name]} for name, size in sizes.items()}


def _milliseconds(opened: dict[str, Networks], rounds: int) -> dict[str, float]:
    """How long each network takes for one face: its fastest score of all, since whatever else a machine does can only slow a score down.

    They take turns, so that no network alone meets a busy minute.
    """
    fastest = dict.fromkeys(opened, math.inf)
    for _ in range(rounds):
        for name, network in opened.items():
            fastest[name] = min(fastest[name], *(_seconds(network) for _ in range(A_TURN)))
    return {name: 1e3 * seconds for name, seconds in fastest.items()}


def _seconds(network: Networks) -> float:
    """Of one score."""
    side = network.members[0].image_size
    face = np.zeros((1, side, side, 3), np.uint8)
    started = time.perf_counter()
    network.scores(face)
    return time.perf_counter() - started


def _scores(rows: pd.DataFrame) -> dict[str, float]:
    """The means over seeds; of several seeds the interval is that of none."""
    mean = rows.groupby("split")[["auc", "auc_low", "auc_high"]].mean()
    ends = {f"test_auc_{end}": mean.loc["test", f"auc_{end}"] if rows["seed"].nunique() == 1 else np.nan for end in ("low", "high")}
    return {"val_auc": mean.loc["val", "auc"], "test_auc": mean.loc["test", "auc"], **ends}


def _shown(table: pd.DataFrame, served: pd.Series, singles: dict[str, dict[str, float]]) -> Iterator[pd.Series]:
    """The best ensemble on val whose members are all known, and the one that is served, where that is another."""
    combined = table[(table["rule"] != "single") & table["members"].map(lambda names: set(names.split("+")) <= set(singles))]
    combined = combined.sort_values("val_auc", ascending=False, kind="stable")
    for place, (_, row) in enumerate(combined.iterrows()):
        if place == 0 or row["name"] == served["name"]:
            yield row


def _ensemble(experiment: Experiment, row: pd.Series, singles: dict[str, dict[str, float]]) -> dict[str, Any]:
    members = [singles[name] for name in row["members"].split("+")]
    sums = {name: sum(one[name] for one in members) for name in ("parameters", "megabytes", "milliseconds")}
    scores = {name: row.get(name, np.nan) for name in ("val_auc", "test_auc")} | _interval(experiment, row)
    return {"name": row["name"], "networks": len(members), **sums, **scores}


def _interval(experiment: Experiment, row: pd.Series) -> dict[str, float]:
    """Of an ensemble's AUC on test: ensembles.csv has it for the best rows alone."""
    rule = experiment.evaluation
    own = read_table(report_dir(experiment.name) / "predictions.parquet")
    scored = ensemble_predictions(own[own["model"].isin(row["members"].split("+"))], row)
    [test] = evaluate(scored[scored["split"] == "test"], aggregator=rule.aggregator, resamples=rule.resamples, levels=["video"]).to_dict(
        "records"
    )
    return {f"test_auc_{end}": test[f"auc_{end}"] for end in ("low", "high")}
