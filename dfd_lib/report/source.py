"""What lies in a report's folder: tables, texts and figures, read when asked for."""

import base64
import dataclasses
import functools
import json
import struct
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from dfd_lib.experiment import Experiment, load_experiment
from dfd_lib.formats import count
from dfd_lib.paths import report_dir
from dfd_lib.report.blocks import Picture
from dfd_lib.report.captions import describe
from dfd_lib.tables import check_metrics, read_table

_PIXELS_PER_CSS_PIXEL = 1.35  # 150 dpi shown as if 111 dpi: nine inches become 1,000 CSS pixels

COLUMNS = {
    "split.csv": ["split", "groups", "videos", "crops", "real", "fake"],
    "audit.csv": ["check", "left", "right", "shared", "rows", "example", "ok"],
    "leaks.csv": ["check", "value", "left", "left_path", "right", "right_path"],
    "coverage.csv": ["file", "label", "status", "reason", "frames_read", "faces_kept"],
    "differences.csv": ["fact", "n_real", "n_fake", "real", "fake", "auc", "auc_low", "auc_high", "warn"],
    "runs.csv": [
        "model",
        "seed",
        "image_size",
        "parameters",
        "trainable",
        "epochs",
        "best_epoch",
        "val_auc",
        "seconds",
        "images_per_second",
    ],
    "slices.csv": ["model", "seed", "split", "level", "slice", "value", "n", "n_fake", "auc", "accuracy"],
    "pairs.csv": ["left", "right", "level", "metric", "difference", "low", "high", "p", "p_holm", "significant"],
    "ensembles.csv": ["name", "rule", "members", "size", "val_auc", "test_auc", "test_accuracy", "gain", "gain_low", "gain_high"],
    "calibration.csv": [
        *("model", "seed", "level", "aggregator", "method", "chosen", "calib_log_loss", "n_calib", "groups_calib", "n", "groups"),
        *("log_loss", "log_loss_change", "brier", "ece"),
    ],
    "operating.csv": [
        *("model", "seed", "level", "aggregator", "rule", "promised", "available", "threshold", "reals_calib", "reals"),
        *("false_alarm_rate", "recall", "precision_1_in_10", "precision_1_in_100", "precision_1_in_1000", "recall_on_curve"),
    ],
    "conformal.csv": [
        *("model", "seed", "level", "aggregator", "promised", "available", "groups_real", "groups_fake", "groups_needed"),
        *("error_real", "error_fake", "wrong", "unsure"),
    ],
    "tuning.csv": ["model", "trials", "val_default", "val_tuned", "test_default", "test_tuned", "gain", "gain_low", "gain_high"],
    "ablations.csv": ["name", "luck", "changed", "auc", "difference", "low", "high", "p_holm", "minutes", "image_size", "parameters"],
    "finalists.csv": ["name", "luck", "changed", "auc", "difference", "low", "high", "p_holm", "minutes", "image_size", "parameters"],
    "finalists_pairs.csv": ["left", "right", "level", "metric", "difference", "low", "high", "p", "p_holm", "significant"],
    "systems.csv": [
        *("system", "model", "recipe", "changed", "claimed", "claimed_low", "claimed_high", "claimed_n", "gap"),
        *(f"{metric}{end}" for metric in ("accuracy", "auc", "balanced_accuracy", "f1", "difference") for end in ("", "_low", "_high")),
        *("leak", "shortcut", "test", "by_recipe"),
    ],
    "costs.csv": [
        *("name", "served", "networks", "parameters", "megabytes", "milliseconds", "val_auc"),
        *("test_auc", "test_auc_low", "test_auc_high"),
    ],
    "time.csv": ["about", "model", "against", "n", "auc", "auc_against", "difference", "low", "high", "p_holm"],
    "leak_tax.csv": [
        *("split", "model", "seeds", "n_train", "n_test", "groups", "torn"),
        *(f"{metric}{end}" for metric in ("accuracy", "auc") for end in ("", "_low", "_high", "_rows_low", "_rows_high")),
    ],
    "shortcuts.csv": ["family", "kind", "facts", "n", "groups", "auc", "auc_low", "auc_high", "shuffled", "warn"],
    "claims.csv": [
        *("system", "model", "n", "printed", "majority", "check", "remark"),
        *(f"{metric}{end}" for metric in ("accuracy", "precision", "recall", "f1") for end in ("", "_low", "_high")),
    ],
    "agreement.csv": ["right", "crops", "fakes", "share"],
    "extremes.csv": ["model", "case", "label", "path", "p_fake"],
    "robustness.csv": ["model", "seed", "condition", "kind", "strength", "auc", "auc_change", "accuracy"],
    "cross.csv": ["model", "trained_on", "scored_on", "seed", "n", "n_fake", "auc", "accuracy", "chance"],
    "cross_pairs.csv": ["dataset", "left", "right", "level", "metric", "difference", "low", "high", "p", "p_holm", "significant"],
    "leave_out.csv": ["method", "model", "seed", "n", "n_fake", "auc_before", "auc_after", "change", "recall_before", "recall_after"],
    "leave_out_pairs.csv": ["method", "left", "right", "level", "metric", "difference", "low", "high", "p", "p_holm", "significant"],
    "test_reads.csv": ["date", "commit", "command", "result"],
}
"""The columns that the page shows of each table; further ones are passed over."""


@dataclass(frozen=True)
class Report:
    """A report's folder and its recipe."""

    folder: Path
    recipe: Experiment

    @functools.cached_property
    def metrics(self) -> pd.DataFrame | None:
        """metrics.csv, checked; None if it is not there or empty."""
        table = self._rows("metrics.csv")
        return None if table is None else check_metrics(table)

    def table(self, name: str) -> pd.DataFrame | None:
        """A table of `COLUMNS`; None if it is not there or empty.

        Raises:
            ValueError: it lacks a column that the page shows.
        """
        table = self._rows(name)
        if table is None:
            return None
        missing = [column for column in COLUMNS[name] if column not in table]
        if missing:
            raise ValueError(
                f"{self.folder / name}: expected the columns {', '.join(COLUMNS[name])}; missing {', '.join(missing)}. Rerun `dfd report`."
            )
        return table

    def text(self, name: str) -> str:
        """A text file without surrounding blanks; empty if it is not there."""
        path = self.folder / name
        return path.read_text(encoding="utf-8").strip() if path.is_file() else ""

    @functools.cached_property
    def stamp(self) -> dict:
        """stamp.json; empty if it is not there."""
        return json.loads(self.text("stamp.json") or "{}")

    def by_clip(self, aggregator: str) -> str:
        """How a clip's score came about: the rule, and how many frames a clip gave."""
        return "by clip" if aggregator == "none" else f"by clip ({aggregator} of its {self.frames_of_a_clip})"

    @functools.cached_property
    def clips(self) -> str:
        """`by_clip` of the rule that the metrics were aggregated by."""
        metrics = self.metrics
        rules = [] if metrics is None else [rule for rule in metrics["aggregator"].dropna().unique() if rule and rule != "none"]
        return self.by_clip(rules[0] if rules else "none")

    @functools.cached_property
    def by_which_rule(self) -> str:
        """A sentence under figures that are about clips."""
        return f"Scores are {self.clips}."

    @functools.cached_property
    def frames_of_a_clip(self) -> str:
        """`5 frames`, or `frames, 3 to 24, 12 in the median` where clips differ; `frames` where coverage.csv does not tell."""
        table = self.table("coverage.csv")
        if table is None or not (read := table.loc[table["faces_kept"] > 0, "frames_read"]).gt(0).any():
            return "frames"
        fewest, most = int(read.min()), int(read.max())
        return count(most, "frame") if fewest == most else f"frames, {fewest} to {most}, {count(read.median())} in the median"

    def pictures(self, *names: str, note: str = "") -> list[Picture]:
        """The figures of these names (see `captions`), in this order, each with its variants; `note` follows each caption."""
        found = [picture(path) for name in names for path in self._figures() if describe(path.stem).name == name]
        return [dataclasses.replace(one, caption=f"{one.caption} {note}".strip()) for one in found]

    def other_pictures(self) -> list[Picture]:
        """The figures that no caption is known for."""
        return [picture(path) for path in self._figures() if not describe(path.stem).known]

    def notebooks(self) -> list[Path]:
        """The executed notebooks."""
        return sorted((self.folder / "notebooks").glob("*.ipynb"))

    def _rows(self, name: str) -> pd.DataFrame | None:
        """A table with at least one row; a table without columns is a file with an empty line."""
        path = self.folder / name
        table = read_table(path) if path.is_file() and path.stat().st_size > 1 else None
        return None if table is None or table.empty else table

    def _figures(self) -> list[Path]:
        return sorted((self.folder / "figures").glob("*.png"))


def open_report(name: str) -> Report:
    """The report of an experiment by its name; raises ValueError where there is no such recipe."""
    return Report(report_dir(name), load_experiment(name))


def picture(path: Path) -> Picture:
    """Embed a PNG.

    Raises:
        ValueError: the file is no PNG.
    """
    data = path.read_bytes()
    if data[:8] != b"\x89PNG\r\n\x1a\n" or len(data) < 24:
        raise ValueError(f"figure {path}: expected a PNG file, came {data[:8]!r}. Draw it again with dfd_lib.figures.save, or remove it.")
    width, height = (round(side / _PIXELS_PER_CSS_PIXEL) for side in struct.unpack(">II", data[16:24]))  # the IHDR chunk
    known = describe(path.stem)
    uri = f"data:image/png;base64,{base64.b64encode(data).decode('ascii')}"
    return Picture(path.stem, uri, width, height, known.alt, known.caption, known.chart)
