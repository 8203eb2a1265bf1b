"""Bases made for ImageNet: frozen or not, with weights or without."""

import urllib.error

import keras
import numpy as np
import pytest

from dfd_lib.models.features import features, head
from dfd_lib.models.registry import build

MOBILENET = "mobilenet_v2_imagenet_notop.weights.h5"


def test_a_frozen_base_stays_as_it_is_while_the_head_learns(photos):
    keras.utils.set_random_seed(1)
    model = build("vgg16", image_size=32, trainable_base=False, dense=8)
    base = [weight.numpy() for weight in model.get_layer("base").weights]
    pixels, labels = photos(32, count=8), np.arange(8) % 2
    model.compile(optimizer=keras.optimizers.SGD(1e-3), loss="binary_crossentropy")
    model.optimizer.build(model.trainable_variables)  # in the first step, that would be traced twice
    losses = [float(model.train_on_batch(pixels, labels)) for _ in range(3)]
    assert losses[0] > losses[1] > losses[2]
    assert len(model.trainable_weights) == 4
    for weight, was in zip(model.get_layer("base").weights, base, strict=True):
        np.testing.assert_array_equal(weight.numpy(), was)


@pytest.mark.parametrize("trainable", [False, True])
def test_only_a_frozen_base_gives_the_same_features_in_training(trainable, photos):
    # EfficientNetV2 drops connections at random in training, and both normalize by the batch
    model = build("efficientnet_v2_b0", image_size=32, trainable_base=trainable)
    stored = features(model)(photos(32), training=False).numpy()
    again = features(model)(photos(32), training=True).numpy()
    assert np.array_equal(stored, again) is not trainable


def test_training_the_head_on_stored_features_trains_the_model(photos):
    model = build("vgg16", image_size=32, trainable_base=False)
    stored, before = features(model)(photos(32)).numpy(), model(photos(32)).numpy()
    top = head(model)
    top.compile(optimizer=keras.optimizers.SGD(0.1), loss="binary_crossentropy")
    top.train_on_batch(stored, np.array([0, 1, 1]))
    after = model(photos(32)).numpy()
    assert not np.array_equal(before, after)
    np.testing.assert_allclose(top(stored), after, rtol=1e-5)


def test_moving_statistics_follow_as_fast_as_asked(photos):
    model = build("mobilenet_v2", image_size=32, width=0.35, bn_momentum=0.0)
    first = next(layer for layer in model.get_layer("base").layers if isinstance(layer, keras.layers.BatchNormalization))
    seen = keras.Model(model.get_layer("base").input, first.input)(photos(32) / 127.5 - 1).numpy()
    model(photos(32), training=True)
    np.testing.assert_allclose(first.moving_mean.numpy(), seen.mean(axis=(0, 1, 2)), rtol=1e-3, atol=1e-5)
    with pytest.raises(ValueError, match=r"mobilenet_v2.*bn_momentum: expected .*came 1\.5"):
        build("mobilenet_v2", image_size=32, width=0.35, bn_momentum=1.5)


def test_width_narrows_mobilenet():
    assert build("mobilenet_v2", image_size=32, width=0.35).count_params() == 410_208 + 1281  # Keras' published alpha .35, without its top


def test_local_imagenet_weights_give_the_features_of_keras_own_network(shared_weights, photos):
    path = shared_weights(MOBILENET)
    pixels = photos(96)
    reference = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(96, 96, 3), pooling="avg")
    reference.load_weights(path)
    expected = reference(keras.applications.mobilenet_v2.preprocess_input(pixels.astype(np.float32))).numpy()
    found = features(build("mobilenet_v2", image_size=96, weights=str(path)))(pixels).numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    assert expected.std() > 0.1


def test_weights_of_another_width_are_refused(shared_weights):
    with pytest.raises(ValueError, match=r"mobilenet_v2_imagenet_notop.*expected those of 'mobilenet_v2' at 32 px.*found 260 arrays"):
        build("mobilenet_v2", image_size=32, width=0.35, weights=str(shared_weights(MOBILENET)))


@pytest.mark.parametrize("failure", [urllib.error.URLError("no route"), TimeoutError("timed out")])
def test_without_a_network_imagenet_weights_say_what_else_there_is(failure, monkeypatch, tmp_path, capsys):
    def unreachable(*_):
        raise failure

    monkeypatch.setattr("keras.src.utils.file_utils.urlretrieve", unreachable)
    monkeypatch.setattr("keras.src.utils.file_utils.config.keras_home", lambda: str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"'vgg16'.*'imagenet'.*(no route|timed out).*give the file of the base"):
        build("vgg16", image_size=32, weights="imagenet")


def test_looking_twice_gives_the_mean_of_the_logits_of_a_face_and_its_mirror_image(photos, tmp_path):
    """The same weights as the plain network, and as many; training sees each face once; a file, ONNX and Grad-CAM keep it."""
    import onnxruntime

    from dfd_lib.explain.gradcam import grad_cam
    from dfd_lib.models.bases import to_unit_ball, transfer
    from dfd_lib.models.weights import load_model
    from dfd_lib.training.export import export_onnx

    def small(include_top, weights, input_shape):
        inputs = keras.Input(input_shape)
        return keras.Model(inputs, keras.layers.Conv2D(6, 3, strides=2, activation="relu")(inputs))

    plain, twice = (transfer("small", small, to_unit_ball, 32, None, mirrored=mirrored) for mirrored in (False, True))
    twice.set_weights(plain.get_weights())
    faces = photos(32).astype(np.float32)

    def logit(p_fake):
        return np.log(p_fake) - np.log1p(-p_fake)

    once, turned = (logit(plain(one).numpy()) for one in (faces, faces[:, :, ::-1]))
    assert np.abs(once - turned).max() > 1e-4
    came = twice(faces).numpy()
    np.testing.assert_allclose(logit(came), (once + turned) / 2, atol=1e-5)
    np.testing.assert_allclose(logit(twice(faces, training=True).numpy()), once, atol=1e-5)
    np.testing.assert_allclose(head(twice)(features(twice)(faces)), came, rtol=1e-5)
    session = onnxruntime.InferenceSession(export_onnx(twice, half=False), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"pixels": faces})[0], came, atol=1e-5)
    np.testing.assert_allclose(session.run(None, {"pixels": faces[:1]})[0], came[:1], atol=1e-5)
    assert grad_cam(twice, faces).shape == (3, 32, 32)
    twice.save(tmp_path / "whole.keras")
    np.testing.assert_allclose(load_model(tmp_path / "whole.keras")(faces), came, rtol=1e-6)
    assert build("mobilenet_v2", image_size=32, width=0.35, mirrored=True).count_params() == 410_208 + 1281
