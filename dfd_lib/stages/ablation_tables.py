"""The tables of a study of what helps: changes against the base, finalists against each other, and what each training cost."""

import numpy as np
import pandas as pd

from dfd_lib.evaluation.ablations import COLUMNS, ablation_pairs, ablation_table, verdict
from dfd_lib.evaluation.changes import CLEAN
from dfd_lib.experiment import Experiment
from dfd_lib.paths import report_dir, whole
from dfd_lib.recipe.ablations import BASE, Ablation, finals, screening
from dfd_lib.stages.ablations import changed_in_words, run_folder, scores_under_conditions, study_of
from dfd_lib.tables import read_table, write_table
from dfd_lib.training.runs import Run, read_run

PROCESSORS = "processors"
"""Minutes of all processors together: all trainings were on some, and counted them, so what else ran meanwhile does not matter."""

WALL = "wall"
"""Minutes on the wall, of a GPU or of trainings that did not count."""


def collect_ablations(experiment: Experiment) -> pd.DataFrame:
    """Compare the changes with the base; writes ablations.csv, and ablations.txt, which says it in words.

    Returns:
        As `evaluation.ablations.ablation_table` makes it; then changed (in words), and of a training, in the mean of a row's runs:
        parameters, image_size, minutes, images_per_second, epochs, and clock, which says what minutes are, `PROCESSORS` or
        `WALL`, in all rows the same. Minutes and images a second are empty where a row's runs were on different processors.

    Raises:
        FileNotFoundError: a training is not finished.
    """
    table, _ = _compared(experiment, list(screening(study_of(experiment))), BASE)
    _write(experiment, "ablations", table)
    return table


def collect_finalists(experiment: Experiment) -> pd.DataFrame:
    """Compare the finalists; writes finalists.csv, finalists.txt, finalists_pairs.csv and finalists_predictions.parquet.

    The first is the measure of finalists.csv; finalists_pairs.csv holds each against each (`ablation_pairs`), and the predictions,
    of each crop by what had not seen it, can teach a student.

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
    write_table(ablation_pairs(predictions, **_rule(experiment)), report / "finalists_pairs.csv")
    path = report / "finalists_predictions.parquet"
    predictions = predictions.loc[predictions["condition"] == CLEAN].drop(columns="fold").reset_index(drop=True)
    if not (path.is_file() and read_table(path).equals(predictions)):  # else a student would be thought to know older ones
        write_table(predictions, path)
    return table


def compared_before(experiment: Experiment, name: str) -> pd.DataFrame:
    """A table that was written before, `ablations` or `finalists`, for which no training is asked for; empty where there is none."""
    path = report_dir(experiment.name) / f"{name}.csv"
    return read_table(path) if path.is_file() else pd.DataFrame(columns=COLUMNS)


def written(experiment: Experiment) -> list[str]:
    """The tables, texts and figures that the study of the recipe leaves; of finalists a figure that says so, where it names none."""
    named = ["ablations", "finalists"] if study_of(experiment).finalists else ["ablations"]
    tables = [f"{name}.{suffix}" for name in named for suffix in ("csv", "txt")]
    more = ["finalists_pairs.csv", "finalists_predictions.parquet"] if "finalists" in named else []
    return [*tables, *more, "figures/ablations.png", "figures/finalists.png"]


def _compared(experiment: Experiment, asked: list[Ablation], base: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The table of some trainings, and their predictions with the fold of each: of each crop, by what had not seen it."""
    runs, parts = {one: read_run(run_folder(experiment, one.run)) for one in asked}, []
    for one, run in runs.items():
        under = [read_table(path) for path in scores_under_conditions(experiment, run.folder).values() if path.is_file()]
        parts += [table.assign(model=one.name, fold=one.fold) for table in (run.predictions, *under)]
    predictions = pd.concat(parts, ignore_index=True)
    table = ablation_table(predictions, base, **_rule(experiment))
    costs = _costs(runs).reindex(table["name"].where(~table["luck"], base))  # a seed of the base costs what the base does
    changed = [changed_in_words(experiment, name) for name in costs.index]
    table = table.assign(changed=changed).join(costs.reset_index(drop=True))
    return table, predictions


def _rule(experiment: Experiment) -> dict[str, str | int]:
    asked = experiment.evaluation
    return {"aggregator": asked.aggregator, "resamples": asked.resamples, "seed": experiment.split.seed}


def _costs(runs: dict[Ablation, Run]) -> pd.DataFrame:
    """What a training of each name costs, in the mean of its runs; of runs on different machines the time says nothing, and is left out."""
    clock = PROCESSORS if all(_counts_processors(run) for run in runs.values()) else WALL
    facts = [
        {
            **{name: run.facts[name] for name in ("parameters", "image_size", "epochs")},
            **_time(run, clock),
            "name": one.name,
            "machine": f"{run.facts.get('processor')}, {run.facts.get('devices')}",  # earlier versions did not say
        }
        for one, run in runs.items()
    ]
    each = pd.DataFrame(facts).groupby("name", sort=False)
    table = each[["parameters", "image_size"]].first().join(each[["minutes", "images_per_second", "epochs"]].mean().round(2))
    table.loc[each["machine"].nunique() > 1, ["minutes", "images_per_second"]] = np.nan
    return table.assign(clock=clock)


def _counts_processors(run: Run) -> bool:
    """Whether processors did the work, and their time is known of every epoch."""
    return run.facts.get("devices") == "CPU" and "cpu_seconds" in run.history and bool(run.history["cpu_seconds"].notna().all())


def _time(run: Run, clock: str) -> dict[str, float]:
    """Minutes of a training and images a second, such that what else the machine did meanwhile counts as little as can be.

    On the wall it may double an epoch, or make ten of it; so all epochs but the first, which prepares, are taken to be as the fastest.
    """
    if clock == PROCESSORS:
        seconds = run.history["cpu_seconds"].sum()
    else:
        wall = run.history["seconds"]
        seconds = wall.iloc[0] + wall.min() * (len(wall) - 1)
    images = run.facts["images_per_second"] * run.facts["seconds"]
    return {"minutes": seconds / 60, "images_per_second": images / max(seconds, 1e-9)}


def _write(experiment: Experiment, name: str, table: pd.DataFrame) -> None:
    out = report_dir(experiment.name)
    write_table(table, out / f"{name}.csv")
    with whole(out / f"{name}.txt") as beside:
        beside.write_text("".join(f"{line}\n" for line in verdict(table)), encoding="utf-8")
