"""`dfd keys` knows every key that a recipe may have."""

import pytest
import yaml
from typer.testing import CliRunner

from dfd_lib.cli import app
from dfd_lib.experiment import parse_experiment
from dfd_lib.paths import recipe, recipes
from dfd_lib.recipe_keys import NAMED, recipe_keys

FREE = ("models.NAME.hyper", "ablations.quick", "ablations.changes")
"""Mappings whose keys are others' names."""


def used(raw, before=""):
    """The keys of a recipe as it is written; a model's training settings under `training`."""
    for name, value in raw.items():
        key = f"{before}{NAMED if before == 'models.' else name}"
        if isinstance(value, dict) and key not in FREE:
            yield from used(value, f"{key}.")
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            for one in value:
                yield from used(one, f"{key}[].")
        else:
            yield key


@pytest.mark.parametrize("name", recipes())
def test_every_key_of_our_recipes_is_explained(name):
    known = {row["key"] for row in recipe_keys()}
    for key in used(yaml.safe_load(recipe(name).read_text())):
        assert {key, key.replace(f"models.{NAMED}.", "training.")} & known, key


def test_every_key_has_a_meaning_and_a_default_that_is_taken():
    rows = recipe_keys()
    assert [row["key"] for row in rows if not row["meaning"]] == []
    assert len({row["key"] for row in rows}) == len(rows)
    plain = parse_experiment({"name": "x", "title": "t", "data": {"source": "demo"}, "models": {"lenet": {}}})
    for row in rows:
        part, _, name = row["key"].partition(".")
        if part in ("split", "evaluation") and "list" not in row["kind"]:
            assert yaml.safe_load(row["default"]) == getattr(getattr(plain, part), name)


def test_the_command_prints_a_part_and_refuses_what_there_is_not():
    said = CliRunner().invoke(app, ["keys", "split"]).output
    assert said.count("\n") == 6
    assert "split.calib  what calibrates p_fake, thresholds and verdicts (float above 0 and below 1; default 0.1)" in said
    with pytest.raises(ValueError, match="expected the beginning of a key, came 'splt'; there are title, about, data"):
        recipe_keys("splt")


KINDS = {
    "models.NAME.tune.trials": "int of at least 2",
    "models.NAME.image_size": "int of at least 8 or nothing",
    "models.NAME.tune.share": "float above 0 and at most 1",
    "training.learning_rate": "float above 0",
    "training.averaged": "float of at least 0 and below 1",
    "training.augment.jpeg": "int from 0 to 100",
    "training.augment.zoom": "float from 0 to 0.9",
    "faces.size": "int from 16 to 1024",
    "split.seed": "int",
    "seeds": "list of int",
    "evaluation.slices": "list of str",
}


@pytest.mark.parametrize("key", KINDS)
def test_numbers_come_with_their_bounds(key):
    assert recipe_keys(key)[0]["kind"] == KINDS[key]
