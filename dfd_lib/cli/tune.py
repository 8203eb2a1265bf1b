"""The command that searches hyper-parameters: `dfd tune`."""

from typing import Annotated

import typer

from dfd_lib.cli.show import Json, show


def tune(
    experiment: Annotated[str, typer.Argument(help="A folder under reports/ with an experiment.yaml.")],
    model: Annotated[str, typer.Argument(help="A model of its recipe that has `tune`.")],
    as_json: Json = False,
) -> None:
    """Search a model's hyper-parameters, or go on with a search. `dfd report` does it too, where a recipe asks for it.

    Several processes, on as many machines as see the same folders, share a search
    where KERASTUNER_TUNER_ID (chief, tuner0, tuner1, ...), KERASTUNER_ORACLE_IP and
    KERASTUNER_ORACLE_PORT (where the chief listens) are set; the chief trains nothing.
    """
    from dfd_lib import stages
    from dfd_lib.experiment import load_experiment
    from dfd_lib.preflight import check_recipe

    recipe = load_experiment(experiment)
    check_recipe(recipe)
    trials = stages.tune(recipe, model, tell=lambda line: typer.echo(line, err=True))
    if trials.empty:
        typer.echo("nothing is left to train; the chief has the record")
        return
    folder = stages.search_dir(recipe, model)
    best = stages.best_settings(recipe, model)
    show(best.to_dict("records"), as_json)
    typer.echo(f"{len(trials)} trials in {folder / 'trials.csv'}, the best settings in {folder / 'best.json'}", err=True)
