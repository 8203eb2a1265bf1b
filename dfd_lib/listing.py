"""The files that an experiment is about."""

from pathlib import Path

import pandas as pd

from dfd_lib.data.sources import list_source
from dfd_lib.experiment import Experiment


def list_media(experiment: Experiment, root: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """List the media of a recipe, no more than its `limit`.

    Args:
        experiment: says layout, groups and limit.
        root: where its media are.

    Returns:
        The listing and the problems, as `dfd_lib.data.sources.list_source`.

    Raises:
        ValueError: as `list_source`; several data sets; no group is within the limit.
    """
    listing, problems = list_source(root, layout=experiment.data.layout, groups=experiment.data.groups)
    if (names := sorted(listing["dataset"].unique()))[1:]:
        raise ValueError(
            f"data source {experiment.data.source!r}: expected one data set, came {', '.join(names)}. "
            "Write a recipe for each, or give all files one name in the listing's column `dataset`."
        )
    if experiment.data.limit:
        listing = _some_groups(listing, experiment.data.limit, experiment.split.seed)
    return listing, problems


def _some_groups(listing: pd.DataFrame, limit: int, seed: int) -> pd.DataFrame:
    """Whole groups in random order until `limit` files are reached."""
    order = pd.Series(listing["group"].unique()).sample(frac=1, random_state=seed)
    sizes = listing.groupby("group").size()[order]
    chosen = sizes.index[sizes.cumsum() <= limit]
    if not len(chosen):
        raise ValueError(f"data.limit: expected at least the {sizes.iloc[0]} files of one group, came {limit}. Raise it, or leave it out.")
    return listing[listing["group"].isin(chosen)]
