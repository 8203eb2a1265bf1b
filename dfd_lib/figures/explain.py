"""Heat maps beside the faces they are of."""

from collections.abc import Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.figure import Figure

from dfd_lib.figures.style import WIDTH, styled

Row = tuple[str, np.ndarray, np.ndarray, np.ndarray]
"""A title, and the crop, its Grad-CAM and its occlusion map as uint8 RGB pictures."""


def heat_maps(rows: Sequence[Row]) -> Figure:
    """Crops with their Grad-CAM and occlusion, two of them beside each other; as `beside`."""
    figure = beside(rows, across=2)
    figure.supxlabel("each crop, its Grad-CAM (what speaks for FAKE), its occlusion (orange speaks for FAKE, blue for REAL)", fontsize=8)
    return figure


@styled
def beside(rows: Sequence[Row], across: int = 1) -> Figure:
    """Three pictures a row, `across` rows beside each other.

    Args:
        rows: title and three pictures each, uint8 (height, width, 3), RGB.
        across: rows in a line.

    Raises:
        ValueError: there is none.
    """
    if not rows:
        raise ValueError("beside: expected pictures, came none. Choose a model that has scored some, or a file with a face.")
    down = -(-len(rows) // across)
    side = WIDTH / (3 * across)
    figure, grid = plt.subplots(down, 3 * across, squeeze=False, figsize=(WIDTH, down * (side + 0.25) + 0.3))
    for axis in grid.flat:
        axis.set_axis_off()
    for number, (title, *pictures) in enumerate(rows):
        axes = grid[number // across][3 * (number % across) :]
        for axis, picture in zip(axes, pictures, strict=False):
            axis.imshow(picture)
        axes[0].set_title(title, fontsize=8)
    return figure
