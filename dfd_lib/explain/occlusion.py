"""Occlusion: cover a part of a face, and see how far the score falls.

Zeiler and Fergus, "Visualizing and understanding convolutional networks", ECCV
2014, section 4.2. It needs nothing of a model but its scores, so it explains
ensembles and exported networks alike. NumPy and OpenCV only.
"""

from collections.abc import Callable

import cv2
import numpy as np

WINDOW = 0.25
"""Side of the cover, as a share of the face's side."""

STEPS = 12
"""Places of the cover along each side."""

Score = Callable[[np.ndarray], np.ndarray]
"""From crops, uint8 (n, size, size, 3), to scores, float (n,)."""


def occlusion(crop: np.ndarray, score: Score, *, window: float = WINDOW, steps: int = STEPS) -> np.ndarray:
    """How much each place of a crop adds to its score.

    The cover is the crop itself, blurred until nothing of its texture is left: a
    grey square would be a manipulation of its own.

    Args:
        crop: uint8 (size, size, 3), RGB.
        score: scores crops.
        window: side of the cover, as a share of the crop's side, above 0 and at most 1.
        steps: places of the cover along each side, 1 or more.

    Returns:
        float64 (size, size): by how much the score falls where the place is
        covered, averaged over the covers that reach it. Positive: the place
        speaks for FAKE; negative: for REAL.

    Raises:
        ValueError: a window or steps out of range.

    Example:
        >>> eye = np.zeros((32, 32, 3), np.uint8)
        >>> eye[4:8, 4:8] = 255
        >>> heat = occlusion(eye, lambda crops: crops[:, :8, :8].mean(axis=(1, 2, 3)) / 255, steps=4)
        >>> bool(heat[5, 5] > 0.1), bool(abs(heat[28, 28]) < 0.01)
        (True, True)
    """
    if not 0 < window <= 1 or steps < 1:
        raise ValueError(f"occlusion: expected a window above 0 and at most 1 and a step or more, came {window} and {steps}")
    size = crop.shape[0]
    side = max(1, round(window * size))
    starts = np.unique(np.linspace(0, size - side, steps).round().astype(int))
    blurred = cv2.GaussianBlur(crop, (0, 0), max(1.0, side / 2))
    places = [(slice(top, top + side), slice(left, left + side)) for top in starts for left in starts]
    covered = np.repeat(crop[None], len(places), axis=0)
    for one, place in zip(covered, places, strict=True):
        one[place] = blurred[place]
    falls = score(crop[None])[0] - score(covered)
    heat, reached = np.zeros((size, size)), np.zeros((size, size))
    for fall, place in zip(falls, places, strict=True):
        heat[place] += fall
        reached[place] += 1
    return heat / np.maximum(reached, 1)


def overlay(crop: np.ndarray, heat: np.ndarray, largest: float | None = None) -> np.ndarray:
    """A crop in grey with what speaks for FAKE in orange and what speaks for REAL in blue (safe for the colour-blind).

    Args:
        crop: uint8 (size, size, 3), RGB.
        heat: float (size, size), from `occlusion`.
        largest: what is drawn in full colour; default: the largest of this map.

    Returns:
        uint8 (size, size, 3), RGB.
    """
    largest = float(np.abs(heat).max()) if largest is None else largest
    strength = np.clip(np.abs(heat) / largest if largest > 0 else np.zeros_like(heat), 0, 1)[..., None] * 0.75
    colour = np.where(heat[..., None] > 0, np.array([230.0, 97.0, 1.0]), np.array([40.0, 110.0, 200.0]))
    grey = np.repeat(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
    return np.clip(grey * (1 - strength) + colour * strength, 0, 255).astype(np.uint8)
