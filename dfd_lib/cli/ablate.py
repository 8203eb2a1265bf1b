"""The command that trains a study of what helps: `dfd ablate`."""

from typing import Annotated

import typer


def ablate(
    experiment: Annotated[str, typer.Argument(help="A folder under reports/ whose recipe has `ablations`.")],
    run: Annotated[list[str] | None, typer.Argument(help="Only these trainings, such as jpeg-f1-s1; default: all.")] = None,
    compare: Annotated[bool, typer.Option("--compare-finalists", help="Train nothing: compare the finalists, all trained.")] = False,
) -> None:
    """Train a recipe's ablations, or go on with them. `dfd report` does it too, and compares them."""
    from dfd_lib import stages
    from dfd_lib.experiment import load_experiment
    from dfd_lib.preflight import check_recipe
    from dfd_lib.process import start_tensorflow
    from dfd_lib.stages.ablations import study_of

    recipe = load_experiment(experiment)
    study_of(recipe)
    check_recipe(recipe)
    if compare:
        typer.echo(f"{len(stages.collect_finalists(recipe))} finalists are compared")
        return
    start_tensorflow()
    stages.ablate(recipe, run or None)
    typer.echo(f"{len(run or stages.ablation_runs(recipe))} trainings are there")
