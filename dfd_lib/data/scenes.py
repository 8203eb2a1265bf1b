"""Whether two frames show one scene, told by a glance."""

import cv2
import numpy as np

SAME_SCENE = 0.5
"""Two frames show one scene if they differ by less than this part of what each differs from its own mean.
Two frames of different DFDC clips differ by 1.0 and more, consecutive sampled frames of one by .48 at most."""

CUT = 0.7
"""A hard cut lies between frames of which half of the places differ by more than this, measured in the same way: who comes or moves in a
small part of the picture is none. Frames of different DFDC clips differ so by .88 and more, those of one a second apart by .50 at most."""

MOVED = 0.25
"""Where the camera moves most places change, but not how many are how bright. So in a hard cut places differ by this too when they are
compared in the order of their brightness: those of different DFDC clips by .32 and more."""


def glance(frame: np.ndarray) -> np.ndarray:
    """The green of some 64 x 64 places, each averaged over a few pixels, as numbers that can be subtracted."""
    stride = -(-max(frame.shape[:2]) // 320)
    return cv2.resize(np.ascontiguousarray(frame[::stride, ::stride, 1]), (64, 64), interpolation=cv2.INTER_AREA).astype(np.float32)


def same_scene(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two glances surely show one scene, so that people may be followed from one to the other."""
    return bool(np.abs(one - other).mean() <= SAME_SCENE * _contrast(one, other))


def is_cut(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two glances surely show two scenes, so that nobody of one is in the other; between sure and sure nothing is said.

    Example:
        >>> dark, light = np.zeros((64, 64)), np.full((64, 64), 200.0)
        >>> is_cut(dark, light), is_cut(dark, dark)
        (True, False)
    """
    contrast = _contrast(one, other)
    half = np.median(np.abs(one - other))
    moved = np.abs(np.sort(one, axis=None) - np.sort(other, axis=None)).mean()
    return bool(half > CUT * contrast and moved > MOVED * contrast)


def _contrast(one: np.ndarray, other: np.ndarray) -> float:
    """By how much each differs from its own mean; a plain wall does not."""
    return max(4.0, float(np.abs(one - one.mean()).mean() + np.abs(other - other.mean()).mean()) / 2)
