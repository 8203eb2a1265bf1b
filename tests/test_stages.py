"""The steps on tables alone: recipes with one model, slices by facts of the file, data sets that do not mix."""

import cv2
import numpy as np
import pandas as pd
import pytest

from dfd_lib import stages
from dfd_lib.experiment import parse_experiment
from dfd_lib.paths import faces_dir, report_dir
from dfd_lib.stages.cross import own_pairs
from dfd_lib.tables import read_table, write_table


def recipe(source, **more):
    return parse_experiment({"name": "x", "title": "X", "data": {"source": str(source)}, "models": {"lenet": {}}} | more)


@pytest.fixture
def crops(tmp_path, monkeypatch):
    """Real and fake crops of two sizes, forty people."""
    monkeypatch.setenv("DFD_OUT", str(tmp_path / "out"))
    rows = []
    for number in range(80):
        size = 32 if number < 40 else 48
        kind = ("real", "fake")[number % 2]
        (tmp_path / "faces" / kind).mkdir(parents=True, exist_ok=True)
        image = np.random.default_rng(number).integers(0, 256, (size, size, 3), dtype=np.uint8)
        cv2.imwrite(str(tmp_path / "faces" / kind / f"{number}.png"), image)
        rows.append({"file": f"{kind}/{number}.png", "label": kind, "person": f"p{number // 2}"})
    return tmp_path / "faces", pd.DataFrame(rows)


def predictions_of(manifest, model="lenet"):
    columns = ["dataset", "split", "path", "video", "face", "frame", "group", "label"]
    p_fake = np.random.default_rng(1).uniform(size=len(manifest)) * 0.8 + 0.2 * manifest["label"]
    return manifest[columns].assign(model=model, seed=1, level="frame", condition="clean", p_fake=p_fake)


def test_one_model_alone_gets_its_report(crops):
    experiment = recipe(crops[0], evaluation={"slices": ["resolution"], "resamples": 100})
    manifest = stages.read_manifest(experiment)
    predictions = predictions_of(manifest)
    _, slices, _ = stages.compare(experiment, predictions)
    table, _ = stages.search_ensembles(experiment, predictions)
    assert list(table["rule"]) == ["single"]
    assert "stands alone" in (report_dir("x") / "ensembles.txt").read_text()
    assert read_table(report_dir("x") / "ensemble_predictions.parquet").empty
    # resolution comes from the file, not from the crop's name: forty files of either size
    frames = slices[(slices["level"] == "frame") & (slices["model"] == "lenet")]
    assert frames.groupby("value")["n"].sum().tolist() == [40, 40]


def test_every_score_of_a_clip_says_of_how_many_frames(crops):
    lstm = {"model": "resnext_lstm_small", "hyper": {"frames": 4}}
    experiment = recipe(crops[0], models={"lenet": {}, "lstm": lstm}, evaluation={"resamples": 100})
    frames = predictions_of(stages.read_manifest(experiment))
    clips = frames.assign(model="lstm", level="video", path="", frame=-1)
    metrics, _, pairs = stages.compare(experiment, pd.concat([frames, clips], ignore_index=True))
    told = metrics[metrics["level"] == "video"].groupby("model")[["aggregator", "frames_per_clip"]].agg(set)
    assert told.loc["lenet"].tolist() == [{"mean"}, {1.0}]
    assert told.loc["lstm"].tolist() == [{"none"}, {4.0}]
    assert pairs[["aggregator", "frames_per_clip"]].iloc[0].tolist() == ["mean", 1.0]
    assert "AUC by clip (" in stages.best_line(metrics)


def test_a_soup_that_is_a_copy_is_no_member_and_no_side_of_a_test(crops):
    """Its pairs are others once more: Holm would count them twice."""
    models = {"lenet": {}, "meso4": {}, "soup": {"model": "lenet", "soup": ["lenet"]}}
    experiment = recipe(crops[0], models=models, evaluation={"resamples": 100}, ensembles={"rules": ["mean"]})
    copies = {"model": list(models), "seed": 1, "copy_of": [None, None, "lenet"]}
    write_table(pd.DataFrame(copies), report_dir("x") / "runs.csv")
    one = predictions_of(stages.read_manifest(experiment))
    other = one.assign(model="meso4", p_fake=np.random.default_rng(2).uniform(size=len(one)))
    predictions = pd.concat([one, other, one.assign(model="soup")], ignore_index=True)
    metrics, _, pairs = stages.compare(experiment, predictions)
    assert "soup" in set(metrics["model"]), "it is scored like any other"
    assert pairs[["left", "right"]].to_numpy().tolist() == [["lenet", "meso4"]]
    assert pairs["p_holm"].tolist() == pairs["p"].tolist()
    table, errors = stages.search_ensembles(experiment, predictions)
    assert set(table["members"]) == {"lenet", "meso4", "lenet+meso4"} and len(errors) == 1
    away = predictions.assign(dataset="away", model=predictions["model"] + "@x")
    assert own_pairs(experiment, away)[["left", "right"]].to_numpy().tolist() == [["lenet", "meso4"]]


def test_a_leak_tax_that_is_shown_again_is_one_reading_of_test(crops, monkeypatch):
    """The pipeline pays it in a step of its own, and the notebook of splits shows it."""
    write_table(crops[1], crops[0] / "listing.csv")
    experiment = recipe(crops[0], leak_tax={"model": "lenet"}, evaluation={"resamples": 100})
    gain = [0.0]

    def scored(experiment, manifest, settings, name, seed, verbose):
        rows = manifest[manifest["split"] == "test"]
        p_fake = 0.4 + gain[0] * rows["label"]
        return pd.DataFrame({"model": name, "seed": seed, "group": rows["group"], "label": rows["label"], "p_fake": p_fake})

    monkeypatch.setattr("dfd_lib.stages.leaktax._scored", scored)
    for expected in (1, 1):
        stages.pay_leak_tax(experiment)
        assert len(read_table(report_dir("x") / "test_reads.csv")) == expected
    gain[0] = 0.3  # trained anew: another result is another line
    stages.pay_leak_tax(experiment)
    assert len(read_table(report_dir("x") / "test_reads.csv")) == 2
    monkeypatch.setattr("dfd_lib.stamp._commit", lambda: "another")
    stages.pay_leak_tax(experiment)
    assert len(read_table(report_dir("x") / "test_reads.csv")) == 3


def test_data_sets_do_not_mix(crops):
    root, listing = crops
    write_table(listing.assign(dataset=["one", "two"] * 40), root / "listing.csv")
    with pytest.raises(ValueError, match="expected one data set, came one, two"):
        stages.find_faces(recipe(root))


def test_files_that_are_no_media_are_told_once_the_faces_are_found(crops):
    root, notes = crops[0], []
    (root / "real" / "readme.txt").write_text("taken in May")
    stages.find_faces(recipe(root), tell=notes.append)
    assert notes == ["1 file is neither image nor video: 1 .txt"]


def test_a_limit_below_the_first_group_says_so(crops):
    root, listing = crops
    write_table(listing.assign(person="the same"), root / "listing.csv")
    with pytest.raises(ValueError, match="at least the 80 files of one group, came 8"):
        stages.find_faces(recipe(root, data={"source": str(root), "limit": 8}))


def test_leaks_of_an_official_split_are_listed(crops):
    root, listing = crops
    parts = np.resize(np.repeat(["train", "val", "calib", "test"], 2), len(listing))
    write_table(listing.assign(split=parts, person="ann"), root / "listing.csv")
    experiment = recipe(root)
    stages.read_manifest(experiment)
    leaks = read_table(report_dir("x") / "leaks.csv")
    assert set(leaks["check"]) >= {"person or donor"}
    assert set(leaks["value"]) >= {"ann"}
    assert "see leaks.csv" in stages.check_leak_free(experiment)
    paths = set(read_table(faces_dir("x") / "manifest.parquet")["path"])
    assert set(leaks["left_path"]) | set(leaks["right_path"]) <= paths


def test_videos_need_the_section_faces(tmp_path, monkeypatch):
    monkeypatch.setenv("DFD_OUT", str(tmp_path / "out"))
    for kind in ("real", "fake"):
        (tmp_path / "clips" / kind).mkdir(parents=True)
        (tmp_path / "clips" / kind / "a.mp4").write_bytes(b"never opened")
    with pytest.raises(ValueError, match=r"came 2 videos among 2 files.*section `faces`"):
        stages.find_faces(recipe(tmp_path / "clips"))
