"""The step that lays published systems side by side."""

from pathlib import Path

import pandas as pd

from dfd_lib.evaluation.reasons import verdict, with_reasons
from dfd_lib.evaluation.systems import Rebuilt, systems_table
from dfd_lib.experiment import Experiment
from dfd_lib.paths import report_dir, whole
from dfd_lib.stamp import record_test_read
from dfd_lib.tables import read_table, write_table


def compare_systems(experiment: Experiment, predictions: pd.DataFrame) -> pd.DataFrame:
    """Claims beside what is reached here, and why they differ; writes systems.csv and systems.txt of the report.

    Takes what a leak buys and what can be guessed without a face from the
    report's own studies, where they were made. Reads `test`, and records that it did.

    Returns:
        See `evaluation.systems.systems_table` and `evaluation.reasons.with_reasons`.
    """
    out, rule = report_dir(experiment.name), experiment.evaluation
    asked = [Rebuilt(one.claim, one.published, one.own, one.changed) for one in experiment.systems]
    how = {"aggregator": rule.aggregator, "threshold": rule.threshold, "resamples": rule.resamples}
    table = with_reasons(systems_table(predictions, asked, **how), *(_table(out / name) for name in ("leak_tax.csv", "shortcuts.csv")))
    said = verdict(table)
    write_table(table, out / "systems.csv")
    with whole(out / "systems.txt") as beside:
        beside.write_text("\n".join(said) + "\n", encoding="utf-8")
    record_test_read(out, "55_systems", said[0])
    return table


def _table(path: Path) -> pd.DataFrame | None:
    return read_table(path) if path.is_file() else None
