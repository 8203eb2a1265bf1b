"""What a run depends on, and finished runs that an earlier version left."""

import json
from pathlib import Path

import pandas as pd
import pytest

from dfd_lib.data.origins import trained_on
from dfd_lib.experiment import Model, parse_experiment
from dfd_lib.paths import faces_dir
from dfd_lib.stages import collect_runs, run_dir
from dfd_lib.training import runs
from dfd_lib.training.runs import fingerprint

HOW = {"crop": {}, "detector": {"name": "yunet", "version": "5", "step": 6}, "sampling": {"every": 10}, "boxes": "own", "rules": 1}


@pytest.mark.parametrize("given", [True, False])
def test_collecting_adds_how_the_crops_were_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, given: bool) -> None:
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    (tmp_path / "photos").mkdir()
    recipe = {"name": "old", "title": "old", "data": {"source": str(tmp_path / "photos")}, "models": {"lenet": {}}, "seeds": [1]}
    experiment = parse_experiment(recipe if given else {**recipe, "faces": {"every": 10}})
    folder = run_dir(experiment, "lenet", 1)
    folder.mkdir(parents=True)
    faces_dir("old").mkdir(parents=True)
    (faces_dir("old") / "faces.json").write_text(json.dumps(HOW))
    facts = {"model": "lenet", "seed": 1, "fingerprint": "0", "settings": {}, "versions": {}}
    (folder / "run.json").write_text(json.dumps(facts))
    pd.DataFrame({"epoch": [1], "loss": [0.5]}).to_csv(folder / "history.csv", index=False)
    rows = {"seed": 1, "split": "val", "level": "frame", "path": ["a.png", "b.png"], "face": 0, "frame": 0, "label": [0, 1]}
    texts = {"model": "lenet", "dataset": "set", "condition": "clean", "video": ["a", "b"], "group": ["a", "b"]}
    pd.DataFrame({**rows, **texts, "p_fake": [0.1, 0.9]}).to_parquet(folder / "predictions.parquet")
    written = (folder / "run.json").stat().st_mtime_ns
    collect_runs(experiment)
    how = trained_on(folder)
    assert how is None if given else how.detector == "yunet"
    assert (folder / "run.json").stat().st_mtime_ns == written, "it is taken as finished"


def test_fakes_made_in_another_way_are_another_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And trainings without such fakes stay what they are."""
    (tmp_path / "a.png").write_bytes(b"crop")
    manifest = pd.DataFrame({"path": ["a.png"], "label": [0], "split": ["train"]})
    plain, blended = Model(model="lenet"), Model(model="lenet", self_blended="beside")
    before = {config.self_blended: fingerprint(manifest, tmp_path, config, 1) for config in (plain, blended)}
    monkeypatch.setattr(runs, "METHOD", "3: yet another way")
    after = {config.self_blended: fingerprint(manifest, tmp_path, config, 1) for config in (plain, blended)}
    assert before["no"] == after["no"]
    assert before["beside"] != after["beside"]


def test_terms_of_weights_change_no_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither its fingerprint, nor what the pipeline compares, which is the dump of its settings."""
    monkeypatch.setenv("DFD_WEIGHTS", str(tmp_path))
    (tmp_path / "a.png").write_bytes(b"crop")
    (tmp_path / "first.weights.h5").write_bytes(b"weights")
    manifest = pd.DataFrame({"path": ["a.png"], "label": [0], "split": ["train"]})
    unsaid = Model(model="lenet", weights="first.weights.h5")
    said = Model(model="lenet", weights="first.weights.h5", weights_licence="BSD-3-Clause")
    assert fingerprint(manifest, tmp_path, said, 1) == fingerprint(manifest, tmp_path, unsaid, 1)
    assert said.model_dump() == unsaid.model_dump()
