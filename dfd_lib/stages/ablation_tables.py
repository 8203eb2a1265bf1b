"""The tables of a study of what helps: changes against the base, finalists against each other, and what each training cost."""

from typing import Any

import pandas as pd

from dfd_lib.evaluation.ablations import COLUMNS, ablation_table, verdict
from dfd_lib.evaluation.changes import CLEAN
from dfd_lib.experiment import Experiment
from dfd_lib.paths import report_dir, whole
from dfd_lib.recipe.ablations import BASE, Ablation, finals, screening
from dfd_lib.stages.ablations import changed_in_words, run_folder, scores_under_conditions, study_of
from dfd_lib.tables import read_table, write_table
from dfd_lib.training.runs import Run, read_run


def collect_ablations(experiment: Experiment) -> pd.DataFrame:
    """Compare the changes with the base; writes ablations.csv, and ablations.txt, which says it in words.

    Returns:
        As `evaluation.ablations.ablation_table` makes it, and changed (in words), minutes (a run),
        parameters, epochs, image_size, images_per_second.

    Raises:
        FileNotFoundError: a training is not finished.
    """
    table, _ = _compared(experiment, list(screening(study_of(experiment))), BASE)
    _write(experiment, "ablations", table)
    return table


def collect_finalists(experiment: Experiment) -> pd.DataFrame:
    """Compare the finalists; writes finalists.csv, finalists.txt, and finalists_predictions.parquet, which can teach a student.

    Returns:
        As `collect_ablations` does; empty, and nothing written, where the recipe names none.

    Raises:
        FileNotFoundError: a training is not finished.
    """
    asked, report = study_of(experiment), report_dir(experiment.name)
    if not asked.finalists:
        return pd.DataFrame(columns=COLUMNS)
    table, predictions = _compared(experiment, list(finals(asked, experiment.seeds)), asked.finalists[0])
    _write(experiment, "finalists", table)
    path = report / "finalists_predictions.parquet"
    if not (path.is_file() and read_table(path).equals(predictions)):  # else a student would be thought to know older ones
        write_table(predictions, path)
    return table


def _compared(experiment: Experiment, runs: list[Ablation], base: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table of some trainings, and their clean predictions: of each crop, by what had not seen it."""
    parts, facts = [], []
    for one in runs:
        run = read_run(run_folder(experiment, one.run))
        under = [read_table(path) for path in scores_under_conditions(experiment, run.folder).values() if path.is_file()]
        parts += [table.assign(model=one.name, fold=one.fold) for table in (run.predictions, *under)]
        facts.append({"name": one.name, "changed": changed_in_words(experiment, one.name), **_costs(run)})
    rule = experiment.evaluation
    predictions = pd.concat(parts, ignore_index=True)
    table = ablation_table(predictions, base, aggregator=rule.aggregator, resamples=rule.resamples, seed=experiment.split.seed)
    costs = pd.DataFrame(facts).groupby("name", sort=False)
    numbers = costs.mean(numeric_only=True)[["minutes", "images_per_second", "epochs"]].round(2)
    whose = table["name"].where(~table["luck"], base)
    table = table.join(costs[["changed", "parameters", "image_size"]].first().join(numbers), on=whose.rename("whose"))
    return table, predictions.loc[predictions["condition"] == CLEAN].drop(columns="fold").reset_index(drop=True)


def _costs(run: Run) -> dict[str, Any]:
    """What a training costs. What else ran meanwhile should not count, so its epochs but the first, which prepares, are as the fastest."""
    seconds = run.history["seconds"]
    minutes = (seconds.iloc[0] + seconds.min() * (len(seconds) - 1)) / 60
    return {"minutes": minutes, **{name: run.facts[name] for name in ("parameters", "image_size", "images_per_second", "epochs")}}


def _write(experiment: Experiment, name: str, table: pd.DataFrame) -> None:
    out = report_dir(experiment.name)
    write_table(table, out / f"{name}.csv")
    with whole(out / f"{name}.txt") as beside:
        beside.write_text("".join(f"{line}\n" for line in verdict(table)), encoding="utf-8")
