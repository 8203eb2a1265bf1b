"""The commands about splits and claims: `dfd split`, `dfd leak-tax` and `dfd claims`."""

from typing import Annotated

import typer

from dfd_lib.cli.show import Json, check_choice, show

Name = Annotated[str, typer.Argument(help="A folder under reports/ with an experiment.yaml.")]


def split(experiment: Name) -> None:
    """Split an experiment's faces by group, and audit that no two parts share anything."""
    from dfd_lib import stages
    from dfd_lib.experiment import load_experiment
    from dfd_lib.paths import report_dir

    recipe = load_experiment(experiment)
    manifest = stages.split_faces(recipe)
    counts = ", ".join(f"{part} {number}" for part, number in manifest["split"].value_counts(sort=False).items())
    typer.echo(f"{counts} crops; the split is in {report_dir(recipe.name)}. {stages.check_leak_free(recipe)}")


def leak_tax(experiment: Name) -> None:
    """What a leak buys: one model trained on frames at random and on whole groups, as the recipe's `leak_tax` says."""
    from dfd_lib.experiment import load_experiment
    from dfd_lib.paths import report_dir
    from dfd_lib.stages.leaktax import pay_leak_tax

    recipe = load_experiment(experiment)
    if pay_leak_tax(recipe) is None:
        raise ValueError(f"experiment {recipe.name!r}: expected `leak_tax`, found none. Add `leak_tax: {{model: lenet}}` to the recipe.")
    typer.echo((report_dir(recipe.name) / "leak_tax.txt").read_text().strip())


def claims(
    positive: Annotated[str, typer.Option(help="The class that precision, recall and F1 are about: fake or real.")] = "fake",
    as_json: Json = False,
) -> None:
    """What five public systems published, computed again from their confusion matrices, with intervals."""
    from dfd_lib.evaluation.claims import recompute

    check_choice("positive", positive, ("fake", "real"))
    table = recompute(positive=positive)
    show(table.astype(object).where(table.notna(), None if as_json else "").to_dict("records"), as_json)
