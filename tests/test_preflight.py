"""What a recipe names and is not there is refused before the first step."""

import pytest

from dfd_lib.experiment import load_experiment, parse_experiment
from dfd_lib.paths import recipes
from dfd_lib.preflight import check_recipe

RECIPE = {"name": "x", "title": "X", "data": {"source": "demo"}, "models": {"lenet": {}}}

TAUGHT = {
    "lenet": {},
    "student": {"model": "lenet", "teacher": {"models": ["lenet"]}},
    "soup": {"model": "lenet", "soup": ["lenet"]},
}

WRONG = {
    "a model": ({"models": {"lenett": {}}}, "models.lenett: .*did you mean 'lenet'"),
    "a hyper-parameter": (
        {"models": {"lenet": {"hyper": {"dropuot": 0.1}}}},
        "hyper: unknown 'dropuot'; did you mean 'dropout'",
    ),
    "what is searched": (
        {"models": {"lenet": {"tune": {"only": ["strides"]}}}},
        "lenet.tune.only: unknown 'strides'; did you mean 'stride'",
    ),
    "a size": ({"models": {"inception_resnet_v2": {"image_size": 32}}}, "expected at least 75 pixels for inception_resnet_v2, came 32"),
    "weights that nobody has": ({"models": {"lenet": {"weights": "imagenet"}}}, "came 'imagenet', of which lenet has none"),
    "torchvision's file": (
        {"models": {"resnext_lstm": {"weights": "imagenet"}}},
        "'resnext_lstm': weights 'imagenet': expected torchvision's file resnext50_32x4d-7cdf4587.pth, found none",
    ),
    "a weight file": ({"models": {"lenet": {"weights": "nowhere.weights.h5"}}}, "expected a file"),
    "a backbone": (
        {"models": {"resnext_lstm": {"hyper": {"backbone": "lenett"}}}},
        "hyper.backbone: unknown 'lenett'; did you mean 'lenet'",
    ),
    "an order of frames": ({"models": {"lenet": {"order": "shuffled"}}}, "order: expected nothing for lenet, which takes frames"),
    "an aggregator": ({"evaluation": {"aggregator": "men"}}, "evaluation.aggregator: unknown 'men'; did you mean 'mean'"),
    "a rule": ({"ensembles": {"rules": ["mean", "vot"]}}, "ensembles.rules: unknown 'vot'; did you mean 'vote'"),
    "a member": ({"ensembles": {"members": ["lenet", "meso4"]}}, "ensembles.members: unknown 'meso4'"),
    "a layout": ({"data": {"source": "demo", "layout": "dfcd"}}, "data.layout: unknown 'dfcd'; did you mean 'dfdc'"),
    "a corruption": ({"generalise": {"conditions": ["jpg-40"]}}, "generalise.conditions: .*did you mean 'jpeg-40'"),
    "a corruption that a detector should bear": ({"detector": {"conditions": ["jpg-40"]}}, "detector.conditions: .*did you mean 'jpeg-40'"),
    "another experiment": ({"generalise": {"cross": ["smok"]}}, "generalise.cross: unknown 'smok'; did you mean 'smoke'"),
    "a model to train again": ({"generalise": {"leave_out": "meso4"}}, "generalise.leave_out: unknown 'meso4'"),
    "a student to train again": (
        {"models": TAUGHT, "generalise": {"leave_out": ["lenet", "student"]}},
        "generalise.leave_out: expected a model that learns from labels alone, student is a student. Leave it out",
    ),
    "a soup to train again": (
        {"models": TAUGHT, "generalise": {"leave_out": "soup"}},
        "generalise.leave_out: .*soup is a soup",
    ),
    "a student that shows leaks": (
        {"models": TAUGHT, "leak_tax": {"model": "student"}},
        "leak_tax.model: expected .* student is a student",
    ),
    "a student that is tuned": (
        {"models": {"lenet": {}, "student": {"model": "lenet", "tune": {}, "teacher": {"models": ["lenet"]}}}},
        "models.student.tune: expected a model that learns from labels alone, this one is a student",
    ),
    "a teacher of clips": (
        {"models": {"lenet": {}, "clips": {"model": "resnext_lstm_small", "teacher": {"models": ["lenet"]}}}},
        "models.clips.teacher: expected a model of single crops, came resnext_lstm_small, which takes clips. Leave teacher out",
    ),
    "blended clips": (
        {"models": {"clips": {"model": "resnext_lstm_small", "self_blended": "beside"}}},
        "models.clips.self_blended: expected a model of single crops",
    ),
    "mixed clips": ({"models": {"resnext_lstm_small": {"augment": {"mixup": 0.2}}}}, "augment.mixup: expected a model of single crops"),
    "a head": ({"models": {"lenet": {"hyper": {"head": "softmx"}}}}, "hyper.head: unknown 'softmx'; did you mean 'softmax'"),
    "a published system": ({"systems": [{"claim": "S0 Meso4", "published": ["lenet"]}]}, "systems.0.claim: .*did you mean 'S0 Meso-4'"),
    "a model of a system": ({"systems": [{"claim": "S0 Meso-4", "published": ["meso4"]}]}, "systems.0.published: unknown 'meso4'"),
    "another architecture": (
        {"models": {"lenet": {}, "meso4": {}}, "systems": [{"claim": "S4 LeNet", "published": ["lenet"], "own": ["meso4"]}]},
        "systems.0.own: expected the same architecture as in `published`, came another: meso4 is of meso4, lenet is of lenet",
    ),
    "a folder": ({"data": {"source": "nowhere"}}, "expected a folder, found none"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not_there_is_refused(name, tmp_path, monkeypatch):
    monkeypatch.setenv("DFD_WEIGHTS", str(tmp_path))
    change, message = WRONG[name]
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        check_recipe(parse_experiment(RECIPE | change))


def test_the_groups_file_must_be_there(tmp_path):
    recipe = parse_experiment(RECIPE | {"data": {"source": str(tmp_path), "groups": "scenes.csv"}})
    with pytest.raises(FileNotFoundError, match=r"expected a CSV file scenes\.csv"):
        check_recipe(recipe)
    (tmp_path / "scenes.csv").write_text("file,group\n")
    check_recipe(recipe)


def needs_nothing_brought(name):
    recipe = load_experiment(name)
    return recipe.data.source == "demo" and not any(model.weights for model in recipe.models.values())


@pytest.mark.parametrize("name", [name for name in recipes() if needs_nothing_brought(name)])
def test_our_own_recipes_pass(name):
    check_recipe(load_experiment(name))


@pytest.mark.parametrize("name", ["with space", "a/b", "lenet+meso4", "-x", "$(id)", ""])
def test_names_must_be_fit_for_files_and_commands(name):
    with pytest.raises(ValueError, match="String should match"):
        parse_experiment(RECIPE | {"name": name})
    with pytest.raises(ValueError, match="String should match"):
        parse_experiment(RECIPE | {"models": {name: {"model": "lenet"}}})
