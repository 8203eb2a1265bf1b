"""The registry itself."""

import subprocess
import sys

import pytest

from dfd_lib.models import registry
from dfd_lib.models.registry import build, describe, list_models, model_facts, register, search_space


def test_names_and_facts_do_not_load_tensorflow():
    code = (
        "import sys; from dfd_lib.models.registry import describe, hyper_defaults, list_models, model_facts; "
        "describe(); [(model_facts(name), hyper_defaults(name)) for name in list_models()]; "
        "print([name for name in ('keras', 'tensorflow', 'keras_tuner', 'h5py') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_the_order_is_by_family_however_they_were_imported():
    code = "import dfd_lib.models.transfer, dfd_lib.models.mesonet; from dfd_lib.models.registry import list_models; print(*list_models())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == list_models()


@pytest.mark.parametrize("ask", [build, model_facts, lambda name: search_space(name, None)])
def test_an_unknown_model_is_refused_with_the_near_miss_and_all_choices(ask):
    with pytest.raises(ValueError, match=r"model 'meso_4': unknown; did you mean 'meso4'\?") as error:
        ask("meso_4")
    assert all(name in str(error.value) for name in list_models())


def test_far_from_any_name_there_is_no_guess():
    with pytest.raises(ValueError, match=r"model 'zzz': unknown; Choose from lenet, "):
        model_facts("zzz")


def test_imagenet_weights_are_refused_where_there_are_none():
    with pytest.raises(
        ValueError, match=r"lenet.*'imagenet'.*inception_resnet_v2, vgg16, vgg19, mobilenet_v2, xception, efficientnet_v2_b0"
    ):
        build("lenet", weights="imagenet")


FACTS = {
    "input_size": 16,
    "smallest": 8,
    "parameters": 4,
    "trainable": 4,
    "reference_parameters": 4,
    "reference_head": "1 sigmoid unit",
    "paper": "none",
    "licence": "MIT",
}


def test_a_model_registered_elsewhere_is_built_described_and_listed_last(monkeypatch):
    before = list_models()
    monkeypatch.setattr(registry, "_ENTRIES", dict(registry._ENTRIES))

    @register(space=lambda hp: {"gain": hp.Choice("gain", [1.0, 2.0], default=1.0)}, **FACTS)
    def brightness(image_size, *, gain=1.0):
        import keras

        inputs = keras.Input((image_size, image_size, 3))
        x = keras.layers.GlobalAveragePooling2D()(keras.layers.Rescaling(gain)(inputs))
        return keras.Model(inputs, keras.layers.Dense(1, "sigmoid")(x), name="brightness")

    assert list_models() == [*before, "brightness"]
    assert build("brightness", gain=2.0).count_params() == describe()[-1]["parameters"] == 4
    with pytest.raises(ValueError, match="did you mean 'gain'"):
        build("brightness", gian=2.0)


def test_a_name_taken_by_another_module_is_refused():
    def lenet(image_size):
        raise AssertionError("never built")

    with pytest.raises(ValueError, match=r"'lenet'.*dfd_lib\.models\.lenet"):
        register(space=dict, **FACTS)(lenet)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("padding", ["same", "valid"])
def test_lenet_keeps_something_to_look_at_under_all_its_strides(stride, padding):
    model = build("lenet", image_size=32, stride=stride, padding=padding)
    side = {(1, "same"): 8, (1, "valid"): 5, (2, "same"): 2, (2, "valid"): 1}[stride, padding]
    assert model.get_layer("pool2").output.shape == (None, side, side, 50)
