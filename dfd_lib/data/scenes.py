"""Whether two frames show one scene, told by a glance."""

import cv2
import numpy as np

SAME_SCENE = 0.5
"""Two frames show one scene if they differ by less than this part of what each differs from its own mean.
Two frames of different DFDC clips differ by 1.0 and more, consecutive sampled frames of one by .48 at most."""

CUT = 0.9
"""A hard cut lies between frames that differ by more than this, measured in the same way, and by more than `MOVED` in their brightness.
Frames of different DFDC clips differ by 1.08 and more, those of one clip a second apart by .80 at most."""

MOVED = 0.25
"""Where somebody moves, or the camera does, most pixels change but not how many are how bright: frames of different DFDC clips
differ by .44 and more when their pixels are compared in the order of their brightness."""


def glance(frame: np.ndarray) -> np.ndarray:
    """The green of some 64 x 64 places, each averaged over a few pixels, as numbers that can be subtracted."""
    stride = -(-max(frame.shape[:2]) // 320)
    return cv2.resize(np.ascontiguousarray(frame[::stride, ::stride, 1]), (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32)


def same_scene(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two glances surely show one scene, so that people may be followed from one to the other."""
    return _difference(one, other) <= SAME_SCENE


def is_cut(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two glances surely show two scenes, so that nobody of one is in the other; between sure and sure nothing is said.

    Example:
        >>> dark, light = np.zeros((64, 64)), np.full((64, 64), 200.0)
        >>> is_cut(dark, light), is_cut(dark, dark)
        (True, False)
    """
    return _difference(one, other) > CUT and _difference(np.sort(one, axis=None), np.sort(other, axis=None)) > MOVED


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    contrast = (np.abs(one - one.mean()).mean() + np.abs(other - other.mean()).mean()) / 2
    return float(np.abs(one - other).mean() / max(contrast, 4))  # a plain wall has none
