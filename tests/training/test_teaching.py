"""A student learns what a teacher says of the crops of train, and a head may learn before its base does."""

import numpy as np
import pandas as pd
import pytest
import synthetic_report as made
from test_fit import COLUMNS, LENET, crops, run  # noqa: F401  a fixture

from dfd_lib.data.pixels import load_pixels
from dfd_lib.experiment import Model, parse_experiment
from dfd_lib.models.registry import build
from dfd_lib.paths import report_dir
from dfd_lib.preflight import check_recipe
from dfd_lib.stages import teaching
from dfd_lib.stages.teaching import taught
from dfd_lib.tables import write_table
from dfd_lib.training.examples import TAUGHT, examples_of
from dfd_lib.training.predict import p_fake
from dfd_lib.training.runs import fingerprint, load_network
from dfd_lib.training.targets import shown
from dfd_lib.training.warmup import warm_up

STUDENT = Model(model="lenet", image_size=32, teacher={"table": "said.parquet", "weight": 0.75})


def experiment(**teacher):
    raw = {
        "name": "school",
        "title": "T",
        "data": {"source": "demo"},
        "models": {"lenet": {"teacher": {"table": "said.parquet", **teacher}}},
    }
    return parse_experiment(raw)


@pytest.fixture
def manifest():
    """Crops of train that the teachers `lenet` and `meso4` scored as parts of val of their folds; one that they did not, and one of val."""
    paths = [f"val/{row}.png" for row in range(6)]
    table = pd.DataFrame({"path": [*paths, "new.png"], "label": [0, 1, 0, 1, 0, 1, 1], "split": ["train"] * 5 + ["val", "train"]})
    names = {"video": table["path"], "group": table["path"]}
    return table.assign(**COLUMNS, **names, **dict.fromkeys(("box_x", "box_y", "box_w", "box_h"), 1.0))


@pytest.fixture
def said(tmp_path, monkeypatch):
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    predictions = made.predictions(["lenet", "meso4"], rows=16, seeds=(1, 2))
    write_table(predictions[predictions["split"] == "val"], report_dir("school") / "said.parquet")
    return predictions


def test_the_teacher_is_the_mean_over_models_of_the_mean_over_seeds(manifest, said):
    came = taught(experiment(), manifest, experiment().models["lenet"], 1)
    for row in range(5):
        own = said[said["path"] == f"val/{row}.png"]
        assert came.loc[row, TAUGHT] == pytest.approx(own.groupby("model")["p_fake"].mean().mean())
    assert came.loc[5:, TAUGHT].isna().all(), "nothing of val, and nothing of what was not scored"
    alone = taught(experiment(members=["meso4"]), manifest, experiment(members=["meso4"]).models["lenet"], 1)
    own = said[(said["path"] == "val/0.png") & (said["model"] == "meso4")]
    assert alone.loc[0, TAUGHT] == pytest.approx(own["p_fake"].mean())
    assert taught(experiment(), manifest, Model(model="lenet"), 1) is manifest


def test_a_lost_table_member_or_part_is_told(manifest, said):
    with pytest.raises(ValueError, match="teacher.members: expected some of lenet, meso4, came vgg16".replace(".", r"\.")):
        taught(experiment(), manifest, experiment(members=["vgg16"]).models["lenet"], 1)
    with pytest.raises(ValueError, match="expected scores of crops of train"):
        taught(experiment(), manifest.assign(split="val"), STUDENT, 1)
    with pytest.raises(FileNotFoundError, match=r"expected the predictions table .*nothing\.parquet"):
        taught(experiment(), manifest, experiment(table="nothing.parquet").models["lenet"], 1)


def test_models_of_the_recipe_can_teach_what_they_say_of_train(crops, monkeypatch):  # noqa: F811
    manifest, root = crops
    manifest = manifest.reset_index(drop=True)
    for name, epochs in {"one": 1, "two": 2}.items():
        run(crops, LENET.model_copy(update={"epochs": epochs}), folder=name)
    monkeypatch.setattr(teaching, "crops_root", lambda experiment: root)
    monkeypatch.setattr(teaching, "run_dir", lambda experiment, model, seed: root / model)
    student = Model(model="lenet", teacher={"models": ["one", "two"]})
    came = taught(experiment(), manifest, student, 1)[TAUGHT]
    train = manifest.index[manifest["split"] == "train"].to_numpy()
    own = [p_fake(load_network(root / name), load_pixels(manifest, root, 32), train) for name in ("one", "two")]
    np.testing.assert_allclose(came[train], np.mean(own, axis=0), atol=1e-6)
    assert came.drop(train).isna().all()
    monkeypatch.setattr(teaching, "Scorer", None)
    pd.testing.assert_series_equal(taught(experiment(), manifest, student, 1)[TAUGHT], came)  # kept, not scored again


def test_a_student_can_ask_only_untaught_models_of_the_recipe():
    with pytest.raises(ValueError, match=r"expected a table or models, came both"):
        experiment(models=["lenet"])
    raw = experiment().model_dump(exclude_defaults=True)
    models = {"lenet": {}, "student": {"model": "lenet", "teacher": {"models": ["lenet"]}}}
    check_recipe(parse_experiment(raw | {"models": models}))
    soups = {"soup": {"model": "lenet", "soup": ["lenet", "student"]}, "stew": {"model": "lenet", "soup": ["soup"]}}
    for asked in ("pupil", "student", "soup", "stew"):
        pupil = {"model": "lenet", "teacher": {"models": [asked]}}
        with pytest.raises(ValueError, match=f"models.pupil.teacher.models: unknown '{asked}'"):
            check_recipe(parse_experiment(raw | {"models": models | soups | {"pupil": pupil}}))
    with pytest.raises(ValueError, match="models"):
        parse_experiment(raw | {"models": {"lenet": {}, "pupil": {"model": "lenet", "teacher": {"models": []}}}})


def test_a_student_learns_a_mean_of_label_and_teacher_where_there_is_one():
    rows, labels, said = np.array([2, 0, 1]), np.array([1, 0, 1]), np.array([0.2, 0.4, np.nan])
    assert shown(rows, labels, STUDENT, said).labels.tolist() == pytest.approx([1, 0.15, 0.25 + 0.75 * 0.4])
    assert shown(rows, labels, Model(model="lenet"), said).labels.tolist() == [1, 0, 1]
    blends = shown(rows, labels, STUDENT.model_copy(update={"self_blended": "beside"}), said)
    assert blends.labels.tolist() == pytest.approx([1, 0.15, 0.55, 1]), "of a fake made on the fly the teacher says nothing"


def test_what_the_teacher_says_decides_the_run(manifest, tmp_path, monkeypatch):
    monkeypatch.setattr("dfd_lib.training.runs.crop_bytes", lambda manifest, root: np.zeros(len(manifest), np.int64))
    keys = {fingerprint(manifest.assign(**{TAUGHT: said}), tmp_path, STUDENT, 1) for said in (0.1, 0.2)}
    assert len(keys | {fingerprint(manifest, tmp_path, STUDENT, 1)}) == 3
    model = build("lenet", image_size=32)
    assert examples_of(model, manifest.assign(**{TAUGHT: 0.3})).of("train").taught.tolist() == [0.3] * 7
    assert examples_of(model, manifest).taught is None


def test_the_head_learns_before_the_base_does(tmp_path, monkeypatch):
    import keras

    from dfd_lib.models.bases import to_unit_ball, transfer

    def small(include_top, weights, input_shape):
        inputs = keras.Input(input_shape)
        return keras.Model(inputs, keras.layers.BatchNormalization()(keras.layers.Conv2D(4, 3, strides=2)(inputs)))

    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    keras.utils.set_random_seed(1)
    model = transfer("small", small, to_unit_ball, 32, None)
    pixels = np.lib.format.open_memmap(tmp_path / "pixels.npy", "w+", np.uint8, (8, 32, 32, 3))
    pixels[:] = np.random.default_rng(0).integers(0, 256, pixels.shape)
    config = Model(model="mobilenet_v2", image_size=32, frozen_epochs=2, batch_size=4, averaged=0.9)
    base, before = (model.get_layer(name).get_weights() for name in ("base", "logit"))
    each = shown(np.arange(8), np.arange(8) % 2, config)
    warm_up(model, pixels, each, config, seed=1)
    for now, was in zip(model.get_layer("base").get_weights(), base, strict=True):
        np.testing.assert_array_equal(now, was)
    assert (model.get_layer("logit").get_weights()[0] != before[0]).any()
    assert len(model.get_layer("base").trainable_weights) == 4, "from now on it learns, too"
    with pytest.raises(ValueError, match="frozen_epochs: expected a transfer model with a base to train, came none"):
        warm_up(build("lenet", image_size=32), pixels, each, config, seed=1)
    with pytest.raises(ValueError, match="expected fakes of the data's own"):
        warm_up(model, pixels, each, config.model_copy(update={"self_blended": "alone"}), seed=1)
