"""The commands about photos and clips as they are, before faces are looked for: `dfd demo` and `dfd probe`."""

from pathlib import Path
from typing import Annotated

import typer

from dfd_lib.cli.faces import Groups, Layout
from dfd_lib.cli.show import Json, show


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
