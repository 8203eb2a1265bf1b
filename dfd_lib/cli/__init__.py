"""The command `dfd`.

A user's mistake is one line on stderr and exit code 2; a step that failed is
one line and exit code 1.
"""

import os
import sys
from pathlib import Path
from typing import Annotated

import typer
from typer.exceptions import TyperException

# modules: a command imported by its own name would hide the module that is called so
from dfd_lib.cli import ablate, cache, detect, faces, generalise, keys, leaks, score, tune
from dfd_lib.cli.faces import Groups, Layout
from dfd_lib.cli.show import Json, check_choice, show, with_intervals

app = typer.Typer(
    name="dfd",
    help="A laboratory for deepfake detection on faces. label 1 is FAKE, p_fake is P(fake).",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def main() -> None:
    """Run the command line; the entry point of `dfd`."""
    from dfd_lib.paths import pin_folders
    from dfd_lib.process import follow_parent

    follow_parent()
    pin_folders()
    try:
        sys.exit(app(standalone_mode=False))
    except TyperException as error:  # an unknown option, a value out of range; without any argument, the help
        if not sys.argv[1:]:
            error.show()
            sys.exit(2)
        sys.exit(_complain(f"{error.format_message()} See `dfd --help`.", 2))
    except BrokenPipeError:  # `dfd models | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except (ValueError, OSError) as error:
        sys.exit(_complain(error, 2))
    except RuntimeError as error:
        sys.exit(_complain(error, 1))


def _complain(error: Exception | str, code: int) -> int:
    print(f"dfd: {' '.join(str(error).split())}", file=sys.stderr)  # noqa: T201
    return code


@app.command()
def models(as_json: Json = False) -> None:
    """List the models with their input sizes and exact parameter counts."""
    from dfd_lib.models.registry import describe

    show(describe(), as_json)


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for the clips and listing.csv.")] = Path("data/raw/demo"),
    people: Annotated[int, typer.Option(min=8, help="People; each gives one real clip and one swap.")] = 128,
    frames: Annotated[int, typer.Option(min=2, help="Frames a clip, at 12 a second.")] = 24,
    difficulty: Annotated[float, typer.Option(min=0, max=1, help="0 = glaring flaws, 1 = barely visible.")] = 0.5,
    flicker: Annotated[float, typer.Option(min=0, max=1, help="A flaw that only the order of frames tells: 0 = none, 1 = strong.")] = 0.0,
    seed: int = 1,
    experiment: Annotated[str | None, typer.Option(help="Draw the clips of this experiment's recipe instead.")] = None,
) -> None:
    """Draw the embedded demo: clips of drawn people, half of them with swapped faces."""
    from dfd_lib import stages
    from dfd_lib.data.demo import draw_demo
    from dfd_lib.experiment import load_experiment

    if experiment:
        listing = stages.draw_clips(load_experiment(experiment))
    else:
        draw_demo(out, people=people, frames=frames, difficulty=difficulty, flicker=flicker, seed=seed, workers=stages.workers())
        listing = out / "listing.csv"
    typer.echo(f"clips are listed in {listing}")


for _command in (
    keys.keys,
    faces.extract,
    faces.merge,
    tune.tune,
    ablate.ablate,
    leaks.split,
    leaks.leak_tax,
    leaks.claims,
    cache.cache,
    generalise.generalise,
    score.score,
    detect.detect,
    detect.card,
    detect.export,
    detect.page,
):
    app.command()(_command)


@app.command()
def probe(
    source: Annotated[str, typer.Argument(help="A folder of media, or a name under DFD_DATA or data/raw.")],
    out: Annotated[Path, typer.Option(help="Where the facts go (.parquet or .csv).")],
    layout: Layout = "auto",
    groups: Groups = None,
    as_json: Json = False,
) -> None:
    """Facts of the files that are not their faces, and which of them tell real from fake."""
    from dfd_lib.stages.survey import survey_source

    table, bad = survey_source(source, out, layout=layout, groups=groups)
    for file, reason in bad.items():
        typer.echo(f"skipped {file}: {reason}", err=True)
    show(table.to_dict("records"), as_json)


@app.command()
def metrics(
    predictions: Annotated[Path, typer.Argument(help="A predictions table (.parquet or .csv).")],
    level: Annotated[str, typer.Option(help="frame or video.")] = "frame",
    positive: Annotated[str, typer.Option(help="The class that precision, recall and F1 are about: fake or real.")] = "fake",
    threshold: Annotated[float, typer.Option(min=0, max=1, help="FAKE where p_fake >= threshold.")] = 0.5,
    resamples: Annotated[int, typer.Option(min=0, help="Of groups, for the 95 % intervals; 0 leaves them out.")] = 1000,
    as_json: Json = False,
) -> None:
    """Metrics with 95 % intervals, and confusion counts, of a predictions table, a line a model."""
    from dfd_lib.evaluation.counts import report as metrics_report
    from dfd_lib.tables import check_predictions, read_table

    check_choice("level", level, ("frame", "video"))
    check_choice("positive", positive, ("fake", "real"))
    table = check_predictions(read_table(predictions))
    rows = metrics_report(table, level=level, positive=positive, threshold=threshold, resamples=resamples)
    show(rows if as_json else [with_intervals(row) for row in rows], as_json)


@app.command()
def report(
    name: Annotated[str, typer.Argument(help="A folder under reports/ with an experiment.yaml.")],
    cores: Annotated[int, typer.Option(min=1, help="Processors to use.")] = os.cpu_count() or 1,
) -> None:
    """Run a whole experiment, or what is left of it, and write its page."""
    from dfd_lib.experiment import load_experiment
    from dfd_lib.paths import report_dir
    from dfd_lib.preflight import check_recipe, missing_partners
    from dfd_lib.process import become_pipeline

    recipe, folder = load_experiment(name), report_dir(name)
    check_recipe(recipe)
    if missing := missing_partners(recipe):
        typer.echo(f"{name}: {missing}", err=True)
    typer.echo(f"{name}: running what is new; steps at work write to {folder / 'logs'}, the page is {folder / 'index.html'}", err=True)
    become_pipeline(name, cores)


@app.command()
def diff(left: Annotated[str, typer.Argument(help="A report's name or folder.")], right: str, as_json: Json = False) -> None:
    """What moved between two reports."""
    from dfd_lib.paths import report_dir
    from dfd_lib.report import diff as diff_reports

    folders = [Path(one) if Path(one).is_dir() else report_dir(one) for one in (left, right)]
    show(diff_reports(*folders).to_dict("records"), as_json)


@app.command()
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


@app.command("page-of-report", hidden=True)
def page_of_report(name: str) -> None:
    """Write a report's stamp and page from its tables."""
    from dfd_lib.experiment import load_experiment
    from dfd_lib.report import summary, write_page
    from dfd_lib.stages import stamp

    stamp(load_experiment(name))
    page = write_page(name)
    typer.echo(f"{summary(name)}\n{page}")
