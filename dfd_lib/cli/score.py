"""The command `dfd score`: a data set scored by a detector, or by one network with its trained weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated

import typer

from dfd_lib.cli.faces import Groups, Layout
from dfd_lib.cli.show import check_choice


def score(
    data: Annotated[str, typer.Option(help="A folder of crops, photos or clips, or a name under DFD_DATA or data/raw.")],
    out: Annotated[Path, typer.Option(help="Where the predictions go (.parquet or .csv).")],
    detector: Annotated[str | None, typer.Option(help="A .dfd file, or built-in: its members and their ensemble score.")] = None,
    model: Annotated[str | None, typer.Option(help="Instead of a detector: a name from `dfd models`, with --weights.")] = None,
    weights: Annotated[str | None, typer.Option(help="Weights of this project, or the MesoNet authors' files.")] = None,
    resize: Annotated[str | None, typer.Option(help="With --model: area (default), nearest or bilinear.")] = None,
    image_size: Annotated[
        int | None, typer.Option(help="With --model: side in pixels; default: as it was trained, else the model's own.")
    ] = None,
    photos: Annotated[bool, typer.Option("--photos", help="With --detector: the images are whole photos, not face crops.")] = False,
    time_limit: Annotated[float, typer.Option(min=1, help="With --detector: seconds that reading a video may take.")] = 300,
    layout: Layout = "auto",
    groups: Groups = None,
) -> None:
    """Score a data set without training: face crops, what `dfd extract` wrote, or with a detector whole photos and clips.

    Images alone are taken for face crops. Bad files are told and skipped; scores are before calibration.
    """
    one = [
        name for name, given in {"--model": model, "--weights": weights, "--resize": resize, "--image-size": image_size}.items() if given
    ]
    if detector is None and not (model and weights):
        raise ValueError("score: expected --detector FILE.dfd, or --model and --weights, came neither whole. Give one of them.")
    if detector is not None and one:
        raise ValueError(f"score: expected a detector alone, which knows its networks, came {', '.join(one)} too. Leave one out.")
    if detector is not None:
        _by_detector(detector, data, out, photos=photos, limit=time_limit, layout=layout, groups=groups)
    elif photos:
        raise ValueError("score: expected face crops for a model, came --photos. Find faces with `dfd extract`, or take a detector.")
    else:
        _by_model(model, weights, data, out, resize or "area", image_size, layout, groups)


def _by_detector(detector: str, data: str, out: Path, **how) -> None:
    from dfd_lib.detector.predict import DeepfakeDetector
    from dfd_lib.paths import find_source
    from dfd_lib.stages.served import score_source
    from dfd_lib.tables import write_table

    root, judge = find_source(data), DeepfakeDetector(detector)
    table, skipped = score_source(judge, root, tell=lambda line: typer.echo(line, err=True), **how)
    write_table(table, out)
    _tell_skipped(skipped)
    by = ", ".join(table["model"].unique())
    typer.echo(f"{table[['video', 'face']].drop_duplicates().shape[0]} people in {table['video'].nunique()} files scored by {by}")
    typer.echo(f"{len(skipped)} skipped; predictions in {out}")


def _by_model(model: str, weights: str, data: str, out: Path, resize: str, image_size: int | None, layout: str, groups: str | None) -> None:
    from dfd_lib.models.registry import model_facts
    from dfd_lib.paths import find_source, find_weights
    from dfd_lib.process import start_tensorflow
    from dfd_lib.tables import write_table

    check_choice("resize", resize, ("area", "nearest", "bilinear"))
    model_facts(model)
    root, file = find_source(data), find_weights(weights)
    start_tensorflow()
    from dfd_lib.models.blocks import side_of
    from dfd_lib.models.weights import load_weights
    from dfd_lib.stages.score_files import score_root
    from dfd_lib.training.runs import trained_as

    size, hyper = trained_as(file, model)
    network = load_weights(model, file, image_size=image_size or size, **hyper)
    table, skipped = score_root(network, root, name=model, how=resize, layout=layout, groups=groups)
    write_table(table, out)
    _tell_skipped(skipped)
    side, crops = side_of(network), len(table)
    typer.echo(f"{crops} crops scored at {side} x {side} px, {len(skipped)} skipped; predictions in {out}")


def _tell_skipped(skipped: Mapping[str, str]) -> None:
    for file, reason in skipped.items():
        typer.echo(f"skipped {file}: {reason}", err=True)
