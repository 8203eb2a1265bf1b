"""Soups that took one member alone are bit-for-bit copies of it: compared or combined beside it, they would count it twice."""

from collections.abc import Iterable

from dfd_lib.experiment import Experiment
from dfd_lib.paths import report_dir
from dfd_lib.tables import read_table


def without_copies(experiment: Experiment, models: Iterable[str]) -> list[str]:
    """Some of a recipe's models, in their order, without a soup that is a copy of another one of them with every seed.

    In an ensemble it would give that model twice the weight, and its errors would look like those of two; among paired
    tests it would ask the same question twice, for which Holm's correction makes all others pay.

    Args:
        experiment: its runs are in runs.csv.
        models: trained ones.
    """
    models = list(models)
    if not any(model.soup for model in experiment.models.values()):
        return models
    runs = read_table(report_dir(experiment.name) / "runs.csv")
    if "copy_of" not in runs:  # of a version that did not say so
        return models
    copies = runs.groupby("model")["copy_of"].agg(set)
    return [one for one in models if not (len(copies[one]) == 1 and copies[one] <= set(models) - {one})]
