"""A study of what helps: what a recipe may ask, which trainings it means, and that they are made once, on folds alone."""

import json

import pandas as pd
import pytest
import synthetic_report as made

from dfd_lib import figures, stages
from dfd_lib.evaluation.ablations import COLUMNS, UNDER
from dfd_lib.experiment import parse_experiment
from dfd_lib.paths import report_dir
from dfd_lib.preflight import check_recipe
from dfd_lib.report import write_page
from dfd_lib.stages.ablation_tables import written
from dfd_lib.stamp import environment
from dfd_lib.tables import read_table, write_table

ASKED = {
    "base": "lenet",
    "quick": {"image_size": 32, "epochs": 1},
    "changes": {"jpeg": {"augment": {"jpeg": 40}}, "wide": {"hyper": {"dense": 64}, "epochs": 2}},
    "folds": 2,
}


def recipe(models=None, seeds=(1,), **asked):
    models = models or {"lenet": {"image_size": 32, "epochs": 2, "hyper": {"dropout": 0.1}, "augment": {"blur": 1}}}
    raw = {
        "name": "ablated",
        "title": "T",
        "data": {"source": "demo"},
        "models": models,
        "seeds": list(seeds),
        "evaluation": {"resamples": 100},
    }
    return parse_experiment({**raw, "ablations": {**ASKED, **asked}})


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"base": "lenett"}, "ablations.base: expected a model of the recipe, came 'lenett'; did you mean 'lenet'"),
        ({"finalists": ["meso4"]}, "ablations.finalists: expected a model of the recipe, came 'meso4'"),
        ({"changes": {"longer": {"epoch": 3}}}, "ablations.changes.longer: epoch: unknown key; did you mean 'epochs'"),
        ({"quick": {"augment": {"jepg": 3}}}, "ablations.quick: augment.jepg: unknown key; did you mean 'jpeg'"),
        ({"changes": {"base": {}}}, "ablations.changes: expected names of their own, came base"),
        ({"finalists": ["base"]}, "ablations.finalists: expected names of their own, came base"),
        ({"screened": [3]}, "ablations.screened: expected folds from 1 to 2, came 3"),
        ({"finalist_folds": 1}, "ablations.finalist_folds: Input should be greater than or equal to 2"),
        ({"again": [1]}, "ablations.again: expected other seeds than 1"),
        ({"changes": {}}, "ablations.changes"),
    ],
)
def test_mistakes_in_a_study_are_told_before_anything_is_trained(asked, said):
    with pytest.raises(ValueError, match=said.replace(".", r"\.")):
        recipe(models={"lenet": {}, "base": {"model": "lenet"}}, **asked)


def test_a_size_that_the_model_does_not_take_is_told_before_anything_is_trained():
    with pytest.raises(ValueError, match=r"ablations\.changes\.tiny\.image_size: expected at least"):
        check_recipe(recipe(changes={"tiny": {"image_size": 8}}))


def test_which_trainings_a_recipe_means():
    runs = stages.ablation_runs(recipe(again=[5], finalists=["lenet"], seeds=(1, 2), screened=[2]))
    screened = ["base-f2-s1", "base-f2-s5", "jpeg-f2-s1", "wide-f2-s1"]
    assert list(runs) == [*screened, "lenet-f1-s1", "lenet-f1-s2", "lenet-f2-s1", "lenet-f2-s2"]
    dealt_otherwise = stages.ablation_runs(recipe(finalists=["lenet"], finalist_folds=3))
    assert list(dealt_otherwise) == ["base-f1-s1", "jpeg-f1-s1", "wide-f1-s1", "lenet-f1-s1", "lenet-f2-s1", "lenet-f3-s1"]
    assert stages.ablation_runs(parse_experiment({"name": "x", "title": "X", "data": {"source": "demo"}, "models": {"lenet": {}}})) == {}


def test_a_change_is_of_one_thing_and_what_is_quick_stays_quick():
    asked = recipe(
        models={"lenet": {"hyper": {"dropout": 0.1}, "augment": {"blur": 1}, "tune": None, "image_size": 64}}, finalists=["lenet"]
    )
    jpeg, wide, whole = (stages.ablation_settings(asked, name) for name in ("jpeg", "wide", "lenet"))
    assert (jpeg.augment.jpeg, jpeg.augment.blur, jpeg.image_size, jpeg.epochs) == (40, 1, 32, 1)
    assert (wide.hyper, wide.epochs, wide.augment.jpeg) == ({"dropout": 0.1, "dense": 64}, 2, 0)
    assert whole.image_size == 64


def test_the_study_trains_on_folds_alone_once_and_writes_table_words_and_section(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    monkeypatch.setenv("DFD_PROJECT", str(tmp_path))
    asked = recipe(changes={"jpeg": {"augment": {"jpeg": 40}}}, again=[2], finalists=["lenet"], finalist_folds=3, conditions=["jpeg-40"])
    manifest = drawn_crops(tmp_path)
    monkeypatch.setattr("dfd_lib.stages.ablations.read_manifest", lambda experiment: manifest)
    for module in ("ablations", "robustness"):
        monkeypatch.setattr(f"dfd_lib.stages.{module}.crops_root", lambda experiment: tmp_path)
    with pytest.raises(FileNotFoundError, match=r"expected run\.json"):
        stages.collect_ablations(asked)
    with pytest.raises(ValueError, match="came 'jpegg-f1-s1'; did you mean 'jpeg-f1-s1'"):
        stages.ablate(asked, ["jpegg-f1-s1"])
    stages.ablate(asked, verbose=0)
    table = stages.collect_ablations(asked)
    assert sorted(table["name"]) == ["base", "base, seed 1", "base, seed 2", "jpeg"]
    assert table.set_index("name").loc["jpeg", "changed"] == "augment.jpeg 40"
    assert table["luck"].tolist().count(True) == 2
    under = [f"{name}_jpeg-40" for name in UNDER]
    costs = ["changed", "parameters", "image_size", "minutes", "images_per_second", "epochs", "clock"]
    assert read_table(report_dir("ablated") / "ablations.csv").columns.tolist() == [*COLUMNS, *under, *costs]
    assert table["minutes"].notna().all()
    folder = report_dir("ablated") / "ablations"
    assert json.loads((folder / "jpeg-f1-s1" / "run.json").read_text())["processor"] == environment()["machine"]["processor"]
    seen = read_table(folder / "jpeg-f1-s1" / "predictions.parquet")
    outside = manifest[~manifest["split"].isin(["train", "val"])]
    assert set(seen["split"]) == {"val"}
    assert not set(seen["path"]) & set(outside["path"])
    assert 0 < len(seen) < (len(manifest) - len(outside)), "a fold judges what the others trained"
    harmed = read_table(next((folder / "jpeg-f1-s1").glob("jpeg-40-*.parquet")))
    assert harmed["path"].tolist() == seen["path"].tolist()
    assert (harmed["p_fake"] != seen["p_fake"]).any(), "scored as they are under the condition"
    assert table["auc_jpeg-40"].notna().all()
    assert_val_is_spared(asked, manifest)
    before = {path: path.stat().st_mtime_ns for path in folder.glob("*/run.json")}
    for weights in folder.glob("*/best.weights.h5"):
        weights.unlink()  # as in a checkout
    with monkeypatch.context() as patched:
        patched.setattr("dfd_lib.training.fit.fit", None)
        stages.ablate(asked)  # nothing is trained again
    assert {path: path.stat().st_mtime_ns for path in folder.glob("*/run.json")} == before
    assert_a_run_without_weights_is_trained_anew_for_another_condition(folder / "jpeg-f1-s1", capsys)
    report = report_dir("ablated")
    made.write_report(report, names=made.NAMES[:2])
    figures.save(figures.ablations(table), report / "figures" / "ablations.png")
    page = write_page("ablated").read_text()
    assert "What helped" in page
    assert "augment.jpeg 40" in page


def assert_a_run_without_weights_is_trained_anew_for_another_condition(folder, capsys):
    """And what the weights before had said under the first condition does not stand beside it."""
    [kept] = folder.glob("jpeg-40-*.parquet")
    write_table(read_table(kept).assign(p_fake=0.5), kept)
    more = recipe(changes={"jpeg": {"augment": {"jpeg": 40}}}, again=[2], finalists=["lenet"], conditions=["jpeg-40", "noise-8"])
    stages.ablate(more, [folder.name], verbose=0)
    assert "jpeg-f1-s1: not scored under noise-8, and its weights are gone: it is trained anew" in capsys.readouterr().err
    assert len(list(folder.glob("noise-8-*.parquet"))) == 1
    assert read_table(kept)["p_fake"].nunique() > 1
    kept.unlink()
    stages.ablate(more, [folder.name], verbose=0)
    assert kept.is_file() and not capsys.readouterr().err, "with its weights it is scored, and not trained"
    kept.unlink()
    (folder / "state.npz").touch()
    stages.ablate(more, [folder.name], verbose=0)
    assert "trained anew" in capsys.readouterr().err, "weights beside a state are of a training that was not over"


def assert_val_is_spared(asked, manifest):
    """Whom a student learns from has judged each crop of train once, unseen, and never met val."""
    path = report_dir("ablated") / "finalists_predictions.parquet"
    table = stages.collect_finalists(asked)
    assert table["name"].tolist() == ["lenet"]
    assert table["folds"].tolist() == [3], "the finalists' own"
    assert read_table(path.with_name("finalists.csv")).columns.tolist() == table.columns.tolist()
    assert "key_0" not in table
    assert stages.compared_before(asked, "finalists")["auc"].tolist() == pytest.approx(table["auc"].tolist(), abs=1e-5)
    assert read_table(path.with_name("finalists_pairs.csv")).empty, "one finalist is no pair"
    taught = read_table(path)
    assert sorted(taught["path"]) == sorted(manifest.loc[manifest["split"] == "train", "path"])
    assert set(taught["condition"]) == {"clean"}
    before = path.stat().st_mtime_ns
    stages.collect_finalists(asked)
    assert path.stat().st_mtime_ns == before, "the same predictions make no student learn again"


def drawn_crops(root):
    """Crops as `test_fit` draws them, but enough groups for two folds."""
    import cv2
    import numpy as np

    rows = []
    for number in range(64):
        random = np.random.default_rng(number)
        image = random.integers(60, 140, (16, 16, 3), dtype=np.uint8)
        image[8:12, 4:8] += 90 * (number % 2)
        cv2.imwrite(str(root / f"{number:03}.png"), image)
        split = ("train", "train", "val", "test")[(number // 2) % 4]
        rows.append({"path": f"{number:03}.png", "label": number % 2, "split": split, "video": f"v{number}", "group": f"g{number}"})
    rest = {"dataset": "toy", "method": "toy", "person": "", "donor": "", "face": 0, "frame": 0, "score": 1.0}
    return pd.DataFrame(rows).assign(**rest, **dict.fromkeys(("box_x", "box_y", "box_w", "box_h"), 16.0))


def test_a_study_with_finalists_is_whole_only_with_their_tables():
    without, whole = written(recipe()), written(recipe(finalists=["lenet"]))
    assert sorted(without) == ["ablations.csv", "ablations.txt", "figures/ablations.png", "figures/finalists.png"]
    assert {*whole} - {*without} == {"finalists.csv", "finalists.txt", "finalists_pairs.csv", "finalists_predictions.parquet"}


def test_what_was_compared_before_asks_for_no_training(tmp_path, monkeypatch):
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    assert stages.compared_before(recipe(), "ablations").empty
    write_table(pd.DataFrame({"name": ["base"], "auc": [0.75]}), report_dir("ablated") / "ablations.csv")
    assert stages.compared_before(recipe(), "ablations")["auc"].tolist() == [0.75]


def test_blended_faces_are_drawn_ones_with_their_masks():
    sheet = stages.blended_faces(count=2, size=32)
    assert [len(row) for row in sheet.values()] == [2, 2, 2]
    for face, mask, fake in zip(*sheet.values(), strict=True):
        assert face.shape == mask.shape == fake.shape == (32, 32, 3)
        assert (face != fake).any()
