"""Every plot: a table in, a matplotlib figure out. Never loads TensorFlow.

Each function takes a pandas table as it lies in a report's folder and draws
in the house style (`style`); `save` writes the PNG that the report embeds.

Example of a notebook's cell, which writes the figure and shows it:

    figures.save(figures.leaderboard(metrics), report / "figures/leaderboard.png")
"""

from dfd_lib.figures.ablations import ablations
from dfd_lib.figures.answers import confusions, roc, scores
from dfd_lib.figures.comparison import leaderboard, pair_matrix, slices
from dfd_lib.figures.costs import costs
from dfd_lib.figures.data import contact_sheet, coverage, differences, face_sizes, split_overview
from dfd_lib.figures.doubts import leak_tax, shortcuts
from dfd_lib.figures.ensembles import diversity, ensemble_gain
from dfd_lib.figures.explain import beside, heat_maps
from dfd_lib.figures.generalise import cross, left_out, robustness, unavailable
from dfd_lib.figures.promises import operating, reliability, verdicts
from dfd_lib.figures.style import save
from dfd_lib.figures.systems import claimed_and_reached
from dfd_lib.figures.time import time_gain
from dfd_lib.figures.training import training_curves
from dfd_lib.figures.tuning import search_progress, search_scatter

__all__ = [
    "ablations",
    "beside",
    "claimed_and_reached",
    "confusions",
    "contact_sheet",
    "costs",
    "coverage",
    "cross",
    "differences",
    "diversity",
    "ensemble_gain",
    "face_sizes",
    "heat_maps",
    "leaderboard",
    "leak_tax",
    "left_out",
    "operating",
    "pair_matrix",
    "reliability",
    "robustness",
    "roc",
    "save",
    "scores",
    "search_progress",
    "search_scatter",
    "shortcuts",
    "slices",
    "split_overview",
    "time_gain",
    "training_curves",
    "unavailable",
    "verdicts",
]
