"""Training: it learns, resumes after a kill, and never mixes up two runs."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from dfd_lib.data.origins import trained_on
from dfd_lib.experiment import Model
from dfd_lib.models.weights import load_weights
from dfd_lib.training.fit import _prepare, fit
from dfd_lib.training.runs import fingerprint, read_run, trained_as
from dfd_lib.training.state import Recorder
from dfd_lib.training.targets import class_weights

COLUMNS = {"dataset": "toy", "method": "toy", "person": "", "donor": "", "face": 0, "frame": 0, "score": 1.0}


def write_crops(root, count=96, size=32):
    """Crops that differ by a bright patch: fakes carry it on the cheek."""
    rows = []
    for number in range(count):
        rng = np.random.default_rng(number)
        image = rng.integers(60, 140, (size, size, 3), dtype=np.uint8)
        label = number % 2
        if label:
            image[18:26, 6:14] += 90
        cv2.imwrite(str(root / f"{number:03}.png"), image)
        split = ("train", "train", "train", "val", "calib", "test")[(number // 2) % 6]
        rows.append({"path": f"{number:03}.png", "label": label, "split": split, "video": f"v{number}", "group": f"g{number}"})
    box = dict.fromkeys(("box_x", "box_y", "box_w", "box_h"), float(size))
    return pd.DataFrame(rows).assign(**COLUMNS, **box)


@pytest.fixture
def crops(tmp_path, monkeypatch):
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    return write_crops(tmp_path), tmp_path


LENET = Model(model="lenet", image_size=32, epochs=3, batch_size=16)


def run(crops, config=LENET, seed=1, folder="run"):
    manifest, root = crops
    return fit(manifest, root, config, name="lenet", seed=seed, out=root / folder, verbose=0)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A finished run, and the manifest of its crops."""
    root = tmp_path_factory.mktemp("trained")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DFD_OUT", str(root))
        manifest = write_crops(root)
        return run((manifest, root)), manifest


def test_learns_and_fake_is_one(trained):
    done, _ = trained
    test = done.predictions[done.predictions["split"] == "test"]
    assert roc_auc_score(test["label"], test["p_fake"]) > 0.95
    assert test.groupby("label")["p_fake"].mean()[1] > test.groupby("label")["p_fake"].mean()[0]


def test_predictions_are_of_val_calib_and_test(trained):
    done, manifest = trained
    expected = manifest[manifest["split"] != "train"]
    assert done.predictions["path"].tolist() == expected["path"].tolist()
    assert done.predictions["label"].tolist() == expected["label"].tolist()
    assert set(done.predictions["level"]) == {"frame"}


def test_kept_weights_are_those_of_the_best_epoch(trained):
    done, _ = trained
    val = done.predictions[done.predictions["split"] == "val"]
    assert roc_auc_score(val["label"], val["p_fake"]) == pytest.approx(done.history["val_auc"].max(), abs=1e-6)
    assert done.facts["best_epoch"] == done.history.loc[done.history["val_auc"].idxmax(), "epoch"]


def test_a_complete_run_is_returned_and_another_recipe_trains_again(crops):
    first = run(crops)
    written = (first.folder / "predictions.parquet").stat().st_mtime_ns
    assert trained_on(first.folder) is None, "given crops"
    (first.folder / "crops.json").unlink()  # as of a run that an earlier version finished
    assert run(crops).facts == first.facts
    assert (first.folder / "predictions.parquet").stat().st_mtime_ns == written
    assert trained_on(first.folder) is None
    detector = {"name": "yunet", "version": "5", "step": 6}
    how = {"crop": {"size": 32}, "detector": detector, "sampling": {"every": 10}, "boxes": "own", "rules": 1}
    (crops[1] / "faces.json").write_text(json.dumps(how))
    other = run(crops, LENET.model_copy(update={"learning_rate": 1e-4}))
    assert trained_on(other.folder).crop.size == 32, "of these crops, not of those before"
    assert other.facts["fingerprint"] != first.facts["fingerprint"]
    assert len(read_run(first.folder).history) == 3


def test_another_judge_chooses_the_epoch(crops):
    seen = []

    def second(predictions):
        seen.append(predictions)
        return 0.9 if len(seen) == 2 else 0.1

    manifest, root = crops
    done = fit(manifest, root, LENET, name="lenet", seed=1, out=root / "run", verbose=0, judge=second)
    assert done.facts["best_epoch"] == 2
    assert done.history["val_auc"].tolist() == [0.1, 0.9, 0.1]
    kept = done.predictions[done.predictions["split"] == "val"]
    np.testing.assert_allclose(seen[1]["p_fake"], kept["p_fake"], atol=1e-6)
    assert seen[1]["path"].tolist() == kept["path"].tolist()


def test_early_stopping_counts_epochs_without_a_better_auc(crops):
    done = run(crops, LENET.model_copy(update={"epochs": 30, "patience": 2}))
    best = done.facts["best_epoch"]
    assert done.facts["epochs"] == min(30, best + 2)
    assert (done.history["val_auc"] <= done.history["val_auc"][best - 1]).all()


def test_parts_must_hold_both_classes(crops):
    manifest, root = crops
    with pytest.raises(ValueError, match="real and fake crops in 'val'"):
        run((manifest[(manifest["split"] != "val") | (manifest["label"] == 1)], root))


def test_fingerprint_sees_settings_seed_split_crops_and_first_weights(crops, monkeypatch):
    manifest, root = crops
    again = root / "again"
    again.mkdir()
    write_crops(again, size=40)  # the same files, cut larger
    monkeypatch.setenv("DFD_WEIGHTS", str(root))
    first = root / "first.weights.h5"
    first.write_bytes(b"one")
    from_file = LENET.model_copy(update={"weights": "first.weights.h5"})
    keys = {
        fingerprint(manifest, root, LENET, 1),
        fingerprint(manifest, root, LENET, 2),
        fingerprint(manifest, root, LENET.model_copy(update={"epochs": 4}), 1),
        fingerprint(manifest.assign(split=manifest["split"].replace("calib", "test")), root, LENET, 1),
        fingerprint(manifest, again, LENET, 1),
        fingerprint(manifest, root, from_file, 1),
    }
    first.write_bytes(b"two")
    keys.add(fingerprint(manifest, root, from_file, 1))
    assert len(keys) == 7
    assert fingerprint(manifest.copy(), root, LENET, 1) in keys


def test_weights_are_scored_at_the_size_they_were_trained_at(crops):
    run(crops, LENET.model_copy(update={"epochs": 1, "hyper": {"dropout": 0.1}}), folder="lenet-s1")
    best = crops[1] / "lenet-s1" / "best.weights.h5"
    assert trained_as(best, "lenet") == (32, {"dropout": 0.1})
    with pytest.raises(ValueError, match="expected those of 'resnet', came a run of 'lenet'"):
        trained_as(best, "resnet")
    (best.parent / "run.json").unlink()
    assert trained_as(best, "lenet") == (None, {})


def test_diverged_training_says_so(crops, monkeypatch):
    monkeypatch.setattr("dfd_lib.training.fit.p_fake", lambda model, pixels, rows: np.full(len(rows), np.nan))
    with pytest.raises(ValueError, match=r"training diverged.*Lower learning_rate, now 0\.001"):
        run(crops)


def test_class_weights_balance_the_loss():
    labels = np.array([0] * 9 + [1] * 3)
    weights = class_weights(labels)
    assert weights[labels == 0].sum() == pytest.approx(weights[labels == 1].sum())
    assert weights.mean() == pytest.approx(1)


@pytest.fixture
def traces(monkeypatch):
    """How often TensorFlow traced a training step: it runs the Python of a step when it traces it, and never again."""
    traced = []
    plain = keras.Model.train_step
    monkeypatch.setattr(keras.Model, "train_step", lambda model, data: traced.append(model) or plain(model, data))
    return traced


def test_a_training_is_traced_once_whatever_its_epochs(crops, traces):
    run(crops, LENET.model_copy(update={"batch_size": 20}))  # which does not divide the crops
    assert len(traces) == 1


def interrupted(epoch, where):
    """A method of the recorder that ends the process's work, as a kill does, once so many epochs are known."""
    plain = getattr(Recorder, where)

    def method(self, *arguments):
        if len(self.history) == epoch:
            raise KeyboardInterrupt
        return plain(self, *arguments)

    return method


def test_interrupted_without_determinism_it_ends_where_an_undisturbed_run_ends(crops, monkeypatch):
    """The tolerance that the README states: .001 in p_fake."""
    config = LENET.model_copy(update={"epochs": 6, "learning_rate": 3e-3, "hyper": {"dropout": 0.2}})
    calm = run(crops, config, folder="calm")
    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "on_epoch_begin", interrupted(3, "on_epoch_begin"))
        with pytest.raises(KeyboardInterrupt):
            run(crops, config)
    resumed = run(crops, config)
    assert resumed.facts["settings"]["deterministic"] is False
    np.testing.assert_allclose(resumed.predictions["p_fake"], calm.predictions["p_fake"], atol=1e-3)
    np.testing.assert_allclose(resumed.history["loss"], calm.history["loss"], rtol=1e-3)
    assert np.ptp(calm.predictions["p_fake"]) > 0.03  # it learnt something


def test_a_kill_between_the_state_and_the_best_weights_mixes_up_no_epochs(crops, monkeypatch):
    """Before the weights of epoch 2, the best, were written; its state holds them."""
    better = iter([0.6, 0.7, 0.5])
    monkeypatch.setattr("dfd_lib.training.fit._validator", lambda *_: lambda: (0.5, next(better)))
    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "keep_best", interrupted(2, "keep_best"))
        with pytest.raises(KeyboardInterrupt):
            run(crops)
    with np.load(crops[1] / "run" / "state.npz") as state:
        second = state["v0"]
    done = run(crops)
    assert done.facts["best_epoch"] == 2
    kept = load_weights("lenet", done.folder / "best.weights.h5", image_size=32)
    np.testing.assert_array_equal(kept.weights[0], second)


@pytest.mark.parametrize("left", [b"", b"PK half a file"])
def test_a_state_that_a_power_cut_spoilt_is_none(crops, monkeypatch, left):
    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "keep_best", interrupted(2, "keep_best"))
        with pytest.raises(KeyboardInterrupt):
            run(crops)
    (crops[1] / "run" / "state.npz").write_bytes(left)
    assert run(crops).history["epoch"].tolist() == [1, 2, 3]


def test_time_counts_from_the_first_decoded_crop_in_each_sitting_and_on_all_processors(crops, monkeypatch):
    def slow(*arguments):
        time.sleep(0.5)
        return _prepare(*arguments)

    monkeypatch.setattr("dfd_lib.training.fit._prepare", slow)
    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "on_epoch_begin", interrupted(2, "on_epoch_begin"))
        with pytest.raises(KeyboardInterrupt):
            run(crops)
    started = time.process_time()
    done = run(crops)
    used, row = time.process_time() - started, done.history.iloc[2]
    assert (done.history["seconds"].iloc[[0, 2]] > 0.5).all()
    assert 0 < row["cpu_seconds"] <= used
    assert done.facts["cpu_seconds"] == pytest.approx(done.history["cpu_seconds"].sum(), abs=0.1)
    assert done.facts["seconds"] == pytest.approx(done.history["seconds"].sum(), abs=0.1)


def test_a_state_of_a_version_that_did_not_count_processors_is_resumed(crops, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "on_epoch_begin", interrupted(2, "on_epoch_begin"))
        with pytest.raises(KeyboardInterrupt):
            run(crops)
    path = crops[1] / "run" / "state.npz"
    with np.load(path) as saved:
        state = dict(saved)
    history = [{name: value for name, value in row.items() if name != "cpu_seconds"} for row in json.loads(str(state["history"]))]
    np.savez(path, **state | {"history": json.dumps(history)})
    done = run(crops)
    assert done.history["epoch"].tolist() == [1, 2, 3]
    assert done.history["cpu_seconds"].isna().tolist() == [True, True, False]
    assert done.facts["cpu_seconds"] is None and done.facts["seconds"] > 0


SCRIPT = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from test_fit import LENET, fit, write_crops
root = Path({root!r})
config = LENET.model_copy(update={{"epochs": {epochs}, "deterministic": True, "hyper": {{"dropout": 0.2}}, "optimizer": "adam"}})
fit(write_crops(root), root, config, name="lenet", seed=3, out=root / "run", verbose=0)
"""


def start(root, epochs=12):
    root.mkdir(exist_ok=True)
    code = SCRIPT.format(tests=str(Path(__file__).parent), root=str(root), epochs=epochs)
    return subprocess.Popen([sys.executable, "-c", code], env={**os.environ, "DFD_OUT": str(root)})


def test_killed_and_started_again_gives_the_same_weights(tmp_path):
    """kill -9 after some epoch; with op determinism the end is bit-equal to an undisturbed run's."""
    import h5py

    assert start(tmp_path / "calm").wait() == 0
    victim = start(tmp_path / "killed")
    state = tmp_path / "killed" / "run" / "state.npz"
    while victim.poll() is None and not state.exists():
        time.sleep(0.01)
    victim.send_signal(signal.SIGKILL)
    victim.wait()
    assert not (state.parent / "run.json").exists()
    with np.load(state) as saved:
        done = len(json.loads(str(saved["history"])))
    assert 1 <= done < 12
    assert start(tmp_path / "killed").wait() == 0
    calm, killed = read_run(tmp_path / "calm" / "run"), read_run(tmp_path / "killed" / "run")
    pd.testing.assert_frame_equal(*(one.history.drop(columns=["seconds", "cpu_seconds"]) for one in (calm, killed)))
    pd.testing.assert_series_equal(calm.predictions["p_fake"], killed.predictions["p_fake"])
    with h5py.File(calm.folder / "best.weights.h5") as left, h5py.File(killed.folder / "best.weights.h5") as right:
        names = []
        left.visititems(lambda name, item: names.append(name) if isinstance(item, h5py.Dataset) and item.size else None)
        assert len(names) >= 8
        for name in names:
            np.testing.assert_array_equal(left[name][()], right[name][()])
