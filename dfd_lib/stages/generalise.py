"""What the notebook on generalisation shows: each study measured, its figure drawn and saved, and what came out in words."""

import pandas as pd
from matplotlib.figure import Figure

from dfd_lib import figures
from dfd_lib.experiment import Experiment
from dfd_lib.paths import report_dir
from dfd_lib.stages.cross import measure_cross
from dfd_lib.stages.leave_out import measure_left_out
from dfd_lib.stages.robustness import measure_robustness
from dfd_lib.tables import read_table


def show_robustness(experiment: Experiment) -> Figure:
    """Measure the models under the recipe's corruptions; AUC and accuracy go to figures/robustness.png and robustness_accuracy.png."""
    if "robustness" not in experiment.generalise.studies():
        return _not_asked("conditions: [all]")
    table, folder = measure_robustness(experiment), report_dir(experiment.name) / "figures"
    figures.save(figures.robustness(table, "accuracy"), folder / "robustness_accuracy.png")
    return figures.save(figures.robustness(table), folder / "robustness.png")


def show_cross(experiment: Experiment) -> Figure:
    """Measure every pair of data sets; drawn to figures/cross.png."""
    if "cross" not in experiment.generalise.studies():
        return _not_asked("cross: [demo]")
    return figures.save(figures.cross(measure_cross(experiment)), report_dir(experiment.name) / "figures/cross.png")


def show_pairs(experiment: Experiment, study: str) -> pd.DataFrame:
    """Paired differences between the models on each foreign test part (`cross`), or on each method that none had seen (`leave_out`)."""
    if study not in experiment.generalise.studies():
        return pd.DataFrame()
    table = read_table(report_dir(experiment.name) / f"{study}_pairs.csv")
    return table[
        ["dataset" if study == "cross" else "method", "left", "right", "difference", "low", "high", "p_holm", "significant"]
    ].round(3)


def show_left_out(experiment: Experiment) -> Figure:
    """Measure what a method never seen costs; drawn to figures/leave_out.png, where two methods are known."""
    if "leave_out" not in experiment.generalise.studies():
        return _not_asked(f"leave_out: {next(iter(experiment.models))}")
    table = measure_left_out(experiment)
    if table.empty:
        return figures.unavailable(findings(experiment, "leave_out"))
    return figures.save(figures.left_out(table), report_dir(experiment.name) / "figures/leave_out.png")


def findings(experiment: Experiment, study: str) -> str:
    """What came out of `robustness`, `cross` or `leave_out`, in words; that it was not asked for, where it was not."""
    if study not in experiment.generalise.studies():
        return "Not asked for by the recipe."
    return (report_dir(experiment.name) / f"{study}.txt").read_text(encoding="utf-8").strip()


def written(experiment: Experiment) -> list[str]:
    """The tables and texts that the studies of the recipe leave."""
    named = [f"{name}.{suffix}" for name in experiment.generalise.studies() for suffix in ("csv", "txt")]
    return [*named, *(f"{name}_pairs.csv" for name in experiment.generalise.studies() if name != "robustness")]


def _not_asked(how: str) -> Figure:
    return figures.unavailable(f"Not asked for. Add to the recipe:  generalise: {{{how}}}")
