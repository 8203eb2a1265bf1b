"""The result in words: which single model is best, and whether ensembles help."""

from dataclasses import dataclass

import pandas as pd

from dfd_lib.formats import between, share
from dfd_lib.report.source import Report, open_report

MAJORITY = "majority"


@dataclass(frozen=True)
class Best:
    """The best single model: chosen on `val`, read on `split`."""

    model: str
    level: str
    split: str
    rows: pd.DataFrame

    def score(self, metric: str) -> str:
        """The metric with its interval; of several seeds, their mean."""
        values = self.rows[metric]
        if len(values) > 1:
            return f"{share(values.mean())} (mean of {len(values)} seeds, {share(values.min())}–{share(values.max())})"
        row = self.rows.iloc[0]
        return between(row[metric], row.get(f"{metric}_low", float("nan")), row.get(f"{metric}_high", float("nan")))


def clean_rows(metrics: pd.DataFrame) -> pd.DataFrame:
    """The rows of uncorrupted data."""
    return metrics[metrics["condition"] == "clean"]


def main_level(table: pd.DataFrame) -> str:
    """`video` where a table has it, else `frame`: people ask about clips."""
    return "video" if (table["level"] == "video").any() else "frame"


def read_split(metrics: pd.DataFrame) -> str:
    """`test` if it was read, else `val`."""
    return "test" if (metrics["split"] == "test").any() else "val"


def best_single(report: Report) -> Best | None:
    """The single model with the highest mean AUC on val, None where that is not known."""
    if report.metrics is None:
        return None
    rows = clean_rows(report.metrics)
    rows = rows[(rows["level"] == main_level(rows)) & rows["model"].isin(single_models(report))]
    on_val = rows[rows["split"] == "val"].groupby("model")["auc"].mean().dropna()
    if on_val.empty:
        return None
    split = read_split(rows)
    chosen = rows[(rows["model"] == on_val.idxmax()) & (rows["split"] == split)]
    return Best(on_val.idxmax(), main_level(rows), split, chosen)


def single_models(report: Report) -> list[str]:
    """The models that were trained, not the ensembles and not the majority baseline."""
    runs = report.table("runs.csv")
    names = report.metrics["model"] if runs is None else runs["model"]
    return [name for name in dict.fromkeys(names) if name != MAJORITY]


def headline(report: Report) -> list[str]:
    """The result in two to three sentences; empty where nothing was measured yet."""
    best = best_single(report)
    said = []
    if best is not None:
        said.append(f"Best single model: {best.model}, {best.split} AUC {best.score('auc')} {_by(report, best)}.")
        baseline = _baseline(report, best)
        said.append(f"Accuracy {best.score('accuracy')}" + (f"; always naming the commoner class gives {baseline}." if baseline else "."))
    return said + [line for line in report.text("ensembles.txt").splitlines() if line.strip()] + _served(report)


def summary(name: str) -> str:
    """A report in a few lines, for the terminal.

    Args:
        name: the experiment's folder under reports/.

    Raises:
        ValueError: no such recipe, or a table that is not what it should be.
    """
    report = open_report(name)
    lines = headline(report) or ["Nothing was measured yet."]
    if report.recipe.data.source == "demo":
        lines.append("These are drawings; scores on them say nothing about real deepfakes.")
    return "\n".join([f"{report.recipe.title} ({name})", *lines])


def _served(report: Report) -> list[str]:
    """What the detector's file holds, where that was priced: often less than the best ensemble, which need not fit into it."""
    costs = report.table("costs.csv")
    if costs is None or not costs["served"].any():
        return []
    row = costs[costs["served"].astype(bool)].iloc[0]
    auc = between(row["test_auc"], row["test_auc_low"], row["test_auc_high"])
    return [f"Served as the detector: {row['name']}, test AUC {auc} {report.clips}."]


def _by(report: Report, best: Best) -> str:
    return "by frame" if best.level == "frame" else report.by_clip(best.rows["aggregator"].iloc[0])


def _baseline(report: Report, best: Best) -> str:
    rows = clean_rows(report.metrics)
    same = rows[(rows["model"] == MAJORITY) & (rows["split"] == best.split) & (rows["level"] == best.level)]
    values = same["accuracy"].dropna()
    return "" if values.empty else share(values.mean())
