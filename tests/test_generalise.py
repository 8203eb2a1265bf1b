"""The steps that ask what models do on what they were not trained for, with networks that judge by brightness."""

import json

import cv2
import numpy as np
import pandas as pd
import pytest
import yaml
from sklearn.metrics import roc_auc_score

from dfd_lib import stages
from dfd_lib.data.corruptions import Condition, corrupt
from dfd_lib.data.crops import read_image
from dfd_lib.experiment import load_experiment
from dfd_lib.formats import signed
from dfd_lib.paths import report_dir
from dfd_lib.stages import cross, leave_out, robustness
from dfd_lib.stages.choosing import choose
from dfd_lib.stages.generalise import findings, show_cross, show_left_out, show_pairs, show_robustness, written
from dfd_lib.stages.places import run_dir
from dfd_lib.tables import check_predictions, read_table, write_table

ASKED: list[tuple[tuple[str, ...], int]] = []


class Judge:
    """Stands for networks: the first model says how bright a crop is, the second how bright its red is."""

    def __init__(self, folders):
        self.folders = folders

    def __call__(self, names, images):
        names, images = list(names), list(images)
        ASKED.append((tuple(names), len(images)))
        return {name: judged(images, self.folders[name].name) for name in names}


def judged(images, name):
    channels = slice(0, 1) if name.startswith("meso4") else slice(None)
    return np.array([image[..., channels].mean() / 255 for image in images])


def make(tmp_path, name, seed, **more):
    """An experiment on 48 crops of 24 people, fakes a little darker, two models `trained`."""
    random = np.random.default_rng(seed)
    rows = []
    for number in range(48):
        kind = ("real", "fake")[number % 2]
        image = np.clip(random.normal(150 - 20 * (number % 2) + random.normal(0, 12), 25, (40, 40, 3)), 0, 255).astype(np.uint8)
        path = tmp_path / f"crops-{name}" / kind / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        cv2.imwrite(str(path), image)
        method = "" if kind == "real" else ("swap", "puppet")[number // 2 % 2]
        rows.append({"file": f"{kind}/{number}.png", "label": kind, "person": f"{name}{number // 2}", "method": method})
    write_table(pd.DataFrame(rows), tmp_path / f"crops-{name}" / "listing.csv")
    recipe = {"title": name, "data": {"source": str(tmp_path / f"crops-{name}")}, "models": {"lenet": {}, "meso4": {}}}
    recipe |= {"split": {"train": 0.25, "val": 0.25, "calib": 0.25, "test": 0.25}, "evaluation": {"resamples": 100}, **more}
    (tmp_path / "reports" / name).mkdir(parents=True, exist_ok=True)
    (tmp_path / "reports" / name / "experiment.yaml").write_text(yaml.safe_dump(recipe))
    return load_experiment(name)


def train(experiment):
    """Leaves what a training leaves, and what compare and ensembles do with it."""
    manifest = stages.read_manifest(experiment)
    rows = manifest[manifest["split"] != "train"]
    images = [read_image(stages.crops_root(experiment) / path) for path in rows["path"]]
    for model in experiment.models:
        folder = run_dir(experiment, model, 1)
        predictions = stages_predictions(rows, model, judged(images, folder.name))
        write_table(predictions, folder / "predictions.parquet")
        write_table(pd.DataFrame({"epoch": [1], "val_auc": [0.5]}), folder / "history.csv")
        facts = {"model": model, "seed": 1, "fingerprint": f"{model}-1", "settings": {"precision": "float32"}, "versions": {}}
        (folder / "run.json").write_text(json.dumps(facts))
    stages.search_ensembles(experiment, stages.collect_runs(experiment))
    return experiment


def stages_predictions(rows, model, p_fake):
    from dfd_lib.stages.scoring import as_predictions

    return check_predictions(as_predictions(rows, model, 1, "clean", p_fake))


@pytest.fixture
def house(tmp_path, monkeypatch):
    monkeypatch.setenv("DFD_PROJECT", str(tmp_path))
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    monkeypatch.setenv("DFD_THREADS", "1")
    for step in (robustness, cross):
        monkeypatch.setattr(step, "Scorer", Judge)
    ASKED.clear()
    return tmp_path


def test_every_crop_of_test_is_scored_under_every_condition(house):
    experiment = train(make(house, "a", 1, generalise={"conditions": ["brightness-40", "noise-16"]}))
    table = robustness.score_conditions(experiment)
    rows = robustness.rows_of(experiment)
    assert set(rows["label"]) == {0, 1}
    assert len(table) == 2 * 3 * len(rows) and set(table["split"]) == {"test"}
    for (model, condition), own in table.groupby(["model", "condition"]):
        own = own.set_index("path")["p_fake"]
        for path in rows["path"]:  # fakes and reals alike
            crop = read_image(stages.crops_root(experiment) / path)
            wanted = judged([corrupt(crop, Condition.parse(condition), seed=experiment.split.seed, path=path)], model)
            assert own[path] == pytest.approx(wanted[0])
    clean = table[table["condition"] == "clean"].set_index(["model", "path"])["p_fake"].sort_index()
    trained = read_table(report_dir("a") / "predictions.parquet")
    trained = trained[trained["split"] == "test"].set_index(["model", "path"])["p_fake"].sort_index()
    pd.testing.assert_series_equal(clean, trained)


def test_scoring_goes_on_where_it_was_stopped(house):
    experiment = train(make(house, "a", 1, generalise={"conditions": ["blur-1", "jpeg-40"]}))
    first = robustness.score_conditions(experiment)
    assert [names for names, _ in ASKED] == [("lenet-s1", "meso4-s1")] * 3
    ASKED.clear()
    (lost,) = (report_dir("a") / "models" / "robustness").glob("meso4-s1-*/jpeg-40.parquet")
    lost.unlink()
    pd.testing.assert_frame_equal(robustness.score_conditions(experiment), first)
    assert [names for names, _ in ASKED] == [("meso4-s1",)]
    folder = run_dir(experiment, "lenet", 1) / "run.json"  # trained again: its scores are no longer those
    folder.write_text(folder.read_text().replace("lenet-1", "lenet-2"))
    ASKED.clear()
    robustness.score_conditions(experiment)
    assert [names for names, _ in ASKED] == [("lenet-s1",)] * 3


def test_other_weights_than_the_report_s_are_refused(house):
    experiment = train(make(house, "a", 1, generalise={"conditions": ["blur-1"]}))
    file = run_dir(experiment, "meso4", 1) / "predictions.parquet"
    table = read_table(file)
    write_table(table.assign(p_fake=(table["p_fake"] + 0.1).clip(0, 1)), file)
    with pytest.raises(ValueError, match=r"run meso4-s1: expected the scores of its training on clean crops, came others, by up to 0\.1"):
        robustness.score_conditions(experiment)


def test_h264_needs_clips_and_says_so(house):
    experiment = train(make(house, "a", 1, generalise={"conditions": ["h264-28", "brightness+20"]}))
    assert set(robustness.score_conditions(experiment)["condition"]) == {"clean", "brightness+20"}
    show_robustness(experiment)
    assert "H.264 is not available: these are single crops" in findings(experiment, "robustness")


def test_the_ensemble_is_measured_too_as_it_was_fitted(house):
    experiment = train(make(house, "a", 1, generalise={"conditions": ["brightness-40"]}))
    robustness.score_conditions(experiment)
    table = robustness.measure_robustness(experiment)
    name = read_table(report_dir("a") / "ensembles.csv").query("rule != 'single'")["name"].iloc[0]
    own = table[table["model"] == name].set_index("condition")
    reported = read_table(report_dir("a") / "ensembles.csv").set_index("name").loc[name, "test_auc"]
    assert own.loc["clean", "auc"] == pytest.approx(reported, abs=1e-5)
    assert own.loc["brightness-40", "auc_change"] == pytest.approx(own.loc["brightness-40", "auc"] - own.loc["clean", "auc"])
    assert list(own["kind"]) == ["clean", "brightness"] and list(own["strength"]) == [0, -40]
    assert (own["aggregator"] == "mean").all() and (own["frames_per_clip"] == 1).all()
    reads = read_table(report_dir("a") / "test_reads.csv")
    assert reads["command"].iloc[-1] == "70_generalise" and f"{name} has an AUC by clip (1 frame each)" in reads["result"].iloc[-1]


def test_the_ensemble_is_the_best_on_val_of_models_that_are_there(house):
    experiment = make(house, "a", 1)
    tried = pd.DataFrame({"rule": ["single", "mean", "vote", "mean"], "members": ["a", "a+clips", "a+b", "a+b"]})
    write_table(tried, report_dir("a") / "ensembles.csv")
    assert robustness.chosen_ensemble(experiment, {"a", "b"})["rule"] == "vote"
    assert robustness.chosen_ensemble(experiment, {"b"}) is None


class Frail(Judge):
    """Of damaged crops lenet says what has nothing to do with them; meso4 sees through."""

    def __call__(self, names, images):
        found = super().__call__(names, images)
        return {name: np.linspace(0, 1, len(p)) if name.startswith("lenet") else p for name, p in found.items()}


def with_detector(house, monkeypatch, scorer=Frail, parameters=(1000, 1000), **detector):
    """Two models of which lenet is the better one on clean val."""
    monkeypatch.setattr(robustness, "Scorer", scorer)
    monkeypatch.setitem(globals(), "judged", lambda images, name, bright=judged: 1 - bright(images, name))  # fakes are darker
    experiment = train(make(house, "a", 1, detector=detector))
    runs = [{"model": name, "seed": 1, "val_auc": 0.5, "registry_name": name} for name in ("lenet", "meso4")]
    write_table(pd.DataFrame(runs).assign(parameters=parameters), report_dir("a") / "runs.csv")
    tried = read_table(report_dir("a") / "ensembles.csv")
    best = (tried["val_auc"] / 2).mask(tried["name"] == "lenet", 0.999)
    write_table(tried[tried["rule"].isin(["single", "mean"])].assign(val_auc=best), report_dir("a") / "ensembles.csv")
    return experiment


def test_clean_val_alone_chooses_the_detector_unless_more_is_asked_for(house, monkeypatch):
    row, _, said = choose(with_detector(house, monkeypatch))
    assert row["members"] == "lenet" and said == "" and ASKED == []


def test_a_detector_that_must_bear_damage_is_the_best_of_those_that_do(house, monkeypatch):
    experiment = with_detector(house, monkeypatch, conditions=["jpeg-40"], loss=0.05)
    row, runs, said = choose(experiment)
    assert row["name"] == "meso4", said
    assert list(runs.index) == ["meso4"]
    rows = robustness.rows_of(experiment, "val")
    crops = [read_image(stages.crops_root(experiment) / path) for path in rows["path"]]
    bad = [corrupt(one, Condition.parse("jpeg-40"), seed=1, path=path) for one, path in zip(crops, rows["path"], strict=True)]
    change = roc_auc_score(rows["label"], judged(bad, "meso4")) - roc_auc_score(rows["label"], judged(crops, "meso4"))
    assert change >= -0.05 and signed(change) in said and "of those that lose at most .050 of its AUC on val under jpeg-40" in said
    assert [names for names, _ in ASKED] == [("lenet-s1", "meso4-s1")] and ASKED[0][1] == len(rows)
    assert choose(experiment).said == said and len(ASKED) == 1, "what is kept is not scored again"
    assert "test" not in set(rows["split"]) and not (report_dir("a") / "robustness_predictions.parquet").exists()


def test_where_none_bears_the_damage_the_best_on_clean_val_is_taken_and_that_is_said(house, monkeypatch):
    experiment = with_detector(house, monkeypatch, parameters=(1000, 10**9), conditions=["jpeg-40"], loss=0.05)
    row, _, said = choose(experiment)
    assert row["members"] == "lenet" and said.startswith("Robustness chose nothing: of 1 candidate none loses at most .050")
    assert [names for names, _ in ASKED] == [("lenet-s1",)], "what is too large is not scored"


def test_a_condition_that_cannot_be_had_is_refused(house, monkeypatch):
    with pytest.raises(ValueError, match=r"detector.conditions: H.264 is not available: .* Leave it out"):
        choose(with_detector(house, monkeypatch, conditions=["h264-28"]))


def test_models_and_test_parts_are_exchanged(house):
    train(make(house, "b", 2))
    experiment = train(make(house, "a", 1, generalise={"cross": ["b"]}))
    table = cross.score_cross(experiment)
    pairs = table.groupby(["model", "dataset"]).size()
    assert sorted(pairs.index) == sorted((f"{model}@{here}", there) for model in ("lenet", "meso4") for here in "ab" for there in "ab")
    other = load_experiment("b")
    for path, p_fake in table[(table["model"] == "meso4@a") & (table["dataset"] == "b")][["path", "p_fake"]].itertuples(index=False):
        assert p_fake == pytest.approx(judged([read_image(stages.crops_root(other) / path)], "meso4-s1")[0])
    scored = len(ASKED)
    pd.testing.assert_frame_equal(cross.score_cross(experiment), table)
    assert len(ASKED) == scored, "what is kept is not scored again"
    show_cross(experiment)
    found = read_table(report_dir("a") / "cross.csv")
    ensemble = found[found["model"].str.contains("(", regex=False)]
    assert set(ensemble["trained_on"]) == {"a"} and set(ensemble["scored_on"]) == {"a", "b"}
    assert (report_dir("a") / "figures" / "cross.png").is_file()
    (pair,) = read_table(report_dir("a") / "cross_pairs.csv").to_dict("records")
    away = table[table["dataset"] == "b"]
    auc = {name: roc_auc_score(own["label"], own["p_fake"]) for name, own in away.groupby("model")}
    assert (pair["dataset"], pair["left"], pair["right"]) == ("b", "lenet", "meso4") and pair["n"] == away["path"].nunique()
    assert pair["difference"] == pytest.approx(auc["lenet@a"] - auc["meso4@a"]) and pair["p_holm"] == pair["p"]
    assert pair["low"] <= pair["difference"] <= pair["high"]
    assert show_pairs(experiment, "cross")["left"].tolist() == ["lenet"] and "cross_pairs.csv" in written(experiment)
    assert "On b the AUCs by clip (1 frame each) of" in findings(experiment, "cross")
    assert "cross of a" in read_table(report_dir("b") / "test_reads.csv")["result"].iloc[-1]


def test_a_partner_that_was_not_run_is_named_with_its_command(house):
    other = make(house, "b", 2)
    experiment = train(make(house, "a", 1, generalise={"cross": ["b"]}))
    with pytest.raises(FileNotFoundError, match="expected a split of 'b', found none. Run `dfd report b` first".replace(".", r"\.")):
        cross.score_cross(experiment)
    stages.split_faces(other)
    with pytest.raises(FileNotFoundError, match=r"expected the trained lenet-s1, meso4-s1 of 'b', found none. Run `dfd report b` first"):
        cross.score_cross(experiment)


def test_partners_that_lack_something_are_told_before_hours_of_training(house):
    experiment = make(house, "a", 1, generalise={"cross": ["b", "c"]})
    other, _ = make(house, "b", 2, models={"meso4": {}, "alexnet": {}}), make(house, "c", 3, models={"alexnet": {}})
    said = cross.missing_partners(experiment)
    assert "with b, which lacks a split and c, which lacks a split: run `dfd report b` and `dfd report c` before its last steps" in said
    for name in "bc":
        stages.split_faces(load_experiment(name))
    said = cross.missing_partners(experiment)
    assert "with b, which lacks the trained meso4-s1: run `dfd report b` before its last steps" in said, "c lends its test part alone"
    train(other)
    assert cross.missing_partners(experiment) == cross.missing_partners(other) == ""


def test_partners_must_differ_in_data(house):
    experiment = make(house, "a", 1, generalise={"cross": ["b"]})
    make(house, "b", 2, data={"source": str(house / "crops-a")})
    for check in (cross.partners, cross.missing_partners):
        with pytest.raises(ValueError, match="'b' has the same"):
            check(experiment)


def test_a_partner_without_a_common_model_lends_its_test_part(house):
    stages.split_faces(make(house, "b", 2, models={"alexnet": {}}))
    experiment = train(make(house, "a", 1, generalise={"cross": ["b"]}))
    table = cross.score_cross(experiment)
    assert set(table.groupby(["model", "dataset"]).groups) == {(f"{model}@a", there) for model in ("lenet", "meso4") for there in "ab"}
    show_cross(experiment)
    assert set(read_table(report_dir("a") / "cross.csv")["trained_on"]) == {"a"}


def test_a_method_left_out_is_in_no_part_that_a_training_looks_at(house):
    manifest = stages.read_manifest(make(house, "a", 1))
    assert leave_out.methods_of(manifest) == ["puppet", "swap"]
    less = leave_out.without(manifest, "swap")
    looked_at = less[less["split"].isin(["train", "val"])]
    assert "swap" not in set(looked_at["method"])
    same = ~manifest["split"].isin(["train", "val"]) | (manifest["method"] != "swap")
    pd.testing.assert_frame_equal(less[same], manifest[same])
    assert list(less["path"]) == list(manifest["path"]), "the same rows: decoded pixels are shared"


def test_leaving_a_method_out_is_measured_on_its_own_fakes(house, monkeypatch):
    from dfd_lib.training import fit as training
    from dfd_lib.training.runs import Run

    experiment = train(make(house, "a", 1, generalise={"leave_out": "lenet"}))
    manifest = stages.read_manifest(experiment)
    rows = manifest[manifest["split"] != "train"]

    def guess(part, root, config, *, name, seed, out, verbose):
        return Run(out, {}, pd.DataFrame(), stages_predictions(rows, name, np.random.default_rng(3).uniform(size=len(rows))))

    monkeypatch.setattr(training, "fit", guess)
    scored = leave_out.score_left_out(experiment)
    assert list(scored["model"].unique()) == ["lenet-without-puppet", "lenet-without-swap"]
    show_left_out(experiment)
    table = read_table(report_dir("a") / "leave_out.csv").set_index("method")
    seen = read_table(report_dir("a") / "predictions.parquet").query("model == 'lenet' and split == 'test'")
    for method in ("puppet", "swap"):
        chosen = manifest.loc[(manifest["label"] == 0) | (manifest["method"] == method), "path"]
        for side, name in ((seen, "auc_before"), (scored[scored["model"] == f"lenet-without-{method}"], "auc_after")):
            own = side[side["path"].isin(chosen)]
            assert table.loc[method, name] == pytest.approx(roc_auc_score(own["label"], own["p_fake"]), abs=1e-5)
            assert table.loc[method, "n"] == len(own)
    assert "when it is trained without it" in findings(experiment, "leave_out")


def test_several_models_are_compared_on_what_none_of_them_had_seen(house, monkeypatch):
    from sklearn.metrics import roc_auc_score

    from dfd_lib.training import fit as training
    from dfd_lib.training.runs import Run

    experiment = train(make(house, "a", 1, generalise={"leave_out": ["lenet", "meso4"]}))
    manifest = stages.read_manifest(experiment)
    rows = manifest[manifest["split"] != "train"].reset_index(drop=True)
    noise = np.random.default_rng(3).uniform(size=len(rows))
    strengths = {"lenet": 0.0, "meso4": 0.8}

    def guess(part, root, config, *, name, seed, out, verbose):
        p_fake = (noise + strengths[name.partition("-")[0]] * rows["label"]) / 2
        return Run(out, {}, pd.DataFrame(), stages_predictions(rows, name, p_fake.to_numpy()))

    monkeypatch.setattr(training, "fit", guess)
    scored = leave_out.score_left_out(experiment)
    figure = show_left_out(experiment)
    assert len(figure.axes[0].get_yticklabels()) == 4
    assert read_table(report_dir("a") / "leave_out.csv")[["model", "method"]].drop_duplicates().shape == (4, 2)
    pairs = show_pairs(experiment, "leave_out").set_index("method")
    for method in ("puppet", "swap"):
        chosen = set(manifest.loc[(manifest["label"] == 0) | (manifest["method"] == method), "path"])
        own = scored[scored["path"].isin(chosen) & scored["model"].str.endswith(f"-{method}")]
        aucs = own.groupby("model")[["label", "p_fake"]].apply(lambda one: roc_auc_score(one["label"], one["p_fake"]))
        gain = aucs[f"lenet-without-{method}"] - aucs[f"meso4-without-{method}"]
        assert pairs.loc[method, "difference"] == pytest.approx(gain, abs=1e-3)
    said = findings(experiment, "leave_out").splitlines()
    assert [line.split(" ")[0] for line in said] == ["lenet", "meso4", "Unseen,", "Unseen,"]


def test_one_method_alone_cannot_be_left_out_and_that_is_said(house):
    experiment = make(house, "a", 1, generalise={"leave_out": "lenet"})
    listing = read_table(house / "crops-a" / "listing.csv").replace({"method": {"puppet": "swap"}})
    write_table(listing, house / "crops-a" / "listing.csv")
    train(experiment)
    assert leave_out.score_left_out(experiment).empty
    show_left_out(experiment)
    assert findings(experiment, "leave_out").startswith("Leave-one-method-out is not available: 1 method of making fakes (swap)")


def test_what_is_not_asked_for_is_not_done(house):
    experiment = make(house, "a", 1)
    assert written(experiment) == []
    for show in (show_robustness, show_cross, show_left_out):
        assert show(experiment) is not None
    assert findings(experiment, "cross") == "Not asked for by the recipe."
    assert not report_dir("a").joinpath("robustness.csv").exists()


@pytest.mark.slow
def test_networks_score_clean_crops_as_their_training_did(tmp_path, monkeypatch):
    """The whole way with real networks: train two epochs, score again, every clean score the same."""
    monkeypatch.setenv("DFD_PROJECT", str(tmp_path))
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    models = {"lenet": {"image_size": 32, "epochs": 1}, "meso4": {"image_size": 32, "epochs": 1}}
    experiment = make(tmp_path, "a", 1, models=models, generalise={"conditions": ["jpeg-20"], "leave_out": "lenet"})
    for model in models:
        stages.train(experiment, model, 1, verbose=0)
    table = robustness.score_conditions(experiment)
    for model in models:
        then = stages.collect_runs(experiment).query(f"model == '{model}'").set_index("path")["p_fake"]
        own = table[(table["model"] == model) & (table["condition"] == "clean")]
        assert np.allclose(own["p_fake"], then[own["path"]], atol=1e-5)
    assert set(leave_out.score_left_out(experiment, verbose=0)["model"]) == {"lenet-without-swap", "lenet-without-puppet"}
