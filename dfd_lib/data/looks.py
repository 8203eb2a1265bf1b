"""How a crop looks as a whole: bright, sharp, coloured. Of its pixels, but of no face in them.

Half of this is the camera, the room and the codec, and half is the face: a
swap that blurs is less sharp, and that is evidence. What it tells of the label
is therefore shown apart from what the files tell.

========== ======================================================================
column     meaning
========== ======================================================================
brightness mean luma, 0 to 255 (ITU-R BT.601)
contrast   standard deviation of the luma
sharpness  log10 of the variance of the luma's Laplacian, plus 1 (Pech-Pacheco et
           al. 2000, "Diatom autofocusing in brightfield microscopy")
saturation mean difference of each pixel's largest and smallest channel, 0 to 255
red        mean red difference Cr (BT.601), 128 = grey
blue       mean blue difference Cb (BT.601), 128 = grey
========== ======================================================================
"""

from pathlib import Path

import cv2
import joblib
import numpy as np
import pandas as pd
from tqdm import tqdm

from dfd_lib.data.crops import read_image

LOOKS = ("brightness", "contrast", "sharpness", "saturation", "red", "blue")
"""Columns of the table of looks, besides the path."""


def looks(manifest: pd.DataFrame, root: str | Path, *, workers: int = 2, progress: bool = False) -> pd.DataFrame:
    """How each crop looks.

    Args:
        manifest: table with a column `path`, relative to `root`.
        root: the folder that holds the crops.
        workers: threads.
        progress: show a bar.

    Returns:
        One row a crop, in the manifest's order: path and `LOOKS`, float64.

    Raises:
        ValueError: a file cannot be decoded; it names the file.
    """
    paths = tqdm(manifest["path"], desc="looking", unit="crop", disable=not progress)
    found = joblib.Parallel(n_jobs=workers, prefer="threads", batch_size=64)(joblib.delayed(_look)(Path(root) / path) for path in paths)
    return pd.DataFrame(found, columns=list(LOOKS)).assign(path=manifest["path"].to_numpy())[["path", *LOOKS]]


def look(pixels: np.ndarray) -> tuple[float, ...]:
    """`LOOKS` of one image, RGB uint8 (H, W, 3).

    Example:
        >>> [round(float(value), 1) for value in look(np.full((8, 8, 3), 100, np.uint8))]
        [100.0, 0.0, 0.0, 0.0, 128.0, 128.0]
    """
    luma, red, blue = cv2.split(cv2.cvtColor(pixels, cv2.COLOR_RGB2YCrCb))
    sharpness = np.log10(cv2.Laplacian(luma, cv2.CV_64F).var() + 1)
    saturation = np.ptp(pixels, axis=2).mean()
    return luma.mean(), luma.std(), sharpness, saturation, red.mean(), blue.mean()


def _look(path: Path) -> tuple[float, ...]:
    return look(read_image(path))
