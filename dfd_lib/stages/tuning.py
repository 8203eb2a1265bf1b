"""Search the hyper-parameters of an experiment's models, and say what it bought."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from dfd_lib.experiment import Experiment, Model, twin_of
from dfd_lib.paths import report_dir, whole
from dfd_lib.process import start_tensorflow
from dfd_lib.spelling import did_you_mean
from dfd_lib.stages.media import read_manifest
from dfd_lib.stages.places import crops_root
from dfd_lib.tables import write_table


def tuned_models(experiment: Experiment) -> list[str]:
    """The models of the recipe that are tuned."""
    return [name for name, model in experiment.models.items() if model.tune is not None]


def search_dir(experiment: Experiment, model: str) -> Path:
    """Where a model's search is kept."""
    return report_dir(experiment.name) / "tuning" / model


def search_space(experiment: Experiment, model: str) -> pd.DataFrame:
    """What a model's search draws from: name, values, default."""
    settings = _tuned(experiment, model)
    start_tensorflow()
    from dfd_lib.training.space import describe_space

    return describe_space(settings)


def tune(experiment: Experiment, model: str, tell: Callable[[str], Any] = print) -> pd.DataFrame:
    """Search a model's hyper-parameters, or go on with a search; the validation part judges, by clip.

    Args:
        experiment: its recipe has `tune` for the model.
        model: one of `tuned_models`.
        tell: takes a line of words after each trial.

    Returns:
        The trials, best first; see `dfd_lib.training.tune.tune`.

    Raises:
        ValueError: the recipe does not tune that model; no trial could be trained.
    """
    settings = _tuned(experiment, model)
    start_tensorflow()
    from dfd_lib.training.tune import tune as search

    rule = experiment.evaluation.aggregator
    where = {"name": model, "out": search_dir(experiment, model), "aggregator": rule}
    tell(f"judged by the AUC of clips, each the {rule} of its frames, on {'val' if settings.tune.folds is None else 'held-out folds'}")
    return search(read_manifest(experiment), crops_root(experiment), settings, **where, tell=tell)


def best_settings(experiment: Experiment, model: str) -> pd.DataFrame:
    """The best trial beside the recipe, a row a setting: name, recipe, best."""
    best = json.loads((search_dir(experiment, model) / "best.json").read_text())
    return pd.DataFrame({"setting": list(best["drawn"]), "recipe": list(best["defaults"].values()), "best": list(best["drawn"].values())})


def tuning_gains(experiment: Experiment, metrics: pd.DataFrame, pairs: pd.DataFrame) -> pd.DataFrame:
    """What tuning bought on test over the recipe's own settings; writes tuning.csv and tuning.txt of the report.

    Args:
        experiment: whose tuned models were trained, and their twins.
        metrics: of `compare`.
        pairs: of `compare`.

    Returns:
        A row a tuned model, see `dfd_lib.evaluation.tuning.gains`; empty, and nothing written, where none was tuned.
    """
    from dfd_lib.evaluation.tuning import finding, gains

    names = tuned_models(experiment)
    trials = {name: json.loads((search_dir(experiment, name) / "best.json").read_text())["trials"] for name in names}
    table = gains(metrics, pairs, {name: twin_of(name) for name in names}, trials)
    if names:
        out = report_dir(experiment.name)
        write_table(table, out / "tuning.csv")
        with whole(out / "tuning.txt") as beside:
            beside.write_text("".join(f"{finding(row)}\n" for _, row in table.iterrows()))
    return table


def _tuned(experiment: Experiment, model: str) -> Model:
    names = tuned_models(experiment)
    if model not in names:
        hint = did_you_mean(model, names, f"it tunes {', '.join(names)}" if names else "give one of its models `tune: {trials: 20}`")
        raise ValueError(f"experiment {experiment.name!r}: expected a model with `tune`, came {model!r}; {hint}")
    return experiment.models[model]
