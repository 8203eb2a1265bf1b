"""Two units are read as P(fake), whichever way they were trained."""

import keras
import numpy as np
import pytest
from scipy.special import expit, softmax

from dfd_lib.models.features import features, head
from dfd_lib.models.registry import build, hyper_defaults
from dfd_lib.models.weights import load_weights

TINY = {"width": 0.1, "dense": 8}


def units_of(model, pixels):
    model.get_layer("units").bias.assign([-0.3, 0.4])
    return keras.Model(model.input, model.get_layer("units").output)(pixels).numpy().astype(float)


def test_the_count_is_the_references():
    assert build("dilated_cnn", image_size=64, head="sigmoids").count_params() == 653_314


def test_a_softmax_says_p_fake_with_its_second_unit(photos):
    model = build("lenet", image_size=32, head="softmax", **TINY)
    units = units_of(model, photos(32))
    np.testing.assert_allclose(model(photos(32)), softmax(units, axis=1)[:, 1:], rtol=1e-5)


def test_two_sigmoids_say_the_share_of_the_second(photos):
    model = build("lenet", image_size=32, head="sigmoids", **TINY)
    units = units_of(model, photos(32))
    real, fake = expit(units).T
    answers = model(photos(32)).numpy()[:, 0]
    np.testing.assert_allclose(answers, fake / (real + fake), rtol=1e-5)
    np.testing.assert_array_equal(answers >= 0.5, fake >= real)


@pytest.mark.parametrize("kind", ["softmax", "sigmoids"])
def test_far_from_zero_it_stays_a_number(kind, photos):
    model = build("lenet", image_size=32, head=kind, **TINY)
    for bias in ([-200.0, -300.0], [300.0, -300.0], [-300.0, 300.0]):
        model.get_layer("units").bias.assign(bias)
        assert np.isfinite(model(photos(32)).numpy()).all()


def test_saved_loaded_and_cut_it_answers_the_same(photos, tmp_path):
    kind = "sigmoids"
    model, pixels = build("meso4", image_size=32, head=kind), photos(32)
    assert model.name == "meso4"
    model.save(tmp_path / "whole.keras")
    model.save_weights(tmp_path / "only.weights.h5")
    again = load_weights("meso4", tmp_path / "only.weights.h5", image_size=32, head=kind)
    for other in (keras.saving.load_model(tmp_path / "whole.keras", compile=False), again):
        np.testing.assert_array_equal(other(pixels), model(pixels))
    np.testing.assert_allclose(head(model)(features(model)(pixels)), model(pixels), rtol=1e-5)
    with pytest.raises(ValueError, match=r"weights only\.weights\.h5: expected those of 'meso4'"):
        load_weights("meso4", tmp_path / "only.weights.h5", image_size=32)


def test_the_penalty_on_the_head_stays():
    model = build("meso4", image_size=32, head="softmax", dense_l2=0.01)
    assert model.get_layer("units").kernel_regularizer.l2 == pytest.approx(0.01)


def test_a_model_of_clips_has_it_too():
    model = build("resnext_lstm_small", image_size=32, head="softmax", backbone="lenet", backbone_hyper=TINY, units=4, frames=2)
    pixels = np.random.default_rng(1).integers(0, 256, (2, 2, 32, 32, 3), np.uint8)
    answers = model([pixels, np.ones((2, 2), bool)]).numpy()
    assert answers.shape == (2, 1)


def test_an_unknown_head_is_refused_with_all_of_them():
    assert hyper_defaults("lenet")["head"] == "sigmoid"
    with pytest.raises(ValueError, match=r"lenet.*expected one of sigmoid, softmax, sigmoids; came 'softmaxx'"):
        build("lenet", image_size=32, head="softmaxx")
