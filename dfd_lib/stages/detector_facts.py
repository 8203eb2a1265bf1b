"""What a detector's file says of itself: how faces are cut, how scores are judged, what it was trained on, how good it is."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from dfd_lib.data.crops import CropSpec, cut, read_image
from dfd_lib.data.demo import draw_portrait
from dfd_lib.data.faces import detector_version, open_detector
from dfd_lib.data.origins import crops_origin
from dfd_lib.detector.spec import Member
from dfd_lib.evaluation.metrics import evaluate
from dfd_lib.evaluation.promises import Promises
from dfd_lib.experiment import Experiment
from dfd_lib.other_reads import other_reads
from dfd_lib.stages.places import crops_root

GOLDEN = (3, 11, 19, 27)
"""Seeds of the drawn faces whose scores a detector knows."""

FRAMES, FEWEST = 16, 8
"""Frames of a clip that a detector looks at, where training says nothing of it, and at least."""

MEASURED = 300
"""Crops of train that tell how given crops were cut."""


def crop_of(experiment: Experiment, manifest: pd.DataFrame) -> tuple[CropSpec, str]:
    """How faces must be cut for the models of an experiment, and how that is known.

    Where crops were given, they are searched for the face again: what is around
    it is the margin.
    """
    origin = crops_origin(crops_root(experiment))
    if origin:
        return origin.crop, "as the faces of training were cut"
    train = manifest[manifest["split"] == "train"]
    sample = train.sample(min(MEASURED, len(train)), random_state=experiment.split.seed)
    crops = [read_image(crops_root(experiment) / path) for path in sample["path"]]
    find = open_detector("auto")
    found = [(crop.shape, faces[0].box) for crop in crops if (faces := find(crop))]
    if len(found) < len(crops) / 2:
        return CropSpec(size=_side(crops)), f"a guess: a face was found in {len(found)} of {len(crops)} given crops only"
    ratio = float(np.median([max(shape[:2]) / max(box[2:]) for shape, box in found]))
    margin = round(min(max((ratio - 1) / 2, 0), 2), 3)
    return CropSpec(margin=margin, size=_side(crops)), f"measured on {len(found)} given crops of train"


def _side(crops: Sequence[np.ndarray]) -> int:
    return int(min(max(np.median([max(crop.shape[:2]) for crop in crops]), 16), 1024))


def golden_faces(crop: CropSpec) -> dict[str, np.ndarray]:
    """Drawn faces, cut as a detector cuts them: uint8 (size, size, 3), RGB."""
    side = 512
    box = (0.27 * side, 0.2 * side, 0.46 * side, 0.56 * side)
    return {f"drawn-{seed}": cut(draw_portrait(seed, side), box, crop) for seed in GOLDEN}


def sampling(experiment: Experiment, members: Sequence[Member]) -> dict[str, Any]:
    """Face detector and frames of a clip: those of training where it had any, but enough frames to be sure of a person.

    For members that take clips just those of training: time must pass as it did there.
    """
    origin = crops_origin(crops_root(experiment))
    if origin is None:
        return {"faces": detector_version("auto")[0], "frames": FRAMES}
    frames = {"frames": max(origin.sampling.get("frames", FRAMES), FEWEST)}
    if any(one.frames for one in members):
        frames |= origin.sampling
    return {"faces": origin.detector, **frames}


def judgements(promises: Promises, predictions: pd.DataFrame) -> dict[str, Any]:
    """How photos (fitted at level frame) and clips (at level video) are judged."""
    calib = predictions[predictions["split"] == "calib"]
    fitted = {one["level"]: one for one in promises.fitted}
    found = {}
    for name, level in {"photo": "frame", "clip": "video"}.items():
        if level not in fitted:  # a member takes clips: nothing is known of a photo
            found[name] = None
            continue
        one = fitted[level]
        share = float(calib.loc[calib["level"] == level, "label"].mean())
        youden = one["thresholds"].get("youden")
        found[name] = {
            "calibration": one["calibration"],
            "threshold": one["thresholds"]["recipe"] if youden is None else youden,
            "thresholds": one["thresholds"],
            "conformal": one["conformal"],
            "share_fake": share,
            "measured": name == "photo" or _has_clips(predictions),
        }
    return found


def data_facts(experiment: Experiment, manifest: pd.DataFrame) -> dict[str, Any]:
    """What the card tells of the data: what they are, whose terms they are under, how many, and who else has read `test`."""
    parts = manifest.groupby("split").agg(
        crops=("path", "size"), fakes=("label", "sum"), groups=("group", "nunique"), clips=("video", "nunique")
    )
    frames = manifest.groupby("video").size().median()
    return {
        "dataset": ", ".join(sorted(manifest["dataset"].unique())),
        "about": " ".join(experiment.about.split()),
        "licence": " ".join(experiment.data.licence.split()),
        "test_elsewhere": other_reads(experiment),
        "crops_a_clip": float(frames),
        "parts": {split: {name: int(value) for name, value in row.items()} for split, row in parts.to_dict("index").items()},
    }


_TOLD = ("accuracy", "auc", "precision", "recall", "f1", "log_loss", "brier")
_KEPT = ("error_real", "error_fake", "wrong", "unsure")


def metrics(predictions: pd.DataFrame, promises: Promises, experiment: Experiment) -> dict[str, Any]:
    """What the card tells of `test`: metrics with intervals, and how far verdicts kept their promise."""
    rule = experiment.evaluation
    test = predictions[predictions["split"] == "test"]
    table = evaluate(test, threshold=rule.threshold, aggregator=rule.aggregator, resamples=rule.resamples)
    rows = table[["level", "n", "n_fake", "threshold", *_with_ends(_TOLD)]].to_dict("records")
    kept = promises.conformal[promises.conformal["available"].astype(bool)]
    if not _has_clips(predictions):  # one crop a clip: its row would repeat that of single faces
        rows, kept = rows[:1], kept[kept["level"] == "frame"]
    verdicts = kept[["level", "promised", *_with_ends(_KEPT)]].to_dict("records")
    chosen = promises.calibration[promises.calibration["chosen"]][["level", "method", *_with_ends(["log_loss"]), "ece"]]
    return {"test": plain(rows), "verdicts": plain(verdicts), "calibration": plain(chosen.to_dict("records"))}


def _with_ends(names: Iterable[str]) -> list[str]:
    return [f"{name}{end}" for name in names for end in ("", "_low", "_high")]


def _has_clips(predictions: pd.DataFrame) -> bool:
    """Whether anything was measured of clips: more than one frame of most of them."""
    frames = predictions[predictions["level"] == "frame"]
    if frames.empty:  # of an ensemble that is scored by the clip alone
        return True
    return bool(frames.groupby("video").size().median() > 1)


def plain(rows: list[dict]) -> list[dict]:
    """As JSON holds it: no NumPy types, null for unknown numbers, six digits."""
    return [{key: _number(value) for key, value in row.items()} for row in rows]


def _number(value: Any) -> Any:
    if isinstance(value, str):
        return value
    number = float(value)
    return None if number != number else int(number) if number == int(number) and abs(number) > 1 else round(number, 6)
