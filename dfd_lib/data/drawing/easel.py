"""A canvas in a person's own units, and the few brushes that everything is painted with."""

import cv2
import numpy as np

Box = tuple[float, float, float, float]
"""x0, x1, y0, y1 in units of half a head's height, origin between the eyes."""

CANVAS: Box = (-2.1, 2.1, -1.5, 3.0)


def window(box: Box, unit: float) -> tuple[slice, slice]:
    """The canvas' rows and columns that hold a box, at `unit` pixels a unit.

    Example:
        >>> window((-2.1, 0.0, -1.5, 0.5), 10)
        (slice(0, 20, None), slice(0, 21, None))
    """
    x0, x1, y0, y1 = box
    rows = slice(max(0, round((y0 - CANVAS[2]) * unit)), round((y1 - CANVAS[2]) * unit))
    return rows, slice(max(0, round((x0 - CANVAS[0]) * unit)), round((x1 - CANVAS[0]) * unit))


def grid(box: Box, unit: float) -> tuple[np.ndarray, np.ndarray]:
    """x and y of the pixels' centres in a box, float32 (H, W), units."""
    rows, columns = window(box, unit)
    x = (np.arange(columns.start, columns.stop, dtype=np.float32) + 0.5) / unit + CANVAS[0]
    y = (np.arange(rows.start, rows.stop, dtype=np.float32) + 0.5) / unit + CANVAS[2]
    return tuple(np.meshgrid(x, y))


def smooth(low: float, high: float, value: np.ndarray) -> np.ndarray:
    """0 below `low`, 1 above `high` and an S between (smoothstep); falls where low > high."""
    t = np.clip((value - low) / (high - low), 0, 1)
    return t * t * (3 - 2 * t)


class Easel:
    """A window of the canvas: pixel coordinates (H, W) in units and colour (H, W, 3), painted in place."""

    def __init__(self, x: np.ndarray, y: np.ndarray, colour: np.ndarray, unit: float, seed: int):
        self.x, self.y, self.colour, self.unit = x, y, colour, unit
        self.rng = np.random.default_rng(seed)

    @classmethod
    def blank(cls, unit: float, seed: int) -> "Easel":
        """The whole canvas, black, at `unit` pixels a unit."""
        x, y = grid(CANVAS, unit)
        return cls(x, y, np.zeros((*x.shape, 3), np.float32), unit, seed)

    def part(self, box: Box, copy: bool = False) -> "Easel":
        """A box of this whole canvas to paint on, or a copy of it; the same dice each time."""
        at = window(box, self.unit)
        colour = self.colour[at].copy() if copy else self.colour[at]
        return Easel(self.x[at], self.y[at], colour, self.unit, seed=len(colour))

    def paint(self, mask: np.ndarray, colour) -> None:
        """Cover with a colour where the mask is 1."""
        self.colour += mask[..., None] * (np.asarray(colour, np.float32) - self.colour)

    def tint(self, mask: np.ndarray, gain) -> None:
        """Multiply by a gain a channel where the mask is 1."""
        self.colour *= 1 + mask[..., None] * (np.asarray(gain, np.float32) - 1)

    def ball(self, cx: float, cy: float, rx: float, ry: float) -> np.ndarray:
        """A Gaussian bump of height 1."""
        across, down = np.exp(-0.5 * ((self.x[0] - cx) / rx) ** 2), np.exp(-0.5 * ((self.y[:, 0] - cy) / ry) ** 2)
        return np.outer(down, across)

    def edge(self, distance: np.ndarray, soft: float = 0.0) -> np.ndarray:
        """1 where the distance (units) is positive, with a ramp of a pixel or `soft` units."""
        return np.clip(distance / max(soft, 1 / self.unit) + 0.5, 0, 1)

    def disc(self, cx: float, cy: float, rx: float, ry: float, soft: float = 0.0) -> np.ndarray:
        """A filled ellipse."""
        return self.edge((1 - np.hypot((self.x - cx) / rx, (self.y - cy) / ry)) * min(rx, ry), soft)

    def noise(self, cell: float, tall: float = 1.0) -> np.ndarray:
        """Smooth noise about 0, of cells `cell` units wide and `tall` times as high."""
        height, width = self.x.shape
        cells = max(2, int(height / (cell * tall * self.unit))), max(2, int(width / (cell * self.unit)))
        return cv2.resize(self.rng.standard_normal(cells, np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
