"""What an epoch shows, and running averages of weights."""

import json

import keras
import numpy as np
import pytest
from test_fit import LENET, write_crops

from dfd_lib.experiment import Model
from dfd_lib.training.averages import Averages
from dfd_lib.training.fit import fit
from dfd_lib.training.objective import compiled
from dfd_lib.training.runs import load_network
from dfd_lib.training.state import load_state, save_state
from dfd_lib.training.targets import shown

ROWS, LABELS = np.array([10, 11, 12, 13]), np.array([0, 1, 1, 0])


def of(**settings):
    return shown(ROWS, LABELS, Model(model="lenet", **settings))


def test_by_default_an_epoch_shows_the_crops_as_they_are():
    one = of()
    assert one.rows.tolist() == ROWS.tolist()
    assert one.labels.tolist() == LABELS.tolist()
    assert not one.blended.any()


@pytest.mark.parametrize(
    ("how", "rows", "labels"), [("beside", [10, 11, 12, 13, 10, 13], [0, 1, 1, 0, 1, 1]), ("alone", [10, 13, 10, 13], [0, 0, 1, 1])]
)
def test_each_real_crop_is_shown_again_as_a_fake_made_of_it(how, rows, labels):
    one = of(self_blended=how)
    assert one.rows.tolist() == rows
    assert one.labels.tolist() == labels
    assert one.blended.tolist() == [False] * (len(rows) - 2) + [True, True]
    assert one.weights[one.labels == 1].sum() == pytest.approx(one.weights[one.labels == 0].sum())


def test_smoothing_draws_labels_towards_a_half():
    assert of(label_smoothing=0.2).labels.tolist() == pytest.approx([0.1, 0.9, 0.9, 0.1])


@pytest.mark.parametrize("asked", [{"self_blended": "beside"}, {"augment": {"mixup": 0.2}}])
def test_clips_are_neither_blended_nor_mixed(asked):
    with pytest.raises(ValueError, match="expected a model of single crops, came one of clips"):
        shown(np.zeros((4, 2), int), LABELS, Model(model="lenet", **asked))


def tiny(momentum):
    keras.utils.set_random_seed(1)
    model = keras.Sequential([keras.Input((3,)), keras.layers.Dense(1, activation="sigmoid")])
    return compiled(model, Model(model="lenet", optimizer="sgd", learning_rate=0.5, averaged=momentum), 10)


def test_averages_are_those_of_the_weights_after_each_step(tmp_path):
    """Against a loop in NumPy; the state that is saved holds them."""
    model, x, y = tiny(0.7), np.random.default_rng(0).normal(size=(8, 3)), np.array([[0], [1]] * 4)
    average = None
    for _ in range(5):
        model.train_on_batch(x, y)
        now = model.get_weights()[0]
        average = now if average is None else 0.7 * average + 0.3 * now
    with Averages(model, []).in_place():
        np.testing.assert_allclose(model.get_weights()[0], average, rtol=1e-5)
    np.testing.assert_array_equal(model.get_weights()[0], now)
    save_state(model, tmp_path, "key", [{"epoch": 1}])
    other = tiny(0.7)
    assert load_state(other, tmp_path, "key") == [{"epoch": 1}]
    with Averages(other, []).in_place():
        np.testing.assert_allclose(other.get_weights()[0], average, rtol=1e-5)


def test_without_averages_nothing_is_exchanged():
    model = tiny(0)
    before = model.get_weights()[0]
    with Averages(model, []).in_place():
        np.testing.assert_array_equal(model.get_weights()[0], before)


@pytest.mark.slow
def test_a_training_with_all_of_it_is_kept_and_repeated(tmp_path, monkeypatch):
    """Averages, blending, smoothing, mixing and JPEG together: what is kept scores as it was judged, and a rerun is bit-equal."""
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    settings = {"epochs": 2, "averaged": 0.9, "self_blended": "beside", "label_smoothing": 0.1, "deterministic": True}
    config = Model(**{**LENET.model_dump(), **settings, "augment": {"mixup": 0.2, "jpeg": 40, "blur": 1}})
    manifest = write_crops(tmp_path, count=48, size=16)
    runs = [fit(manifest, tmp_path, config, name="lenet", seed=2, out=tmp_path / name, verbose=0) for name in ("one", "two")]
    np.testing.assert_array_equal(*[run.predictions["p_fake"] for run in runs])
    kept = load_network(tmp_path / "one")
    assert json.loads((tmp_path / "one" / "run.json").read_text())["settings"]["averaged"] == 0.9
    assert kept.count_params() == runs[0].facts["parameters"]
