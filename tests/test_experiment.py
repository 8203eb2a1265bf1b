"""Recipes: what they say is what they mean, and every mistake is one line that names the key and the way out."""

import difflib
from typing import get_args

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from dfd_lib.experiment import Experiment, Model, load_experiment, parse_experiment
from dfd_lib.paths import recipes

SMALL = {"name": "x", "title": "X", "data": {"source": "clips"}, "models": {"lenet": {}}}


def changed(path: str, value) -> dict:
    """SMALL with one value set; `path` is its keys with dots between."""
    *parents, last = path.split(".")
    recipe = part = yaml.safe_load(yaml.safe_dump(SMALL))
    for key in parents:
        part = part.setdefault(key, {})
    part[last] = value
    return recipe


@pytest.mark.parametrize("name", recipes())
def test_every_recipe_of_the_project_is_valid(name):
    experiment = load_experiment(name)
    assert experiment.name == name
    assert experiment.title


def test_a_model_takes_its_own_setting_then_the_shared_one_then_the_default():
    shared = {"epochs": 7, "augment": {"flip": False}}
    experiment = parse_experiment(SMALL | {"training": shared, "models": {"lenet": {"epochs": 3}, "meso4": None}})
    lenet, meso4 = experiment.models["lenet"], experiment.models["meso4"]
    assert (lenet.epochs, meso4.epochs, experiment.training.epochs) == (3, 7, 7)
    assert not lenet.augment.flip
    assert lenet.augment.contrast == Model.model_fields["augment"].default.contrast
    assert lenet.batch_size == Model.model_fields["batch_size"].default


def test_one_architecture_may_be_trained_twice_under_two_names():
    experiment = parse_experiment(changed("models.lenet_small", {"model": "lenet", "image_size": 32}))
    assert {key: model.model for key, model in experiment.models.items()} == {"lenet": "lenet", "lenet_small": "lenet"}


def test_a_tuned_model_has_a_twin_with_its_settings_as_they_stand():
    experiment = parse_experiment(changed("models.lenet", {"epochs": 3, "tune": {"trials": 5}}) | {"seeds": [1, 2]})
    assert list(experiment.models) == ["lenet", "lenet-default"]
    assert experiment.models["lenet-default"].tune is None
    assert experiment.models["lenet"].model_copy(update={"tune": None}) == experiment.models["lenet-default"]
    with pytest.raises(ValueError, match="'lenet-default' is what lenet is called with its settings as they stand"):
        parse_experiment(SMALL | {"models": {"lenet": {"tune": {}}, "lenet-default": {"model": "lenet"}}})


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("models.lenet.tune.trails", 3, "models.lenet.tune.trails: unknown key; did you mean 'trials'?"),
        ("modles", {}, "modles: unknown key; did you mean 'models'?"),
        ("data.sauce", 1, "data.sauce: unknown key; did you mean 'source'?"),
        ("faces.evry", 10, "faces.evry: unknown key; did you mean 'every'?"),
        ("training.learning-rate", 1, "training.learning-rate: unknown key; did you mean 'learning_rate'?"),
        ("training.augment.flipp", True, "flipp: unknown key; did you mean 'flip'?"),
        ("models.lenet.epoch", 3, "models.lenet.epoch: unknown key; did you mean 'epochs'?"),
        ("models.lenet.augment.brightnes", 0, "models.lenet.augment.brightnes: unknown key; did you mean 'brightness'?"),
        ("ensembles.rule", [], "ensembles.rule: unknown key; did you mean 'rules'?"),
        ("demo.zzz", 1, "demo.zzz: unknown key; expected one of people, frames, difficulty, flicker, methods, seed"),
    ],
)
def test_an_unknown_key_names_the_near_miss(path, value, said):
    with pytest.raises(ValueError, match="experiment 'x': ") as caught:
        parse_experiment(changed(path, value))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        ("title", None, "title: "),
        ("models", {}, "models: "),
        ("models", ["lenet"], "models: "),
        ("models.lenet", 3, "models.lenet: "),
        ("training", 3, "training: "),
        ("seeds", [], "seeds: "),
        (
            "models.lenet.tune.seed",
            0,
            "models.lenet.tune.seed: Input should be greater than or equal to 1, came 0",
        ),  # 0 is none to KerasTuner
        ("models.lenet.epochs", 0, "models.lenet.epochs: Input should be greater than or equal to 1, came 0"),
        ("models.lenet.epochs", "many", "models.lenet.epochs: "),
        ("models.lenet.optimizer", "adm", "models.lenet.optimizer: Input should be 'adam', 'adamw', 'sgd' or 'rmsprop', came 'adm'"),
        ("faces", {"every": 10, "frames": 10}, "faces: expected `every` or `frames`, came both; keep one"),
        ("split", {"train": 0.9}, "split: expected train + val + calib + test = 1, came 1.300"),
        ("evaluation.threshold", 1.5, "evaluation.threshold: Input should be less than 1, came 1.5"),
    ],
)
def test_a_value_that_is_not_allowed_is_named_with_what_came(path, value, said):
    with pytest.raises(ValueError, match="experiment 'x': ") as caught:
        parse_experiment(changed(path, value))
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_all_mistakes_are_told_at_once():
    with pytest.raises(ValueError, match=r"data\.source: missing; add it.*split\.tran: unknown key") as caught:
        parse_experiment(SMALL | {"data": {}, "split": {"tran": 0.5}})
    assert "\n" not in str(caught.value)


@given(st.sampled_from(sorted(Model.model_fields)), st.integers(0, 30), st.sampled_from("abcxyz_"))
def test_any_misspelt_key_of_a_model_is_refused_and_answered_from_its_own_keys(field, at, letter):
    wrong = field[: at % len(field)] + letter + field[at % len(field) :]
    if wrong in Model.model_fields:
        return
    with pytest.raises(ValueError, match=wrong) as caught:
        parse_experiment(changed(f"models.lenet.{wrong}", 1))
    near = difflib.get_close_matches(wrong, Model.model_fields, 1)
    assert f"did you mean {near[0]!r}?" in str(caught.value)


def test_an_unknown_experiment_names_the_near_miss_and_else_all(tmp_path, monkeypatch):
    monkeypatch.setenv("DFD_PROJECT", str(tmp_path))
    for name in ("demo", "smoke"):
        (tmp_path / "reports" / name).mkdir(parents=True)
        (tmp_path / "reports" / name / "experiment.yaml").write_text(
            yaml.safe_dump({key: SMALL[key] for key in ("title", "data", "models")})
        )
    assert load_experiment("demo").name == "demo"
    with pytest.raises(ValueError, match=r"'dmeo'.*did you mean 'demo'\?"):
        load_experiment("dmeo")
    with pytest.raises(ValueError, match=r"there are: demo, smoke"):
        load_experiment("something else")


@pytest.mark.parametrize("text", ["- a\n- b\n", "", "a: [1\n", "just words", "a: b: c"])
def test_a_file_that_is_no_recipe_is_one_line(tmp_path, text):
    file = tmp_path / "mine" / "experiment.yaml"
    file.parent.mkdir()
    file.write_text(text)
    with pytest.raises(ValueError, match=r"experiment\.yaml: expected") as caught:
        load_experiment(str(file))
    assert "\n" not in str(caught.value)


def test_a_recipe_by_path_takes_its_name_from_its_folder(tmp_path):
    file = tmp_path / "mine" / "experiment.yaml"
    file.parent.mkdir()
    file.write_text(yaml.safe_dump({key: SMALL[key] for key in ("title", "data", "models")}))
    assert load_experiment(str(file)).name == "mine"


def test_an_experiment_cannot_be_changed_after_it_was_checked():
    experiment = parse_experiment(SMALL)
    with pytest.raises(ValueError, match="frozen"):
        experiment.title = "Y"


def test_every_part_refuses_unknown_keys():
    parts, todo = set(), [Experiment]
    while todo:
        part = todo.pop()
        parts.add(part)
        annotations = [one for field in part.model_fields.values() for one in (field.annotation, *get_args(field.annotation))]
        todo += [one for one in annotations if isinstance(one, type) and hasattr(one, "model_fields") and one not in parts]
    assert len(parts) >= 9
    assert all(part.model_config["extra"] == "forbid" for part in parts)


def test_half_an_augmentation_overrides_that_half_only():
    shared = {"training": {"augment": {"brightness": 0.3}}, "models": {"lenet": {"augment": {"flip": False}}, "meso4": {}}}
    models = parse_experiment({"name": "x", "title": "X", "data": {"source": "demo"}, **shared}).models
    assert (models["lenet"].augment.flip, models["lenet"].augment.brightness) == (False, 0.3)
    assert (models["meso4"].augment.flip, models["meso4"].augment.brightness) == (True, 0.3)
