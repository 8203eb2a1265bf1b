"""What every registered model promises; to register a model is to test it."""

import inspect

import keras
import keras_tuner
import numpy as np
import pytest

from dfd_lib.models.features import features, head
from dfd_lib.models.registry import _ENTRIES, build, hyper_defaults, list_models, model_facts, search_space

FRAME_MODELS = [name for name in list_models() if model_facts(name).takes == "frame"]

# variants that train in a moment, with nothing random in a step
TRAINABLE = {
    "lenet": {"dropout": 0.0},
    "minivggnet": {"conv_dropout": 0.0, "dropout": 0.0, "dense": 32},
    "alexnet": {"dropout": 0.0, "width": 0.25, "dense": 32},
    "resnet": {"dropout": 0.0, "width": 0.25, "stages": (1, 1, 1)},
    "meso4": {"dropout": 0.0},
    "mesoinception4": {"dropout": 0.0},
    "dilated_cnn": {"dropout": 0.0},
    "vgg16": {"dropout": 0.0},
    "resnext_small": {"dropout": 0.0},
}

# the others share `transfer` with vgg16, and building each once more takes seconds
QUICK = [name for name in FRAME_MODELS if name in TRAINABLE]


@pytest.fixture
def mixed_precision():
    keras.config.set_dtype_policy("mixed_bfloat16")
    yield
    keras.config.set_dtype_policy("float32")


@pytest.mark.parametrize("name", FRAME_MODELS)
def test_takes_uint8_or_float_and_answers_a_probability(name, smallest, photos):
    model, size = smallest(name), model_facts(name).smallest
    assert model.name == name
    assert model.input_shape == (None, size, size, 3)
    assert model.output_shape == (None, 1)
    answers = model(photos(size)).numpy()
    assert answers.dtype == np.float32
    assert answers.shape == (3, 1)
    assert ((answers >= 0) & (answers <= 1)).all()
    np.testing.assert_array_equal(answers, model(photos(size).astype(np.float32)).numpy())


@pytest.mark.parametrize("name", FRAME_MODELS)
def test_different_pictures_get_different_answers(name, smallest, photos):
    size = model_facts(name).smallest
    logits = keras.Model(smallest(name).input, smallest(name).get_layer("logit").output)(photos(size)).numpy()
    assert len(np.unique(logits)) == 3


PREPROCESSING = {
    "inception_resnet_v2": keras.applications.inception_resnet_v2.preprocess_input,
    "vgg16": keras.applications.vgg16.preprocess_input,
    "vgg19": keras.applications.vgg19.preprocess_input,
    "mobilenet_v2": keras.applications.mobilenet_v2.preprocess_input,
    "xception": keras.applications.xception.preprocess_input,
    **dict.fromkeys(
        ("efficientnet_v2_b0", "resnext50", "resnext_small"),
        lambda x: keras.applications.imagenet_utils.preprocess_input(x, mode="torch"),
    ),
}


@pytest.mark.parametrize("name", FRAME_MODELS)
def test_rescales_inside_as_its_reference_does_and_still_once_saved(name, smallest, photos, tmp_path):
    model, pixels = smallest(name), photos(model_facts(name).smallest)
    rescaled = keras.Model(model.input, model.get_layer("rescale").output)
    expected = PREPROCESSING.get(name, lambda x: x / 255)(pixels.astype(np.float32))
    np.testing.assert_allclose(rescaled(pixels), expected, rtol=1e-5, atol=1e-4)
    rescaled.save(tmp_path / "rescaled.keras")
    np.testing.assert_array_equal(keras.saving.load_model(tmp_path / "rescaled.keras")(pixels), rescaled(pixels))


@pytest.mark.parametrize("name", FRAME_MODELS)
def test_head_of_features_is_the_model(name, smallest, photos):
    model, pixels = smallest(name), photos(model_facts(name).smallest)
    found = features(model)(pixels)
    assert found.shape == (3, model.get_layer("logit").kernel.shape[0])
    np.testing.assert_allclose(head(model)(found), model(pixels), rtol=1e-5, atol=1e-6)
    assert head(model).get_layer("logit") is model.get_layer("logit")


@pytest.mark.parametrize("name", QUICK)
def test_layer_names_do_not_depend_on_what_was_built_before(name, smallest):
    variant = build(name, image_size=model_facts(name).smallest + 8, **TRAINABLE.get(name, {}))
    ours, again = ([layer.name for layer in model.layers] for model in (smallest(name), variant))
    assert len(set(ours)) == len(ours)
    assert set(again) <= set(ours)
    assert {"pixels", "rescale", "features", "logit", "p_fake"} <= set(again)


@pytest.mark.parametrize("name", QUICK)
def test_saved_and_loaded_it_answers_the_same(name, photos, tmp_path):
    size = model_facts(name).smallest
    model = build(name, image_size=size, **TRAINABLE.get(name, {}))
    for weight in model.weights:  # moving statistics too must survive
        weight.assign(weight + 0.01)
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras", compile=False)
    np.testing.assert_array_equal(model(photos(size)).numpy(), again(photos(size)).numpy())


@pytest.mark.parametrize("name", QUICK)
def test_a_step_of_training_goes_downhill_and_reaches_every_kernel(name, photos):
    keras.utils.set_random_seed(1)
    size = model_facts(name).smallest
    model = build(name, image_size=size, **TRAINABLE[name])
    # steps this small go downhill wherever the gradient is right
    model.compile(optimizer=keras.optimizers.SGD(1e-3), loss="binary_crossentropy")
    model.optimizer.build(model.trainable_variables)  # in the first step, that would be traced twice
    pixels, labels = photos(size, count=8), np.arange(8) % 2
    before = [weight.numpy() for weight in model.trainable_weights]
    losses = [float(model.train_on_batch(pixels, labels)) for _ in range(3)]
    assert losses[0] > losses[1] > losses[2]
    for weight, was in zip(model.trainable_weights, before, strict=True):
        assert weight.shape.rank == 1 or not np.array_equal(weight.numpy(), was), weight.path


@pytest.mark.parametrize("name", QUICK)
def test_mixed_precision_changes_neither_pixels_nor_the_answers_type(name, photos, mixed_precision):
    size = model_facts(name).smallest
    model = build(name, image_size=size, **TRAINABLE[name])
    half = [layer for layer in model.layers if layer.compute_dtype == "bfloat16"]
    assert half
    assert keras.Model(model.input, model.get_layer("rescale").output)(photos(size)).dtype == "float32"
    assert model(photos(size)).numpy().dtype == features(model)(photos(size)).numpy().dtype == np.float32


@pytest.mark.parametrize("name", list_models())
def test_the_first_draw_of_a_search_is_the_reference(name):
    drawn = search_space(name, keras_tuner.HyperParameters())
    defaults = hyper_defaults(name)
    assert len(drawn) >= 4
    assert drawn == {key: defaults[key] for key in drawn}


@pytest.mark.parametrize("name", QUICK)
@pytest.mark.parametrize("end", [0, -1])
def test_both_ends_of_a_search_space_build_and_answer(name, end, photos):
    first = keras_tuner.HyperParameters()
    search_space(name, first)
    drawn = keras_tuner.HyperParameters()
    drawn.values = {one.name: (one.values if hasattr(one, "values") else [False, True])[end] for one in first.space}
    hyper = search_space(name, drawn)
    for wide in ("width", "dense"):  # the widest take seconds and prove nothing more
        hyper[wide] = min(hyper[wide], hyper_defaults(name)[wide]) if wide in hyper else None
    hyper = {key: value for key, value in hyper.items() if value is not None}
    size = model_facts(name).smallest
    assert np.isfinite(build(name, image_size=size, **hyper)(photos(size)).numpy()).all()


@pytest.mark.parametrize("name", list_models())
@pytest.mark.parametrize("size", ["one less", 0, -64, 64.5, "64", True])
def test_a_bad_size_is_refused_with_the_smallest_and_the_default(name, size):
    facts = model_facts(name)
    came = facts.smallest - 1 if size == "one less" else size
    with pytest.raises(ValueError, match=rf"{name}.*{facts.smallest} or more .*{facts.input_size}.*{came!r}"):
        build(name, image_size=came)


@pytest.mark.parametrize("name", list_models())
def test_an_unknown_hyper_parameter_is_refused_with_the_near_miss_and_all_choices(name):
    with pytest.raises(ValueError, match=rf"{name}.*'dropuot': unknown; did you mean 'dropout'") as error:
        build(name, dropuot=0.5)
    assert all(choice in str(error.value) for choice in hyper_defaults(name))


@pytest.mark.parametrize("name", QUICK)
def test_a_value_that_cannot_be_built_is_refused_by_name(name):
    with pytest.raises(ValueError, match=rf"{name}.*cannot be built with .*dropout=7"):
        build(name, image_size=model_facts(name).smallest, dropout=7)


@pytest.mark.parametrize("name", list_models())
def test_docstrings_state_both_counts_and_the_preprocessing(name):
    facts, text = model_facts(name), inspect.getdoc(_ENTRIES[name].builder)
    assert f"{facts.parameters:,}" in text
    assert f"{facts.reference_parameters:,}" in text
    order = [text.index(word) for word in ("Reference:", "Preprocessing:", "Args", "Returns:")]
    assert order == sorted(order)
    assert facts.paper
    assert facts.licence
