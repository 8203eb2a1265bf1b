"""What training makes small, against losses, gradients and AUCs by hand."""

import keras
import numpy as np
import onnxruntime
import pytest
from scipy.special import expit, softmax
from sklearn.metrics import log_loss, roc_auc_score

from dfd_lib.experiment import Model
from dfd_lib.models.registry import build
from dfd_lib.training.export import export_onnx
from dfd_lib.training.objective import compiled

RNG = np.random.default_rng(1)
PIXELS = RNG.integers(0, 256, (12, 32, 32, 3)).astype(np.float32)
LABELS = (np.arange(12) % 2).astype(np.float32)[:, None]
TINY = {"width": 0.1, "dense": 8}


def settings(**changes) -> Model:
    hyper = TINY | changes.pop("hyper", {})
    return Model(model="lenet", image_size=32, hyper=hyper, **changes)


def made(config: Model) -> tuple[keras.Model, keras.Model]:
    keras.utils.set_random_seed(1)
    model = build(config.model, image_size=config.image_size, **config.hyper)
    trained = compiled(model, config, steps=10)
    trained.run_eagerly = True  # a graph for each of these would take longer than all of them
    return model, trained


def units(model: keras.Model) -> np.ndarray:
    return keras.Model(model.input, model.get_layer("units").output)(PIXELS).numpy().astype(float)


def test_two_softmax_units_are_judged_as_one_probability():
    for loss in ("categorical_crossentropy", "binary_crossentropy"):
        model, trained = made(settings(loss=loss, hyper={"head": "softmax"}))
        found = trained.evaluate(PIXELS, LABELS, verbose=0, return_dict=True)
        assert found["loss"] == pytest.approx(log_loss(LABELS, softmax(units(model), axis=1)), rel=1e-4)


def test_two_sigmoid_units_are_judged_each():
    model, trained = made(settings(hyper={"head": "sigmoids"}))
    model.get_layer("units").bias.assign([0.5, -0.5])
    real, fake = expit(units(model)).T
    found = trained.evaluate(PIXELS, LABELS, verbose=0, return_dict=True)
    expected = (log_loss(1 - LABELS[:, 0], real) + log_loss(LABELS[:, 0], fake)) / 2
    assert found["loss"] == pytest.approx(expected, rel=1e-4)
    assert found["auc"] == pytest.approx(roc_auc_score(LABELS, fake / (real + fake)), abs=0.02)


@pytest.mark.parametrize("two", [False, True])
def test_a_soft_label_counts_as_the_class_it_is_nearer_to(two):
    """As smoothing, mixing and teachers make them; Keras alone takes each for a fake, and says 0."""
    label = RNG.integers(0, 2, 400)
    p_fake = np.clip(RNG.normal(0.4 + 0.2 * label, 0.2), 0.01, 0.99)
    soft = np.where(label, RNG.uniform(0.5, 0.95, 400), RNG.uniform(0.05, 0.49, 400)).astype(np.float32)[:, None]
    _, trained = made(settings(hyper={"head": "softmax"} if two else {}))
    scores = np.stack([1 - p_fake, p_fake], axis=1) if two else p_fake[:, None]
    trained.compute_metrics(PIXELS, soft, scores.astype(np.float32))
    assert float(trained.get_metrics_result()["auc"]) == pytest.approx(roc_auc_score(label, p_fake), abs=0.005)


def test_mean_squared_error_of_two_units_is_that_of_one():
    model, trained = made(settings(loss="mean_squared_error", hyper={"head": "softmax"}))
    p_fake = softmax(units(model), axis=1)[:, 1:]
    assert trained.evaluate(PIXELS, LABELS, verbose=0, return_dict=True)["loss"] == pytest.approx(np.mean((LABELS - p_fake) ** 2), rel=1e-4)


@pytest.mark.parametrize("kind, loss", [("softmax", "categorical_crossentropy"), ("sigmoids", "binary_crossentropy")])
def test_trained_on_fakes_alone_it_says_fake(kind, loss):
    model, trained = made(settings(loss=loss, learning_rate=0.01, hyper={"head": kind}))
    before = model(PIXELS).numpy()
    for _ in range(3):
        trained.train_on_batch(PIXELS, np.ones((12, 1), np.float32))
    assert (model(PIXELS).numpy() > before).all()


def test_two_units_are_served_as_they_score():
    model, _ = made(settings(hyper={"head": "sigmoids"}))
    session = onnxruntime.InferenceSession(export_onnx(model, half=False), providers=["CPUExecutionProvider"])
    np.testing.assert_allclose(session.run(None, {"pixels": PIXELS})[0], model(PIXELS), atol=1e-5)


def step(**changes) -> tuple[list[np.ndarray], list[np.ndarray]]:
    _, trained = made(settings(learning_rate=0.1, **changes))
    before = [weight.numpy() for weight in trained.trainable_weights]
    trained.train_on_batch(PIXELS, LABELS)
    return before, [weight.numpy() for weight in trained.trainable_weights]


def test_weight_decay_adds_the_weights_to_the_gradient():
    start, plain = step(optimizer="sgd")
    _, decayed = step(optimizer="sgd", weight_decay=0.5)
    for weight, without, own in zip(start, plain, decayed, strict=True):
        np.testing.assert_allclose(own, without - 0.1 * 0.5 * weight, atol=1e-6)


def test_adamw_has_its_own_weight_decay():
    assert made(settings(optimizer="adamw", weight_decay=0.25))[1].optimizer.weight_decay == 0.25
    assert made(settings(optimizer="adamw"))[1].optimizer.weight_decay == 0.004  # Keras' own


def test_categories_need_two_units():
    with pytest.raises(ValueError, match=r"expected two units, `hyper: \{head: softmax\}`, with the loss categorical_crossentropy"):
        settings(loss="categorical_crossentropy")
