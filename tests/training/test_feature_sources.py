"""A frozen base: its features are computed once, and what is learnt from them is what the whole model would have learnt."""

import keras
import numpy as np
import pytest
from test_fit import write_crops

from dfd_lib.data.cache import entries
from dfd_lib.data.pixels import load_pixels
from dfd_lib.experiment import Augment, Model
from dfd_lib.models.features import features
from dfd_lib.models.registry import build
from dfd_lib.models.weights import load_weights
from dfd_lib.training.fit import fit
from dfd_lib.training.sources import Source, source

OFF = Augment(flip=False, brightness=0, contrast=0)
FROZEN = Model(model="vgg16", image_size=32, epochs=2, batch_size=16, learning_rate=0.01, hyper={"trainable_base": False}, augment=OFF)


@pytest.fixture
def crops(tmp_path, monkeypatch):
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    monkeypatch.setenv("DFD_WEIGHTS", str(tmp_path))
    return write_crops(tmp_path, count=60), tmp_path


def run(crops, config=FROZEN, seed=1, folder="run"):
    manifest, root = crops
    return fit(manifest, root, config, name="vgg16", seed=seed, out=root / folder, verbose=0)


def kept():
    return sorted(entry.path.stem for entry in entries() if entry.path.stem.startswith("features-"))


def test_learns_and_scores_as_the_whole_model(crops, monkeypatch):
    manifest, root = crops
    ours = run(crops)
    assert len(kept()) == 1
    scores = ours.predictions["p_fake"].to_numpy()
    assert np.ptp(scores) > 0.01
    whole = load_weights("vgg16", ours.folder / "best.weights.h5", image_size=32)
    rows = np.flatnonzero(manifest["split"] != "train")
    pixels = load_pixels(manifest, root, 32)
    np.testing.assert_allclose(whole.predict(pixels[rows], verbose=0)[:, 0], scores, atol=1e-5)
    with monkeypatch.context() as patch:
        patch.setattr("dfd_lib.training.fit.source", lambda model, pixels, *_: Source(model, pixels, [pixels], OFF))
        plain = run(crops, folder="plain")
    np.testing.assert_allclose(plain.predictions["p_fake"], scores, atol=1e-5)
    np.testing.assert_allclose(plain.history["loss"], ours.history["loss"], atol=1e-5)


def test_seeds_share_features_and_other_weights_do_not(crops):
    keras.utils.set_random_seed(5)
    build("vgg16", image_size=32).get_layer("base").save_weights(crops[1] / "base.weights.h5")
    config = FROZEN.model_copy(update={"weights": "base.weights.h5", "epochs": 1})
    first, second = (run(crops, config, seed, f"seed{seed}") for seed in (1, 2))
    assert len(kept()) == 1
    assert not np.array_equal(first.predictions["p_fake"], second.predictions["p_fake"])  # their heads differ
    other = build("vgg16", image_size=32, trainable_base=False)
    source(other, load_pixels(*crops, 32), np.arange(3), config)
    assert len(kept()) == 2


def test_versions_are_the_crops_and_changed_copies_of_the_training_part(crops):
    manifest, root = crops
    pixels, rows = load_pixels(manifest, root, 32), np.flatnonzero(manifest["split"] == "train")
    model = build("vgg16", image_size=32, trainable_base=False)
    config = FROZEN.model_copy(update={"augment": Augment(flip=True, brightness=0, contrast=0), "feature_copies": 3, "epochs": 8})
    data = source(model, pixels, rows, config)
    assert len(data.versions) == 3
    assert not data.augment.changes
    plain, turned = (features(model)(crop).numpy() for crop in (np.array(pixels), pixels[:, :, ::-1]))
    np.testing.assert_allclose(data.scored, plain, atol=1e-5)
    np.testing.assert_array_equal(data.versions[0], data.scored)
    is_turned = []
    for version in data.versions[1:]:
        near = [np.isclose(version[rows], one[rows], atol=1e-5).all(axis=1) for one in (plain, turned)]
        assert np.logical_xor(*near).all()
        assert 0 < near[1].sum() < len(rows)
        assert not np.delete(version, rows, axis=0).any()
        is_turned.append(near[1])
    assert not np.array_equal(*is_turned)
    again = source(model, pixels, rows, config.model_copy(update={"epochs": 2}))
    assert len(again.versions) == 2
    assert len(kept()) == 3


def test_a_model_that_is_trained_whole_sees_crops(crops):
    manifest, root = crops
    pixels = load_pixels(manifest, root, 32)
    model = build("vgg16", image_size=32)
    data = source(model, pixels, np.arange(3), FROZEN)
    assert data.network is model
    assert data.versions == [pixels]
