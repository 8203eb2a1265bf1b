"""The command line: one line and exit code 2 for a mistake, numbers held against scikit-learn and the library."""

import json
import os
import shutil
import subprocess
import sys

import cv2
import numpy as np
import pandas as pd
import pytest
from sklearn import metrics
from typer.testing import CliRunner

from dfd_lib.cli import app, main
from dfd_lib.tables import read_table, write_table

RUN = CliRunner()


def predictions(count=60, seed=0):
    rng = np.random.default_rng(seed)
    label = rng.integers(0, 2, count)
    p_fake = np.clip(0.3 * label + rng.uniform(0, 0.7, count), 0, 1).round(3)
    rows = {"path": [f"{row}.png" for row in range(count)], "video": [f"v{row // 3}" for row in range(count)], "group": "g"}
    fixed = {"model": "net", "seed": 1, "dataset": "d", "split": "test", "level": "frame", "condition": "clean", "face": 0, "frame": 0}
    return pd.DataFrame({**rows, "label": label, "p_fake": p_fake}).assign(**fixed)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
@pytest.mark.parametrize("positive", ["fake", "real"])
def test_metrics_agree_with_scikit_learn(tmp_path, suffix, positive):
    table = predictions()
    path = write_table(table, tmp_path / f"p.{suffix}")
    done = RUN.invoke(app, ["metrics", str(path), "--positive", positive, "--threshold", "0.4", "--json"])
    row = json.loads(done.stdout)[0]
    answer = (table["p_fake"] >= 0.4).astype(int)
    wanted = 1 if positive == "fake" else 0
    tn, fp, fn, tp = metrics.confusion_matrix(table["label"] == wanted, answer == wanted).ravel().tolist()
    assert (row["tp"], row["tn"], row["fp"], row["fn"]) == (tp, tn, fp, fn)
    assert row["precision"] == pytest.approx(metrics.precision_score(table["label"], answer, pos_label=wanted))
    assert row["f1"] == pytest.approx(metrics.f1_score(table["label"], answer, pos_label=wanted))
    assert row["auc"] == pytest.approx(metrics.roc_auc_score(table["label"], table["p_fake"]))


@pytest.fixture(scope="module")
def faces(tmp_path_factory):
    """A folder of small crops, one of them broken."""
    root = tmp_path_factory.mktemp("faces")
    for number, kind in enumerate(["real", "fake"] * 5):
        (root / kind).mkdir(exist_ok=True)
        image = np.random.default_rng(number).integers(0, 256, (40, 40, 3), dtype=np.uint8)
        cv2.imwrite(str(root / kind / f"{number}.png"), image)
    (root / "real" / "broken.jpg").write_bytes(b"\xff\xd8 not a picture")
    return root


def test_score_is_what_the_model_says_and_the_broken_file_is_named(faces, tmp_path):
    from dfd_lib.data.crops import read_image, resize
    from dfd_lib.models.registry import build

    model = build("lenet", image_size=32)
    model.save_weights(tmp_path / "lenet.weights.h5")
    arguments = ["--model", "lenet", "--weights", str(tmp_path / "lenet.weights.h5"), "--image-size", "32"]
    done = RUN.invoke(app, ["score", *arguments, "--data", str(faces), "--out", str(tmp_path / "p.parquet"), "--resize", "nearest"])
    assert done.exit_code == 0, done.output
    assert "10 crops scored at 32 x 32 px, 1 skipped" in done.stdout
    assert "skipped real/broken.jpg" in done.stderr
    table = read_table(tmp_path / "p.parquet").set_index("path")
    assert table["label"].to_dict() == {path: int(path.startswith("fake")) for path in table.index}
    pixels = np.stack([resize(read_image(faces / path), 32, "nearest") for path in table.index])
    np.testing.assert_allclose(table["p_fake"], model.predict(pixels, verbose=0)[:, 0], atol=1e-6)


def test_what_extract_wrote_can_be_scored(faces, tmp_path):
    from dfd_lib.data.extract import verify_crops
    from dfd_lib.data.sources import list_source
    from dfd_lib.models.registry import build

    crops = tmp_path / "crops"
    shutil.copytree(faces, crops / "any" / "where")
    manifest = verify_crops(list_source(faces)[0], faces, progress=False)[0]
    write_table(manifest.assign(path="any/where/" + manifest["path"]), crops / "manifest.parquet")
    build("lenet", image_size=32).save_weights(tmp_path / "lenet.weights.h5")
    arguments = ["score", "--model", "lenet", "--weights", str(tmp_path / "lenet.weights.h5"), "--image-size", "32"]
    scores = {}
    for source in (faces, crops):
        done = RUN.invoke(app, [*arguments, "--data", str(source), "--out", str(tmp_path / f"{source.name}.csv")])
        assert done.exit_code == 0, done.output
        scores[source] = read_table(tmp_path / f"{source.name}.csv").sort_values("path")
    assert list(scores[crops]["path"]) == [f"any/where/{path}" for path in scores[faces]["path"]]
    np.testing.assert_allclose(scores[crops]["p_fake"], scores[faces]["p_fake"], atol=1e-6)


def test_models_prints_an_array_with_the_published_counts():
    """The whole list is held against the published counts in tests/models; here, that it reaches the user as JSON."""
    done = subprocess.run([sys.executable, "-m", "dfd_lib.cli", "models", "--json"], capture_output=True, text=True, check=True)
    rows = {row["name"]: row for row in json.loads(done.stdout)}
    assert rows["meso4"] == {
        "name": "meso4",
        "input_size": 256,
        "outputs": 1,
        "parameters": 28073,
        "trainable": 27977,
        "reference_parameters": 28073,
    }
    assert rows["dilated_cnn"]["reference_parameters"] == 653314
    assert rows["inception_resnet_v2"]["reference_parameters"] == 54339810


def test_models_are_listed_without_loading_tensorflow():
    code = "import sys; from dfd_lib.cli import app; app(['models'], standalone_mode=False); sys.exit('tensorflow' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], stdout=subprocess.DEVNULL, check=False).returncode == 0


def test_variables_are_absolute_for_the_steps(tmp_path, monkeypatch):
    """Steps run in other folders than the command that starts them."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DFD_DATA", "../data sets")
    monkeypatch.setenv("DFD_WEIGHTS", "")
    monkeypatch.setattr(sys, "argv", ["dfd", "models"])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    assert os.environ["DFD_DATA"] == str(tmp_path.parent / "data sets")
    assert os.environ["DFD_WEIGHTS"] == ""


MISTAKES = {
    "unknown model": (["score", "--model", "lenett", "--weights", "{file}", "--data", "{faces}", "--out", "x.csv"], "did you mean 'lenet'"),
    "no such weights": (["score", "--model", "lenet", "--weights", "none.h5", "--data", "{faces}", "--out", "x.csv"], "expected a file"),
    "no such folder": (["extract", "nowhere", "--out", "x"], "expected a folder, found none"),
    "no such experiment": (["report", "dmo"], "did you mean 'demo'"),
    "no such notebook": (["notebook", "41_train", "--out", "x.ipynb"], "40_train"),
    "unknown parameter": (["notebook", "40_train", "--out", "x.ipynb", "-p", "modle=lenet"], "did you mean 'model'"),
    "parameter without value": (["notebook", "40_train", "--out", "x.ipynb", "-p", "model"], "expected name=value"),
    "a level that is none": (["metrics", "{file}", "--level", "clip"], "expected one of frame, video"),
    "a table that is none": (["metrics", "nowhere.parquet"], "expected a file"),
    "a table without columns": (["metrics", "{file}"], "missing"),
    "an extraction of two things": (["extract", "{faces}", "--out", "x", "--experiment", "demo"], "came both"),
    "crops among the media": (["extract", "{faces}", "--out", "{faces}/x"], "outside of the source"),
    "half an extraction": (["extract", "{faces}"], "expected SOURCE and --out"),
    "an unknown detector": (["extract", "{faces}", "--out", "x", "--detector", "harr"], "auto"),
    "a threshold out of range": (["metrics", "{file}", "--threshold", "2"], "--threshold"),
    "an unknown option": (["models", "--jsn"], "--jsn"),
    "a missing argument": (["diff", "a"], "right"),
    "a file where a folder should be": (["extract", "{faces}", "--out", "{file}"], "table.csv"),
    "a label that is neither": (["extract", "{wrong}", "--out", "x"], "maybe"),
    "a class without images": (["extract", "{wrong}/real", "--out", "x"], "fake"),
    "a shard that is none": (["extract", "{faces}", "--out", "x", "--shard", "3/2"], "from 1 to 2"),
    "boxes of others at other frames": (["extract", "{faces}", "--out", "x", "--frames", "2", "--boxes", "original"], "`every`"),
    "nothing to merge": (["merge", "nowhere"], "`dfd extract --shard 1/n` to n/n"),
    "half a merge": (["merge"], "the folder of the shards, or --experiment"),
    "both samplings": (["extract", "{faces}", "--out", "x", "--every", "2", "--frames", "3"], "keep one"),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_a_mistake_is_one_line_and_exit_code_2(name, faces, tmp_path, monkeypatch, capsys):
    arguments, message = MISTAKES[name]
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    (tmp_path / "wrong" / "real").mkdir(parents=True)
    shutil.copy(faces / "real" / "0.png", tmp_path / "wrong" / "real")
    (tmp_path / "wrong" / "listing.csv").write_text("file,label\nreal/0.png,maybe\n")
    given = [argument.format(file=tmp_path / "table.csv", faces=faces, wrong=tmp_path / "wrong") for argument in arguments]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["dfd", *given])
    with pytest.raises(SystemExit) as stop:
        main()
    said = capsys.readouterr().err
    assert stop.value.code == 2, said
    assert message in said
    assert said.count("\n") == 1
    assert not (tmp_path / "x").exists()
