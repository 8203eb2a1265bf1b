"""Moving statistics of weights that were averaged, against those that NumPy finds."""

import keras
import numpy as np
import pytest
from keras import layers
from test_fit import crops, interrupted, run  # noqa: F401  a fixture

from dfd_lib.data.pixels import load_pixels
from dfd_lib.experiment import Augment, Model
from dfd_lib.models.normal import BatchNormalization, moving_statistics
from dfd_lib.training.averages import Averages
from dfd_lib.training.objective import compiled
from dfd_lib.training.predict import p_fake
from dfd_lib.training.runs import load_network
from dfd_lib.training.state import Recorder
from dfd_lib.training.targets import shown
from dfd_lib.training.update_bn import some_batches, update_bn

RNG = np.random.default_rng(1)
BATCHES = [RNG.normal(3, 2, (6, 5, 5, 3)).astype(np.float32) for _ in range(4)]


def network(kind=BatchNormalization, freeze=False):
    """A mixing of channels, normalized, then another one within a base, normalized; dropout behind both."""
    keras.utils.set_random_seed(1)
    inside = keras.Input((5, 5, 4))
    base = keras.Model(inside, kind(name="second")(layers.Dense(2, name="other")(inside)), name="base")
    base.trainable = not freeze
    inputs = keras.Input((5, 5, 3))
    x = layers.Dropout(0.5)(base(kind(name="first")(layers.Dense(4, name="mix")(inputs))))
    return keras.Model(inputs, layers.Dense(1, activation="sigmoid")(layers.GlobalAveragePooling2D()(x)))


def by_hand(model):
    """Mean and variance of both layers, the mean over batches, from the weights alone."""
    first, base = model.get_layer("first"), model.get_layer("base")
    found = []
    for batch in BATCHES:
        mixed = batch @ model.get_layer("mix").kernel.numpy() + model.get_layer("mix").bias.numpy()
        mean, variance = mixed.mean((0, 1, 2)), mixed.var((0, 1, 2))
        normal = (mixed - mean) / np.sqrt(variance + first.epsilon) * first.gamma.numpy() + first.beta.numpy()
        other = normal @ base.get_layer("other").kernel.numpy() + base.get_layer("other").bias.numpy()
        found.append([mean, variance, other.mean((0, 1, 2)), other.var((0, 1, 2))])
    return [np.mean(values, axis=0) for values in zip(*found, strict=True)]


def values(variables):
    return [one.numpy() for one in variables]


def compare(came, expected):
    for one, other in zip(came, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [layers.BatchNormalization, BatchNormalization])
def test_statistics_are_the_means_over_batches_and_nothing_else_changes(kind):
    model = network(kind)
    statistics = moving_statistics(model)
    others = [one for one in model.variables if all(one is not other for other in statistics)]
    before, momentum = values(others), model.get_layer("first").momentum
    assert any("seed" in one.path for one in others)
    update_bn(model, BATCHES)
    compare(values(statistics), by_hand(model))
    for one, other in zip(values(others), before, strict=True):
        np.testing.assert_array_equal(one, other)
    assert model.get_layer("first").momentum == momentum == 0.99
    first = values(statistics)
    update_bn(model, BATCHES)  # it does not matter what they were
    compare(values(statistics), first)


def test_frozen_layers_keep_theirs():
    model = network(freeze=True)
    update_bn(model, BATCHES)
    compare(values(moving_statistics(model)), by_hand(model)[:2])
    second = model.get_layer("base").get_layer("second")
    assert (second.moving_mean.numpy() == 0).all() and (second.moving_variance.numpy() == 1).all()


def test_without_batch_normalization_no_batch_is_read_and_with_it_one_is_needed():
    plain = keras.Sequential([keras.Input((3,)), layers.Dense(1)])
    update_bn(plain, (pytest.fail("read") for _ in range(1)))
    with pytest.raises(ValueError, match="expected batches of training data, came none"):
        update_bn(network(), [])


def test_averaged_weights_are_scored_with_their_own_statistics():
    model = network()
    trained = compiled(model, Model(model="lenet", optimizer="sgd", learning_rate=0.3, averaged=0.8), 10)
    mean, labels = None, np.arange(6)[:, None] % 2
    for batch in BATCHES:
        trained.train_on_batch(batch, labels)
        now = values(trained.trainable_variables)
        mean = now if mean is None else [0.8 * one + 0.2 * other for one, other in zip(mean, now, strict=True)]
    before, read = values(trained.variables), []
    averages = Averages(trained, (read.append(1) or one for one in BATCHES))
    for _ in range(2):  # scored, then kept
        with averages.in_place():
            compare(values(trained.trainable_variables), mean)
            compare(values(moving_statistics(model)), by_hand(model))
        for one, other in zip(values(trained.variables), before, strict=True):
            np.testing.assert_array_equal(one, other)
    assert len(read) == 4
    trained.train_on_batch(BATCHES[0], labels)
    averages = Averages(trained, BATCHES)
    with averages.in_place():
        compare(values(moving_statistics(model)), by_hand(model))


MESO = Model(model="meso4", image_size=32, epochs=3, batch_size=8, averaged=0.8, deterministic=True, learning_rate=3e-3)


def test_kept_is_what_was_scored_and_a_resumed_run_ends_alike(crops, monkeypatch):  # noqa: F811
    calm = run(crops, MESO, folder="calm")
    with monkeypatch.context() as patch:
        patch.setattr(Recorder, "on_epoch_begin", interrupted(2, "on_epoch_begin"))
        with pytest.raises(KeyboardInterrupt):
            run(crops, MESO)
    resumed = run(crops, MESO)
    np.testing.assert_array_equal(resumed.predictions["p_fake"], calm.predictions["p_fake"])
    manifest, root = crops
    pixels, kept = load_pixels(manifest, root, 32), load_network(calm.folder)
    statistics = values(moving_statistics(kept))
    rows = np.flatnonzero(manifest["split"] == "train")
    each = shown(rows, manifest["label"].to_numpy()[rows], MESO)
    update_bn(kept, some_batches(pixels, each, MESO, 1))
    compare(values(moving_statistics(kept)), statistics)
    np.testing.assert_allclose(p_fake(kept, pixels, np.arange(3)), p_fake(load_network(calm.folder), pixels, np.arange(3)), atol=1e-4)


def test_batches_are_as_many_as_needed_and_the_same_each_time(monkeypatch):
    monkeypatch.setattr("dfd_lib.training.update_bn.CROPS", 20)
    pixels = RNG.integers(0, 256, (50, 8, 8, 3), dtype=np.uint8)
    config = Model(model="lenet", batch_size=8, augment=Augment(brightness=0.3))
    batches = some_batches(pixels, shown(np.arange(50), np.arange(50) % 2, config), config, 1)
    once, again = ([one.numpy() for one in batches] for _ in range(2))
    assert [one.shape for one in once] == [(8, 8, 8, 3)] * 3
    np.testing.assert_array_equal(once, again)
    clips = some_batches(
        pixels, shown(np.arange(48).reshape(12, 4), np.arange(12) % 2, config), config.model_copy(update={"batch_size": 2}), 1
    )
    assert [[one.shape for one in inputs] for inputs in clips] == [[(2, 4, 8, 8, 3), (2, 4)]] * 3
