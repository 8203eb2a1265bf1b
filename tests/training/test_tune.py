"""Searches: what is drawn, what judges, what resumes, what is stopped; against brute force on tables."""

import inspect
import itertools
import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score
from test_fit import write_crops

from dfd_lib.data.splits import split
from dfd_lib.experiment import Augment, Model, Tune
from dfd_lib.models.registry import hyper_defaults, list_models, search_space
from dfd_lib.training.fit import fit
from dfd_lib.training.oracle import _Random
from dfd_lib.training.runs import read_run
from dfd_lib.training.space import describe_space, draw, searched
from dfd_lib.training.trials import MedianRule, folds_of, tell_failure, trials_of, video_auc
from dfd_lib.training.tune import tune, tuned


@pytest.fixture
def crops(tmp_path, monkeypatch):
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    return write_crops(tmp_path), tmp_path


def config(**more):
    rule = {"trials": 3, "stop_poor": False} | more
    return Model(model="meso4", image_size=32, epochs=1, batch_size=16, tune=Tune(**rule))


def watch(monkeypatch, before=lambda out: None):
    """Replace training by a record of what would be trained; the AUC grows with the learning rate's rank among clips."""
    seen = []

    def learn(part, folder, settings, *, seed, out, parts, **_):
        seen.append((out.name, settings, seed))
        before(out)
        assert set(part["split"]) == {"train", "val"}
        assert parts == ("val",)
        rows = part[part["split"] == "val"]
        noise = np.random.default_rng(int(settings.learning_rate * 1e9)).uniform(size=len(rows))
        predictions = rows[["dataset", "split", "path", "video", "face", "frame", "group", "label"]]
        predictions = predictions.assign(model="meso4", seed=seed, level="frame", condition="clean", p_fake=noise)
        return type("Run", (), {"predictions": predictions})

    assert set(inspect.signature(learn).parameters) <= {*inspect.signature(fit).parameters, "part", "folder", "settings", "_"}
    monkeypatch.setattr("dfd_lib.training.tune.fit", learn)
    monkeypatch.setattr("keras.backend.clear_session", lambda: None)  # half a second each, and nothing was built
    return seen


def search(crops, settings, folder="search"):
    manifest, root = crops
    return tune(manifest, root, settings, name="meso4", out=root / folder)


TRAINING = ("learning_rate", "optimizer", "brightness", "contrast")


@pytest.mark.parametrize("name", list_models())
def test_an_untouched_space_draws_the_recipe(name):
    recipe = Model(model=name, learning_rate=2e-4, optimizer="sgd", augment=Augment(brightness=0.15))
    drawn = draw(searched(recipe), recipe)
    same = {"learning_rate", "optimizer", "augment", "epochs", "batch_size"}
    assert drawn.model_dump(include=same) == recipe.model_dump(include=same)
    import keras_tuner

    assert drawn.hyper == search_space(name, keras_tuner.HyperParameters())
    # the space of a model is what its builder takes, and starts at the builder's defaults
    assert drawn.hyper.items() <= hyper_defaults(name).items()


def test_the_published_regularisers_are_searched_where_a_model_has_them():
    """S4's tuned LeNet: kernel L1 1e-10, activity L2 1e-7, padding same, stride 2, ReLU, Adam."""
    published = {"kernel_l1": 1e-10, "activity_l2": 1e-7, "padding": "same", "stride": 2, "activation": "relu", "optimizer": "adam"}
    space = {one.name: one for one in searched(Model(model="lenet")).space}
    assert [name for name, value in published.items() if value not in space[name].values] == []
    for name in list_models():
        takes = {key for key in hyper_defaults(name) if key in ("kernel_l1", "kernel_l2", "activity_l2", "dense_l2")}
        assert takes <= {one.name for one in searched(Model(model=name)).space}, name


@pytest.mark.parametrize("name", list_models())
def test_every_value_of_a_space_can_be_drawn_and_reaches_the_builder(name):
    """Against a listing by brute force: each setting in turn takes each of its values, the others their defaults."""
    recipe = Model(model=name)
    space = searched(recipe)
    listed = describe_space(recipe)
    assert listed["name"].tolist() == [one.name for one in space.space]
    for one in space.space:
        values = [1e-5, 1e-2] if one.name == "learning_rate" else [False, True] if type(one).__name__ == "Boolean" else one.values
        for value in values:
            hp = space.copy()
            hp.values[one.name] = value
            drawn = draw(hp, recipe)
            place = drawn.model_dump() if one.name in TRAINING[:2] else drawn.augment.model_dump() if one.name in TRAINING else drawn.hyper
            came = place[one.name]
            assert (tuple(int(part) for part in value.split("-")) if isinstance(came, tuple) else value) == came


def test_random_search_visits_exactly_the_settings_of_a_small_space(crops, monkeypatch):
    visited = watch(monkeypatch)
    table = tune(*crops, Model(model="lenet", tune=Tune(trials=30, only=["stride", "padding"])), name="lenet", out=crops[1] / "small")
    expected = set(itertools.product([1, 2], ["same", "valid"]))
    assert len(visited) == len(table) == len(expected)
    assert {(settings.hyper["stride"], settings.hyper["padding"]) for _, settings, _ in visited} == expected
    assert {(row.stride, row.padding) for row in table.itertuples()} == expected
    assert not {"learning_rate", "dropout"} & set(table)  # what was not searched is no column


def test_a_setting_that_the_space_lacks_is_refused():
    with pytest.raises(ValueError, match=r"tune\.only: expected some of width, dense, .*contrast; came batch_size"):
        searched(Model(model="lenet", tune=Tune(only=["dropout", "batch_size"])))


def test_what_the_recipe_fixes_is_never_drawn():
    recipe = Model(model="lenet", hyper={"dropout": 0.1, "width": 2.0})
    hp = searched(recipe)
    assert {one.name for one in hp.space if type(one).__name__ == "Fixed"} == {"dropout", "width"}
    hp.values["stride"] = 2
    drawn = draw(hp, recipe)
    assert (drawn.hyper["dropout"], drawn.hyper["width"], drawn.hyper["stride"]) == (0.1, 2.0, 2)


def test_folds_tear_no_group_and_hold_each_row_out_once():
    rng = np.random.default_rng(1)
    group = rng.integers(0, 30, 300)
    manifest = pd.DataFrame({"label": rng.integers(0, 2, 300), "group": [f"g{one}" for one in group]})
    manifest = manifest.assign(split="train", person="", donor="")
    parts = folds_of(manifest, Tune(folds=4))
    assert len(parts) == 4
    assert (sum((part["split"] == "val").astype(int) for part in parts) == 1).all()
    for part in parts:
        assert not set(part.loc[part["split"] == "val", "group"]) & set(part.loc[part["split"] == "train", "group"])


def test_people_who_all_swap_with_each_other_never_stand_on_both_sides_of_a_fold():
    """As in Celeb-DF: one component, which is split person by person; the swaps between two sides of a fold are left out of it."""
    people = [f"p{one:02}" for one in range(24)]
    pairs = [(one, "") for one in people] + [(one, other) for one in people for other in people[:6] if one != other]
    rows = [
        {"label": int(donor != ""), "person": person, "donor": donor, "video": f"{person}-{donor}", "path": f"{person}-{donor}.png"}
        for person, donor in pairs
    ]
    manifest = pd.DataFrame(rows).assign(dataset="d", split="", group="one")
    dealt, _ = split(manifest, {"train": 0.7, "val": 0.3}, seed=1)
    parts = folds_of(dealt, Tune(folds=3))
    for part in parts:
        judge, train = (part[part["split"] == side] for side in ("val", "train"))
        assert not {*judge["person"], *judge["donor"]} & {*train["person"], *train["donor"]} - {""}
        assert set(judge["label"]) == set(train["label"]) == {0, 1}
    reals = pd.concat(part[(part["split"] == "val") & (part["label"] == 0)] for part in parts)
    assert sorted(reals["path"]) == sorted(dealt.loc[dealt["label"] == 0, "path"])


def test_too_few_groups_for_the_folds_are_told():
    manifest = pd.DataFrame({"label": [0, 1, 1, 1], "group": list("abcd"), "split": "train", "person": "", "donor": ""})
    with pytest.raises(ValueError, match="expected at least 3 groups of each class, came 1 with real and 3 with fake faces"):
        folds_of(manifest, Tune(folds=3))


def test_the_objective_is_by_clip():
    rng = np.random.default_rng(2)
    fixed = {"model": "m", "seed": 1, "dataset": "d", "level": "frame", "condition": "clean", "face": 0, "group": "g"}
    table = pd.DataFrame({"video": np.repeat([f"v{clip}" for clip in range(20)], 5), "label": np.repeat(np.arange(20) % 2, 5)})
    table = table.assign(**fixed, frame=np.tile(np.arange(5), 20), path=[f"{row}.png" for row in range(100)])
    table = table.assign(p_fake=rng.uniform(size=100), split=np.where(np.arange(100) < 60, "val", "test"))
    clips = table[table["split"] == "val"].groupby("video").agg(label=("label", "first"), p_fake=("p_fake", "mean"))
    assert video_auc(table) == pytest.approx(roc_auc_score(clips["label"], clips["p_fake"]))


def test_a_poor_trial_is_stopped_when_it_is_below_the_median(tmp_path):
    for number, scores in enumerate([(0.5, 0.9), (0.6, 0.7), (0.7, 0.6), (0.4,)]):
        (tmp_path / f"{number}-0").mkdir()
        pd.DataFrame({"epoch": range(1, len(scores) + 1), "val_auc": scores}).to_csv(tmp_path / f"{number}-0" / "history.csv", index=False)
    rule = MedianRule(tmp_path / "9-0", 0)
    assert not rule([{"val_auc": 0.56}])  # of .5 .6 .7 .4 the median is .55
    assert rule([{"val_auc": 0.54}])
    assert rule([{"val_auc": 0.56}, {"val_auc": 0.69}])  # the three that got so far reached .9, .7 and .7
    assert not rule([{"val_auc": 0.56}, {"val_auc": 0.71}])
    assert not MedianRule(tmp_path / "9-1", 1)([{"val_auc": 0.1}])  # nobody finished that fold
    patient = MedianRule(tmp_path / "9-0", 0, grace=2)
    assert not patient([{"val_auc": 0.1}])
    assert patient([{"val_auc": 0.1}, {"val_auc": 0.69}])


@pytest.mark.parametrize("strategy", ["random", "bayesian", "hyperband"])
def test_a_search_that_is_interrupted_tries_what_an_undisturbed_one_tries(crops, monkeypatch, strategy):
    settings = config(strategy=strategy, trials=6, epochs=4)
    calm = watch(monkeypatch)
    expected = search(crops, settings, "calm")
    left = [3]

    def interrupt(out):
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt

    seen = watch(monkeypatch, interrupt)
    with pytest.raises(KeyboardInterrupt):
        search(crops, settings)
    found = search(crops, settings)
    names = [name for name, *_ in seen]
    assert names[2] == names[3]  # the one at work is taken up again, the finished ones are not
    del seen[2]
    assert [(name, seed) for name, _, seed in seen] == [(name, seed) for name, _, seed in calm]
    pd.testing.assert_frame_equal(found, expected)
    assert seen[0][1].learning_rate == 1e-3 or strategy == "hyperband"  # the first is the recipe
    if strategy == "hyperband":
        assert {one.epochs for _, one, _ in seen} == {2, 4}  # a third of four, rounded up, and four


def test_a_trial_that_was_drawn_but_not_recorded_is_drawn_again(crops, monkeypatch):
    """A kill between the file of a trial and the record of it: kept, it would shift every later draw."""
    watch(monkeypatch)
    expected = search(crops, config(trials=4), "calm")

    save = _Random.save

    def killed(self):
        if len(self.trials) == 3 and "2" not in json.loads(Path(self._get_oracle_fname()).read_text())["start_order"]:
            raise KeyboardInterrupt
        save(self)

    monkeypatch.setattr(_Random, "save", killed)
    with pytest.raises(KeyboardInterrupt):
        search(crops, config(trials=4))
    assert list((crops[1] / "search").glob("*/search/trial_2/trial.json"))
    monkeypatch.setattr(_Random, "save", save)
    pd.testing.assert_frame_equal(search(crops, config(trials=4)), expected)


def test_the_best_settings_are_those_of_the_best_trial_and_more_trials_go_on(crops, monkeypatch):
    root, said = crops[1], []
    seen = watch(monkeypatch)
    table = tune(*crops, config(), name="meso4", out=root / "search", tell=said.append)
    assert table["val_auc"].is_monotonic_decreasing
    best = json.loads((root / "search" / "best.json").read_text())
    assert tuned(config(), root / "search").learning_rate == best["settings"]["learning_rate"] == table["learning_rate"][0]
    assert best["val_auc"] == table["val_auc"][0]
    assert [line.split(":")[0] for line in said] == ["trial 1 of 3", "trial 2 of 3", "trial 3 of 3"]

    assert len(search(crops, config())) == 3
    assert len(seen) == 3  # finished: nothing runs
    search(crops, config(trials=5))
    assert [name for name, *_ in seen[3:]] == ["3-0", "4-0"]
    with pytest.raises(ValueError, match="came one of other settings"):
        tuned(config().model_copy(update={"batch_size": 8}), root / "search")
    with pytest.raises(FileNotFoundError, match=r"expected best\.json"):
        tuned(config(), root / "elsewhere")


def test_with_folds_a_trial_scores_their_mean(crops, monkeypatch):
    seen = watch(monkeypatch)
    scores = []
    monkeypatch.setattr("dfd_lib.training.tune.video_auc", lambda *_: scores.append(0.5 + len(scores) / 100) or scores[-1])
    table = search(crops, config(trials=2, folds=3)).set_index("trial")
    assert [name for name, *_ in seen] == ["0-0", "0-1", "0-2", "1-0", "1-1", "1-2"]
    assert table.loc[1, "val_auc"] == pytest.approx(np.mean(scores[:3]))
    assert table.loc[2, "val_auc"] == pytest.approx(np.mean(scores[3:]))


def test_a_share_of_the_groups_is_learnt_from_and_all_of_val_judges(crops):
    manifest = crops[0][lambda table: table["split"].isin(["train", "val"])]
    (part,) = folds_of(manifest, Tune(share=0.25))
    sizes, all_sizes = part.groupby("split")["group"].nunique(), manifest.groupby("split")["group"].nunique()
    assert sizes["val"] == all_sizes["val"]
    assert sizes["train"] == all_sizes["train"] / 4
    assert not folds_of(manifest, Tune(share=0.25, seed=2))[0].equals(part)


def test_a_trial_that_fails_is_told_and_the_others_go_on(crops, monkeypatch):
    def sometimes(*arguments, out, **more):
        if out.name == "1-0":
            raise ValueError("cannot be built")
        return fit(*arguments, out=out, **more)

    monkeypatch.setattr("dfd_lib.training.tune.fit", sometimes)
    table = search(crops, config(trials=2)).set_index("trial")
    assert "cannot be built" in table.loc[2, "message"]
    assert np.isnan(table.loc[2, "val_auc"])
    assert 0 <= table.loc[1, "val_auc"] <= 1
    assert table.loc[1, ["epochs", "stopped"]].tolist() == [1, "planned"]
    assert not list(crops[1].glob("search/*/trials/*/best.weights.h5"))  # of the trials' weights nothing is kept


def test_within_a_trial_too_the_video_judges(crops):
    manifest, root = crops
    clips = manifest.assign(video=manifest["split"] + manifest["label"].astype(str) + (manifest.index // 4 % 4).astype(str))
    table = search((clips, root), config(trials=2)).set_index("trial")
    run = read_run(min(root.glob("search/*/trials/*-0")))
    assert run.history["val_auc"].max() == pytest.approx(video_auc(run.predictions)) == pytest.approx(table.loc[1, "val_auc"])
    frames = run.predictions[run.predictions["split"] == "val"]
    assert len(frames) == 2 * frames["video"].nunique()


def test_why_a_worker_s_trial_failed_reaches_the_chief(tmp_path):
    def trials(status):
        trial = SimpleNamespace(trial_id="07", status=status, score=None, message=None, hyperparameters=SimpleNamespace(values={}))
        return trials_of(SimpleNamespace(get_space=lambda: SimpleNamespace(space=[]), trials={"07": trial}), tmp_path / "trials")

    tell_failure(tmp_path / "trials", "07", ValueError("cannot be\nbuilt"))
    assert trials("FAILED")["message"].tolist() == ["ValueError: cannot be built"]
    assert trials("COMPLETED")["message"].tolist() == [""]


def test_a_learning_rate_beyond_the_usual_is_searched_around_and_not_moved():
    for rate in (1e-6, 1e-3, 0.05):
        asked = config(only=["dropout"]).model_copy(update={"learning_rate": rate})
        assert draw(searched(asked).copy(), asked).learning_rate == rate
        assert draw(searched(asked.model_copy(update={"tune": Tune()})).copy(), asked).learning_rate == rate


def test_what_failed_is_tried_again(crops, monkeypatch):
    broken = [True]

    def refuse(out):
        if broken:
            raise ValueError("cannot be built")

    watch(monkeypatch, refuse)
    with pytest.raises(ValueError, match="none of 2; the last said: ValueError: cannot be built"):
        search(crops, config(trials=2))
    broken.clear()
    again = search(crops, config(trials=2))
    assert again["val_auc"].notna().all()
    assert (again["message"] == "").all()
