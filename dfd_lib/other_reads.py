"""Test is fresh only once: which other reports have read the same crops, and how often."""

import pandas as pd

from dfd_lib.experiment import Experiment, load_experiment
from dfd_lib.formats import count
from dfd_lib.paths import recipes, report_dir
from dfd_lib.tables import read_table

_SPLIT = ("manifest.parquet", "predictions.parquet")
"""Where a report says which crops are its test part; the first is not in git, the second is."""


def other_reads(experiment: Experiment) -> str:
    """Say which other reports of the same data source have crops of this one's test part in their own, and how often they read it.

    Sources are told apart by what the recipes call them, crops by their paths. A report that is not there, is broken or has
    read nothing is passed over: it has told nobody anything.

    Returns:
        Two sentences; empty where there is no such report.
    """
    own, found = _test_crops(experiment.name), []
    for name in recipes() if own else []:
        try:
            shared = len(own & _test_crops(name)) if name != experiment.name and _same_source(experiment, load_experiment(name)) else 0
            reads = len(read_table(report_dir(name) / "test_reads.csv")) if shared else 0
        except (OSError, ValueError):
            continue
        if reads:
            found.append(f"{name} ({count(shared)} of {count(len(own), 'crop')}, read {count(reads, 'time')})")
    if not found:
        return ""
    said = f"The same crops are in the test part of {', '.join(found)}."
    return f"{said} What was learnt there may have shaped this recipe: test chose nothing here, but it is not fresh."


def _same_source(one: Experiment, other: Experiment) -> bool:
    """Drawn clips are the same where they are drawn in the same way."""
    return one.data.source == other.data.source and (one.data.source != "demo" or one.demo == other.demo)


def _test_crops(name: str) -> set[str]:
    """Paths of a report's test crops; empty where it does not say (models of clips alone), or not yet."""
    for table in (report_dir(name) / one for one in _SPLIT):
        if table.is_file():
            rows = pd.read_parquet(table, columns=["path", "split"])
            return set(rows.loc[rows["split"] == "test", "path"]) - {""}
    return set()
