"""What models look at, and what they get wrong, on `val`: nothing here reads `test`."""

import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from dfd_lib.data.crops import read_image, resize
from dfd_lib.detector.predict import DeepfakeDetector
from dfd_lib.detector.show import draw_boxes
from dfd_lib.detector.verdict import Verdict
from dfd_lib.experiment import Experiment
from dfd_lib.explain.occlusion import occlusion, overlay
from dfd_lib.figures import beside, heat_maps, save
from dfd_lib.paths import report_dir
from dfd_lib.stages.places import crops_root, run_dir

STEPS = 7
"""Of occlusion along each side, in a table of many maps."""


def extremes(predictions: pd.DataFrame, count: int = 3, threshold: float = 0.5) -> pd.DataFrame:
    """The most confident hits and the worst errors of each model among the crops of val.

    Args:
        predictions: the predictions table.
        count: of each kind and class, of as many different clips.
        threshold: `p_fake >= threshold` is FAKE.

    Returns:
        model, case (`hit` or `error`), label, path, video, p_fake; the most confident first.
    """
    val = predictions[(predictions["split"] == "val") & (predictions["condition"] == "clean") & (predictions["level"] == "frame")]
    said = (val["p_fake"] >= threshold).astype(int)
    sure = (val["p_fake"] - threshold).abs()
    cases = val.assign(case=np.where(said == val["label"], "hit", "error"), sure=sure).sort_values("sure", ascending=False, kind="stable")
    by_clip = cases.drop_duplicates(["model", "case", "label", "video"])
    first = by_clip.groupby(["model", "case", "label"], sort=True).head(count)
    return first.sort_values(["model", "case", "label"], kind="stable")[["model", "case", "label", "path", "video", "p_fake"]]


def agreement(predictions: pd.DataFrame, threshold: float = 0.5) -> pd.DataFrame:
    """On how many crops of val how many models are right.

    Returns:
        right (models), crops, share, of them fake; from none right to all.
    """
    val = predictions[(predictions["split"] == "val") & (predictions["condition"] == "clean") & (predictions["level"] == "frame")]
    right = ((val["p_fake"] >= threshold) == (val["label"] == 1)).groupby(val["path"]).mean()
    models = val["model"].nunique()
    label = val.drop_duplicates("path").set_index("path")["label"]
    table = pd.DataFrame({"right": (right * models).round().astype(int), "fake": label[right.index]})
    counted = table.groupby("right")["fake"].agg(crops="size", fakes="sum").reindex(range(models + 1), fill_value=0).reset_index()
    return counted.assign(share=counted["crops"] / len(table))


def best_of_faces(predictions: pd.DataFrame, runs: pd.DataFrame) -> str:
    """The model with the best AUC on val among those that score single faces: maps are of one face.

    Raises:
        ValueError: there is none, only models of clips.
    """
    of_faces = runs[runs["model"].isin(predictions.loc[predictions["level"] == "frame", "model"])]
    if of_faces.empty:
        raise ValueError("explain: expected a model of single faces, came models of clips alone. Add one to the recipe.")
    return str(of_faces.loc[of_faces["val_auc"].idxmax(), "model"])


def show_heat(experiment: Experiment, predictions: pd.DataFrame, model: str, *, count: int = 3) -> Figure:
    """Grad-CAM and occlusion of one model on its most confident hits and its worst errors among the crops of val.

    Only of drawn faces is it written to figures/heat_<model>.png: other people's
    faces are for looking at, and never in a report.

    Args:
        experiment: has been trained.
        predictions: of its models.
        model: which of them, with its first seed.
        count: fakes that are shown of each case.

    Returns:
        A row a crop: the crop, Grad-CAM, occlusion.
    """
    from dfd_lib.explain.gradcam import grad_cam
    from dfd_lib.models.weights import load_weights
    from dfd_lib.training.predict import p_fake

    folder = run_dir(experiment, model, experiment.seeds[0])
    facts = json.loads((folder / "run.json").read_text())
    network = load_weights(facts["registry_name"], folder / "best.weights.h5", image_size=facts["image_size"], **facts["settings"]["hyper"])
    chosen = extremes(predictions[(predictions["model"] == model) & (predictions["seed"] == experiment.seeds[0])], count)
    crops = _crops(experiment, chosen, facts["image_size"])
    maps = grad_cam(network, crops)

    def score(batch: np.ndarray) -> np.ndarray:
        return p_fake(network, batch, np.arange(len(batch)))

    rows = [
        (f"{'fake' if row.label else 'real'}, p_fake {row.p_fake:.2f}: {row.case}", crop, overlay(crop, heat), _covered(crop, score))
        for row, crop, heat in zip(chosen.itertuples(), crops, maps, strict=True)
    ]
    figure = heat_maps(rows)
    plt.close(figure)  # shown where a notebook's cell ends with this call, and once
    if experiment.data.source == "demo":
        save(figure, report_dir(experiment.name) / f"figures/heat_{model}.png")
    return figure


def show_answer(detector: DeepfakeDetector, file: Path, verdict: Verdict) -> Figure:
    """The frame of a file that looks most like a fake, with everybody's box, and what in the face speaks for FAKE."""
    watched = detector.watch(file, keep=True)
    pictures = [
        (
            verdict.verdict,
            draw_boxes(watched.frame(moment.frame), verdict, moment.frame, watched.scale),
            seen.crop,
            _covered(seen.crop, detector.score_crops),
        )
        for moment, seen in detector.worst(verdict, watched)
    ]
    figure = beside(pictures)
    plt.close(figure)
    return figure


def _covered(crop: np.ndarray, score) -> np.ndarray:
    return overlay(crop, occlusion(crop, score, steps=STEPS))


def _crops(experiment: Experiment, rows: pd.DataFrame, size: int) -> np.ndarray:
    root: Path = crops_root(experiment)
    return np.stack([resize(read_image(root / path), size) for path in rows["path"]])
