"""Parameter counts against what is published."""

from math import prod

import pytest

from dfd_lib.models.registry import build, describe, list_models, model_facts

PUBLISHED = {
    # name: input size, all parameters with one sigmoid unit, trainable ones, all with the reference's head, units of that head
    "lenet": (64, 6_427_571, 6_427_571, 6_428_072, 2),
    "minivggnet": (64, 8_458_017, 8_456_609, 8_458_530, 2),
    "alexnet": (227, 58_285_441, 58_285_441, 62_378_344, 1000),
    "resnet": (64, 2_160_333, 2_146_759, 2_160_333, 1),
    "meso4": (256, 28_073, 27_977, 28_073, 1),
    "mesoinception4": (256, 28_725, 28_615, 28_725, 1),
    "dilated_cnn": (128, 652_913, 652_913, 653_314, 2),
    "inception_resnet_v2": (128, 54_338_273, 54_277_729, 54_339_810, 2),
    "vgg16": (224, 14_715_201, 14_715_201, 14_715_201, 1),
    "vgg19": (224, 20_024_897, 20_024_897, 20_024_897, 1),
    "mobilenet_v2": (224, 2_259_265, 2_225_153, 3_538_984, 1000),
    "xception": (299, 20_863_529, 20_809_001, 22_910_480, 1000),
    "efficientnet_v2_b0": (224, 5_920_593, 5_859_985, 7_200_312, 1000),
    "resnext50": (112, 23_050_177, 22_981_953, 25_097_128, 1000),  # torchvision: 25,028,904 trainable with 1,000 units
    "resnext_small": (64, 138_225, 135_505, 138_225, 1),
    "resnext_lstm": (112, 56_612_801, 56_544_577, 56_612_801, 1),
    "resnext_lstm_small": (64, 220_209, 217_489, 220_209, 1),
}


def count(weights) -> int:
    return sum(prod(weight.shape) for weight in weights)


def test_every_published_model_is_here():
    assert set(list_models()) >= set(PUBLISHED)


@pytest.mark.parametrize("name", list_models())
def test_counts_are_the_published_ones(name):
    size, parameters, trainable, reference, units = PUBLISHED[name]
    model = build(name)
    facts = model_facts(name)
    shapes = {"frame": [(None, size, size, 3)], "clip": [(None, facts.frames, size, size, 3), (None, facts.frames)]}
    assert [one.shape for one in model.inputs] == shapes[facts.takes]
    assert count(model.weights) == model.count_params() == parameters
    assert count(model.trainable_weights) == trainable
    # the reference's head is the same layer with more units
    features = model.get_layer("features").output.shape[-1]
    assert parameters + (units - 1) * (features + 1) == reference
    assert facts.reference_head.startswith(f"{units:,} ")


def test_the_trunk_of_resnext_lstm_is_the_published_one():
    trunk = build("resnext50", image_size=32)
    head = trunk.get_layer("logit").weights
    assert count(trunk.trainable_weights) - count(head) == 22_979_904
    assert count(trunk.weights) - count(head) == 23_048_128


@pytest.mark.parametrize(("size", "parameters"), [(64, 6_428_072), (32, 1_628_072)])
def test_lenet_with_two_units_at_both_published_sizes(size, parameters):
    assert build("lenet", image_size=size).count_params() + 501 == parameters


def test_describe_gives_the_published_counts():
    assert describe() == [
        {"name": name, "input_size": size, "outputs": 1, "parameters": ours, "trainable": trainable, "reference_parameters": reference}
        for name, (size, ours, trainable, reference, _) in PUBLISHED.items()
    ]
