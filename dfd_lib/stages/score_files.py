"""A network with its trained weights scores face crops from their files: each is read once, and nothing of it is kept."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from tqdm import tqdm

from dfd_lib.data.clips import BAD, check_side
from dfd_lib.data.crops import resize, view_image
from dfd_lib.data.extract import check_images, verify_crops
from dfd_lib.data.media import reason
from dfd_lib.data.pixels import load_pixels
from dfd_lib.data.sources import list_source
from dfd_lib.models.blocks import frames_of, side_of
from dfd_lib.process import workers
from dfd_lib.stages.scoring import batches, in_threads
from dfd_lib.tables import check_manifest, read_table
from dfd_lib.training.examples import examples_of
from dfd_lib.training.predict import predict, table_of_scores
from dfd_lib.training.scoring import Step, fastest_step

if TYPE_CHECKING:
    import keras

BATCH = 64
"""Crops that are scored at once."""

Skipped = dict[str, str]
"""From a file that could not be used to the reason."""


def score_root(
    network: "keras.Model", root: Path, *, name: str, how: str = "area", layout: str = "auto", groups: str | None = None
) -> tuple[pd.DataFrame, Skipped]:
    """Score the crops of a data set, or of what `dfd extract` wrote; shows a bar.

    Args:
        network: with its final weights.
        root: the folder.
        name: the network's name in the table.
        how: `area`, `nearest` or `bilinear`, see `data.crops.resize`.
        layout, groups: as for `data.sources.list_source`.

    Returns:
        (predictions, what was skipped).

    Raises:
        ValueError: not a data set, videos among the files, or no crop can be read.
    """
    manifest, skipped = _crops_of(root, layout, groups, of_clips=frames_of(network) is not None)
    if frames_of(network) is None:
        table, bad = score_files(network, manifest, root, name=name, how=how)
    else:
        pixels = load_pixels(manifest, root, side_of(network), how=how, progress=True)
        table, bad = predict(network, manifest, pixels, name=name), {}
    return table, skipped | bad


def _crops_of(root: Path, layout: str, groups: str | None, *, of_clips: bool) -> tuple[pd.DataFrame, Skipped]:
    """The manifest; of clips without the crops that cannot be read, since which a clip has decides what is seen of it."""
    if (root / "manifest.parquet").is_file():
        return check_manifest(read_table(root / "manifest.parquet")), {}
    listing, problems = list_source(root, layout=layout, groups=groups)
    skipped = dict(zip(problems["file"], problems["reason"], strict=True))
    check_images(listing)
    if not of_clips:
        return listing.assign(path=listing["file"], face=0), skipped
    manifest, coverage = verify_crops(listing, root, workers=workers())
    bad = coverage[coverage["status"] == "skipped"]
    return manifest, skipped | dict(zip(bad["file"], bad["reason"], strict=True))


def score_files(
    network: "keras.Model",
    manifest: pd.DataFrame,
    root: Path,
    *,
    name: str,
    how: str = "area",
    step: Step | None = None,
    progress: bool = True,
) -> tuple[pd.DataFrame, Skipped]:
    """Score crops with a network of single crops.

    Some threads decode batches and others score them, beside each other, and
    no more is held than a few batches, however many crops there are.

    Args:
        network: with its final weights.
        manifest: a row a crop; `path` is relative to `root`.
        root: the folder that holds the crops.
        name: the network's name in the table.
        how: `area`, `nearest` or `bilinear`, see `data.crops.resize`.
        step: how a batch is scored; default: the fastest for this network.
        progress: show a bar.

    Returns:
        (predictions, what could not be read), both in the manifest's order.

    Raises:
        ValueError: no crop can be read.
    """
    step = step or fastest_step(network, len(manifest), threads=1)
    read, score = partial(_read, side_of(network), root, how), partial(_score, step)
    decoded = in_threads(read, batches(manifest["path"], BATCH), 2 * workers())
    scores, skipped = [], {}
    with tqdm(total=len(manifest), desc="score", unit="crop", disable=not progress) as bar:
        for found, bad in in_threads(score, decoded, 2 * workers()):
            scores.append(found)
            skipped |= bad
            bar.update(len(found))
    good = ~manifest["path"].isin(skipped).to_numpy()
    if not good.any():
        why = "; ".join(f"{file}: {said}" for file, said in [*skipped.items()][:1])
        raise ValueError(f"score: expected a crop that can be read, came none of {len(manifest)} in {root}. {why}")
    examples = examples_of(network, manifest[good])
    return table_of_scores(examples, np.concatenate(scores)[good], name=name, seed=0), skipped


def _read(side: int, root: Path, how: str, paths: list[str]) -> tuple[np.ndarray, Skipped]:
    """Crops at the network's size, uint8 (n, side, side, 3), and what cannot be read, whose pixels are black."""
    pixels, bad = np.zeros((len(paths), side, side, 3), np.uint8), {}
    for path, place in zip(paths, pixels, strict=True):
        try:
            image = view_image(root / path)
            check_side(root / path, image)
            resize(image, side, how, out=place)
        except BAD as error:
            bad[path] = reason(root / path, error)
    return pixels, bad


def _score(step: Step, read: tuple[np.ndarray, Skipped]) -> tuple[np.ndarray, Skipped]:
    """P(fake) of a batch, float64 (n,), and what cannot be read, whose scores mean nothing."""
    pixels, bad = read
    return step(pixels)[:, 0].astype(np.float64), bad
