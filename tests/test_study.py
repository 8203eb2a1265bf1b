"""A study from its screening to the detector that it ends in, in small: what `reports/dfdc-best` does in hours."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dfd_lib.detector.bundle import load_bundle
from dfd_lib.tables import read_table

RECIPE = """
title: A study in small
data: {source: demo}
demo: {people: 40, frames: 8, difficulty: 0.2}
faces: {frames: 3, size: 64}
split: {train: 0.5, val: 0.2, calib: 0.15, test: 0.15}
training: {epochs: 1}
models:
  plain: &plain {model: mobilenet_v2, image_size: 32, weights: null, hyper: {bn_momentum: 0.9}}
  augmented: &augmented {<<: *plain, averaged: 0.9, augment: {jpeg: 40, mixup: 0.2}}
  alone: {<<: *plain, self_blended: alone}
  soup: {<<: *augmented, soup: [plain, augmented]}
  student: {<<: *plain, label_smoothing: 0.1, teacher: {}}
  pupil: {<<: *plain, teacher: {models: [augmented, soup]}}
evaluation: {resamples: 100}
ablations:
  base: plain
  quick: {epochs: 1}
  again: [2]
  folds: 2
  conditions: [jpeg-40]
  finalists: [plain, augmented]
  changes:
    frozen: {hyper: {trainable_base: false}}
    bfloat16: {precision: mixed_bfloat16}
generalise: {conditions: [jpeg-40]}
detector: {conditions: [jpeg-40], loss: 1}
"""

PROJECT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_a_study_ends_in_a_detector_and_a_finished_one_has_nothing_to_do(tmp_path):
    report = tmp_path / "reports" / "study"
    report.mkdir(parents=True)
    (report / "experiment.yaml").write_text(RECIPE)
    for name in ("notebooks", "Snakefile"):
        (tmp_path / name).symlink_to(PROJECT / name)

    said = run(tmp_path)
    assert (report / "index.html").read_text().count("jpeg-40")
    finals, train = read_table(report / "finalists_predictions.parquet"), read_table(report / "manifest.parquet").query("split == 'train'")
    assert sorted(finals.query("model == 'plain'")["path"]) == sorted(train["path"])
    changes = read_table(report / "ablations.csv").set_index("name")
    assert changes.loc[["base", "frozen", "bfloat16"], "auc_jpeg-40"].notna().all()
    assert set(read_table(report / "runs.csv")["model"]) == {"plain", "augmented", "alone", "soup", "student", "pupil"}
    costs = read_table(report / "costs.csv")
    assert costs["served"].sum() == 1
    detector = report / "detector.dfd"
    assert detector.stat().st_size <= 15e6
    served = "+".join(member.name for member in load_bundle(detector).spec.members)
    tried = read_table(report / "ensembles.csv")
    assert served in set(tried["members"])

    assert "compared the finalists" in said
    assert "trained" not in run(tmp_path), "nothing is left to do"
    (report / "ablations.csv").unlink()
    for weights in (report / "ablations").glob("*/best.weights.h5"):
        weights.unlink()  # scores alone are kept in git, and are enough
    again = run(tmp_path)
    assert "compared the ablations" in again
    assert "student" not in again, "the table of changes is not what it learns from"


def run(out: Path) -> str:
    """`dfd report study`; what it said."""
    command = [sys.executable, "-m", "dfd_lib.cli", "report", "study", "--cores", "2"]
    done = subprocess.run(command, env={**os.environ, "DFD_OUT": str(out), "DFD_PROJECT": str(out)}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr
