"""The command that scores what a report's notebook on generalisation shows: `dfd generalise`."""

from typing import Annotated

import typer

STUDIES = ("robustness", "cross", "leave-out")


def generalise(
    experiment: Annotated[str, typer.Argument(help="A folder under reports/ whose models are trained.")],
    study: Annotated[str, typer.Argument(help="robustness, cross or leave-out, as the recipe's `generalise` asks for it.")],
) -> None:
    """Score a report's models on what they were not trained for: corruptions, other data, methods never seen. Run again, it continues."""
    from dfd_lib.experiment import load_experiment
    from dfd_lib.preflight import check_recipe
    from dfd_lib.process import start_tensorflow

    if study not in STUDIES:
        raise ValueError(f"STUDY: expected one of {', '.join(STUDIES)}, came {study!r}")
    recipe = load_experiment(experiment)
    check_recipe(recipe)
    asked = {"robustness": recipe.generalise.conditions, "cross": recipe.generalise.cross, "leave-out": recipe.generalise.leave_out}
    if not asked[study]:
        key = {"robustness": "conditions: [all]", "cross": "cross: [demo]", "leave-out": "leave_out: lenet"}[study]
        raise ValueError(f"experiment {experiment!r}: {study} is not asked for. Add generalise: {{{key}}} to the recipe.")
    start_tensorflow()
    table = _score(recipe, study)
    typer.echo(f"{study}: {len(table)} scores of {table['model'].nunique()} models")


def _score(recipe, study: str):
    from dfd_lib.stages.cross import score_cross
    from dfd_lib.stages.leave_out import score_left_out
    from dfd_lib.stages.robustness import score_conditions

    if study == "robustness":
        return score_conditions(recipe, progress=True)
    return score_cross(recipe) if study == "cross" else score_left_out(recipe)
