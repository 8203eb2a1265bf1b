"""The commands of whole experiments: `dfd report`, its steps `dfd notebook` and `dfd page-of-report`, and `dfd diff`."""

import os
from pathlib import Path
from typing import Annotated

import typer

from dfd_lib.cli.show import Json, show


def report(
    name: Annotated[str, typer.Argument(help="A folder under reports/ with an experiment.yaml.")],
    cores: Annotated[int, typer.Option(min=1, help="Processors to use.")] = os.cpu_count() or 1,
) -> None:
    """Run a whole experiment, or what is left of it, and write its page."""
    from dfd_lib.experiment import load_experiment
    from dfd_lib.paths import report_dir
    from dfd_lib.preflight import check_recipe
    from dfd_lib.process import become_pipeline
    from dfd_lib.stages.cross import missing_partners

    recipe, folder = load_experiment(name), report_dir(name)
    check_recipe(recipe)
    if missing := missing_partners(recipe):
        typer.echo(f"{name}: {missing}", err=True)
    typer.echo(f"{name}: running what is new; steps at work write to {folder / 'logs'}, the page is {folder / 'index.html'}", err=True)
    become_pipeline(name, cores)


def diff(left: Annotated[str, typer.Argument(help="A report's name or folder.")], right: str, as_json: Json = False) -> None:
    """What moved between two reports, in few lines; with --json, each number."""
    from dfd_lib.paths import report_dir
    from dfd_lib.report import diff as diff_reports
    from dfd_lib.report import in_words

    folders = [Path(one) if Path(one).is_dir() else report_dir(one) for one in (left, right)]
    moved = diff_reports(*folders)
    if as_json:
        show(moved.to_dict("records"), as_json)
    else:
        typer.echo("\n".join(in_words(moved)))


def notebook(
    name: Annotated[str, typer.Argument(help="A notebook's name, such as 40_train, or its path.")],
    out: Annotated[Path, typer.Option(help="Where the executed notebook goes.")],
    parameter: Annotated[list[str], typer.Option("-p", "--parameter", help="name=value; values are read as YAML.")] = [],  # noqa: B006
) -> None:
    """Run one notebook with parameters; unknown ones are refused."""
    import yaml

    from dfd_lib.notebooks import run_notebook

    pairs = [item.partition("=") for item in parameter]
    for key, sign, _ in pairs:
        if not sign:
            raise ValueError(f"-p {key}: expected name=value")
    run_notebook(name, out, {key: yaml.safe_load(value) for key, _, value in pairs})


def page_of_report(name: str) -> None:
    """Write a report's stamp and page from its tables."""
    from dfd_lib.experiment import load_experiment
    from dfd_lib.report import summary, write_page
    from dfd_lib.stages import stamp

    stamp(load_experiment(name))
    page = write_page(name)
    typer.echo(f"{summary(name)}\n{page}")
