"""Train the models of an experiment, and join what they left."""

import pandas as pd

from dfd_lib.data.origins import keep_origin
from dfd_lib.experiment import Experiment, Model
from dfd_lib.paths import report_dir
from dfd_lib.process import start_tensorflow
from dfd_lib.stages.media import read_manifest
from dfd_lib.stages.places import crops_root, run_dir
from dfd_lib.stages.teaching import taught
from dfd_lib.stages.tuning import search_dir
from dfd_lib.tables import check_predictions, write_table


def model_settings(experiment: Experiment, model: str) -> Model:
    """How a model is trained: as the recipe says, with what its search found if it is tuned; by the recipe's defaults if it is not in it.

    Raises:
        FileNotFoundError: its search is not finished.
        ValueError: its search was for another recipe; no such model.
    """
    from dfd_lib.models.registry import model_facts

    if model not in experiment.models:
        model_facts(model)  # refuses unknown names, with the choices
        return Model(model=model, **experiment.training.model_dump())
    settings = experiment.models[model]
    if settings.tune is None:
        return settings
    start_tensorflow()
    from dfd_lib.training.tune import tuned

    return tuned(settings, search_dir(experiment, model))


def train(experiment: Experiment, model: str, seed: int, verbose: int = 2):
    """Train one model with one seed, or take what another experiment has trained alike; returns a `dfd_lib.training.fit.Run`."""
    start_tensorflow()
    from dfd_lib.training.finished import take_finished
    from dfd_lib.training.fit import fit
    from dfd_lib.training.runs import fingerprint

    settings, out = model_settings(experiment, model), run_dir(experiment, model, seed)
    if settings.soup:
        from dfd_lib.training.soup import cook

        members = [run_dir(experiment, one, seed) for one in settings.soup]
        return cook(read_manifest(experiment), crops_root(experiment), settings, members, name=model, seed=seed, out=out)
    manifest, root = taught(experiment, read_manifest(experiment), settings, seed), crops_root(experiment)
    take_finished(report_dir(experiment.name).parent, out, fingerprint(manifest, root, settings, seed), model)
    return fit(manifest, root, settings, name=model, seed=seed, out=out, verbose=verbose)


def collect_runs(experiment: Experiment) -> pd.DataFrame:
    """Join all runs of the recipe; writes runs, histories and predictions of the report.

    Returns:
        The predictions of all models and seeds.
    """
    from dfd_lib.training.runs import read_run

    out = report_dir(experiment.name)
    runs = [read_run(run_dir(experiment, model, seed)) for model in experiment.models for seed in experiment.seeds]
    for run in runs:
        keep_origin(run.folder, crops_root(experiment))  # those that were trained before there was a crops.json
    facts = pd.DataFrame([run.facts for run in runs]).drop(columns=["fingerprint", "settings", "versions"])
    histories = [run.history.assign(model=run.facts["model"], seed=run.facts["seed"]) for run in runs]
    predictions = check_predictions(pd.concat([run.predictions for run in runs], ignore_index=True))
    write_table(facts, out / "runs.csv")
    write_table(pd.concat(histories, ignore_index=True), out / "histories.csv")
    write_table(predictions, out / "predictions.parquet")
    return predictions
