"""A model of clips through the steps that the pipeline calls, from files to the question of time."""

import cv2
import numpy as np
import pandas as pd
import pytest

from dfd_lib import stages
from dfd_lib.experiment import parse_experiment
from dfd_lib.paths import report_dir
from dfd_lib.tables import write_table

TINY = {"width": 0.2, "dense": 8}
MODELS = {
    "lenet": {"image_size": 32, "hyper": TINY},
    "clips": {
        "model": "resnext_lstm_small",
        "image_size": 32,
        "batch_size": 8,
        "hyper": {"backbone": "lenet", "backbone_hyper": TINY, "frames": 3, "units": 4},
    },
}


@pytest.fixture
def source(tmp_path, monkeypatch):
    """Faces of forty clips of two to four frames, twenty persons, one real and one fake clip each."""
    monkeypatch.setenv("DFD_OUT", str(tmp_path / "out"))
    monkeypatch.setenv("DFD_THREADS", "1")
    rows = []
    for clip in range(40):
        for frame in range(2 + clip % 3):
            name = f"{clip:02}_{frame}.png"
            image = np.random.default_rng([clip, frame]).integers(0, 200, (32, 32, 3)) + 50 * (clip % 2)
            (tmp_path / "faces").mkdir(exist_ok=True)
            cv2.imwrite(str(tmp_path / "faces" / name), image.astype(np.uint8))
            rows.append({"file": name, "label": clip % 2, "video": f"v{clip:02}", "frame": frame, "person": f"p{clip // 2}"})
    write_table(pd.DataFrame(rows), tmp_path / "faces" / "listing.csv")
    return tmp_path / "faces"


def recipe(name, source):
    settings = {"training": {"epochs": 1}, "evaluation": {"resamples": 100}}
    return parse_experiment({"name": name, "title": "Clips", "data": {"source": str(source)}, "models": MODELS, **settings})


def test_clips_and_frames_go_through_every_step_side_by_side(source):
    experiment = recipe("first", source)
    stages.find_faces(experiment)
    manifest = stages.split_faces(experiment)
    runs = {name: stages.train(experiment, name, 1, verbose=0) for name in MODELS}
    predictions = stages.collect_runs(experiment)
    held_out = manifest[manifest["split"] != "train"]
    of_clips = predictions[predictions["model"] == "clips"]
    assert of_clips["level"].unique().tolist() == ["video"]
    assert sorted(of_clips["video"]) == sorted(held_out["video"].unique())
    assert len(predictions) - len(of_clips) == len(held_out)
    tested = manifest.loc[manifest["split"] == "test", "video"].nunique()
    gains = stages.compare_time(experiment, predictions)
    assert gains[["model", "against", "n"]].values.tolist() == [["clips", "lenet", tested]]
    assert (report_dir("first") / "time.csv").is_file()
    # another experiment with the same recipe and crops does not train it again
    other = recipe("second", source)
    stages.find_faces(other)
    stages.split_faces(other)
    taken = stages.train(other, "clips", 1, verbose=0)
    assert taken.facts["taken_from"] == "first/models/clips-s1"
    pd.testing.assert_frame_equal(taken.predictions, runs["clips"].predictions)
