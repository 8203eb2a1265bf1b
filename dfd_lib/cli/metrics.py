"""The command that measures a predictions table: `dfd metrics`."""

from pathlib import Path
from typing import Annotated

import typer

from dfd_lib.cli.show import Json, check_choice, show, with_intervals


def metrics(
    predictions: Annotated[Path, typer.Argument(help="A predictions table (.parquet or .csv).")],
    level: Annotated[str, typer.Option(help="frame or video.")] = "frame",
    positive: Annotated[str, typer.Option(help="The class that precision, recall and F1 are about: fake or real.")] = "fake",
    threshold: Annotated[float, typer.Option(min=0, max=1, help="FAKE where p_fake >= threshold.")] = 0.5,
    resamples: Annotated[int, typer.Option(min=0, help="Of groups, for the 95 % intervals; 0 leaves them out.")] = 1000,
    as_json: Json = False,
) -> None:
    """Metrics with 95 % intervals, and confusion counts, of a predictions table, a line a model."""
    from dfd_lib.evaluation.counts import report as metrics_report
    from dfd_lib.tables import check_predictions, read_table

    check_choice("level", level, ("frame", "video"))
    check_choice("positive", positive, ("fake", "real"))
    table = check_predictions(read_table(predictions))
    rows = metrics_report(table, level=level, positive=positive, threshold=threshold, resamples=resamples)
    show(rows if as_json else [with_intervals(row) for row in rows], as_json)
