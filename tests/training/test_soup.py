"""A soup's weights are the mean of those that val takes, and it is a run like any other."""

import json
import shutil

import keras
import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import log_loss, roc_auc_score
from test_fit import LENET, crops, run, write_crops  # noqa: F401  a fixture

from dfd_lib.data.pixels import load_pixels
from dfd_lib.experiment import Augment, parse_experiment
from dfd_lib.models.normal import normalizations
from dfd_lib.paths import report_dir
from dfd_lib.stages.copies import without_copies
from dfd_lib.tables import write_table
from dfd_lib.training.fit import fit
from dfd_lib.training.predict import p_fake
from dfd_lib.training.runs import load_network, read_run
from dfd_lib.training.soup import cook

SOUP = LENET.model_copy(update={"soup": ["good", "near", "bad"]})


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A trained network, one near it, and one whose head is turned round: what is fake is real to it."""
    root = tmp_path_factory.mktemp("members")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("DFD_OUT", str(root))
        good = run((write_crops(root), root), LENET.model_copy(update={"epochs": 2}), folder="good")
    folders = [good.folder]
    for name, auc in (("near", good.facts["val_auc"] - 0.001), ("bad", 0.2)):
        folder = shutil.copytree(good.folder, good.folder.parent / name)
        network = load_network(folder)
        weights = network.get_weights()
        random = np.random.default_rng(1)
        weights = (
            [one + 1e-4 * random.normal(size=one.shape) for one in weights]
            if name == "near"
            else [*weights[:-2], -9 * weights[-2], -weights[-1]]
        )
        network.set_weights(weights)
        network.save_weights(folder / "best.weights.h5")
        (folder / "run.json").write_text(json.dumps(good.facts | {"model": name, "val_auc": auc, "fingerprint": name}))
        folders.append(folder)
    return folders


@pytest.fixture
def members(made, tmp_path):
    """Copies of them, the test's own."""
    return [shutil.copytree(folder, tmp_path / folder.name) for folder in made]


def test_val_takes_what_does_no_harm_and_the_mean_is_served(crops, members):  # noqa: F811
    manifest, root = crops
    how = {"name": "soup", "seed": 1, "out": root / "soup"}
    done = cook(manifest, root, SOUP, members[::-1], **how)
    assert done.history[["member", "taken"]].to_numpy().tolist() == [["lenet", True], ["near", True], ["bad", False]]
    means = [(one + other) / 2 for one, other in zip(*(load_network(folder).get_weights() for folder in members[:2]), strict=True)]
    network = load_network(done.folder)
    for came, expected in zip(network.get_weights(), means, strict=True):
        np.testing.assert_allclose(came, expected, rtol=1e-6, atol=1e-8)
    test = manifest.reset_index(drop=True).query("split == 'test'")
    scored = done.predictions[done.predictions["split"] == "test"]
    np.testing.assert_allclose(scored["p_fake"], p_fake(network, load_pixels(manifest, root, 32), test.index.to_numpy()), atol=1e-6)
    assert set(scored["model"]) == {"soup"}
    val = done.predictions[done.predictions["split"] == "val"]
    assert done.facts["val_auc"] == pytest.approx(roc_auc_score(val["label"], val["p_fake"]))
    assert done.facts["stopped"] == "planned"
    assert done.facts["copy_of"] is None
    text = (done.folder / "run.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail)["images_per_second"] is None, "NaN is no JSON, and nothing was trained"
    assert done.facts["seconds"] == pytest.approx(done.history["seconds"].sum(), abs=0.1)
    written = (done.folder / "run.json").stat().st_mtime_ns
    cook(manifest, root, SOUP, members, **how)
    assert (done.folder / "run.json").stat().st_mtime_ns == written, "a complete one is taken as it is"
    facts = read_run(members[1]).facts
    (members[1] / "run.json").write_text(json.dumps(facts | {"fingerprint": "other"}))
    assert cook(manifest, root, SOUP, members, **how).facts["fingerprint"] != done.facts["fingerprint"]


def test_only_networks_that_are_alike_are_averaged_and_none_is_trained(crops, members):  # noqa: F811
    manifest, root = crops
    facts = read_run(members[1]).facts
    (members[1] / "run.json").write_text(json.dumps(facts | {"image_size": 64}))
    with pytest.raises(ValueError, match="soup: expected networks of one kind and size"):
        cook(manifest, root, SOUP, members, name="soup", seed=1, out=root / "soup")
    (members[1] / "run.json").write_text(json.dumps(facts | {"settings": facts["settings"] | {"hyper": {"dropout": 0.2}}}))
    with pytest.raises(ValueError, match=r"'hyper': {}}, came near with .*'hyper': {'dropout': 0.2}}. Average those"):
        cook(manifest, root, SOUP, members, name="soup", seed=1, out=root / "soup")
    other = SOUP.model_copy(update={"hyper": {"dropout": 0.2}})  # of members that are alike: it would be built otherwise than they were
    with pytest.raises(ValueError, match="came lenet with"):
        cook(manifest, root, other, members[:1], name="soup", seed=1, out=root / "soup")
    with pytest.raises(ValueError, match="came a soup of good, near, bad"):
        fit(manifest, root, SOUP, name="soup", seed=1, out=root / "soup")


def test_a_mean_is_scored_and_served_with_statistics_of_its_own(crops, tmp_path):  # noqa: F811
    """Those of the first normalization by NumPy: of what comes out of the mean of the weights before it."""
    manifest, root = crops
    config = LENET.model_copy(update={"model": "meso4", "epochs": 1})
    runs = [run(crops, config.model_copy(update={"learning_rate": rate}), folder=f"m{rate}") for rate in (1e-3, 3e-3)]
    for one in runs:  # whatever they score, their mean shall be taken
        (one.folder / "run.json").write_text(json.dumps(one.facts | {"val_auc": 0.0}))
    soup = config.model_copy(update={"soup": ["a", "b"], "augment": Augment(flip=False, brightness=0, contrast=0)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("dfd_lib.training.soup.roc_auc_score", lambda *_: 0.5)
        done = cook(manifest, root, soup, [one.folder for one in runs], name="soup", seed=1, out=root / "soup")
    assert done.history["taken"].tolist() == [True, True]
    network, members = load_network(done.folder), [load_network(one.folder) for one in runs]
    for mean, *own in zip(*(one.trainable_variables for one in (network, *members)), strict=True):
        np.testing.assert_allclose(mean, (own[0].numpy() + own[1].numpy()) / 2, rtol=1e-6, atol=1e-8)
    first = normalizations(network)[0]
    rows = np.flatnonzero(manifest["split"] == "train")
    seen = keras.Model(network.input, first.input)(load_pixels(manifest, root, 32)[rows]).numpy()
    np.testing.assert_allclose(first.moving_mean, seen.mean((0, 1, 2)), rtol=1e-4, atol=1e-5)  # 48 crops are three batches of 16
    assert np.abs(first.moving_mean.numpy() - np.mean([normalizations(one)[0].moving_mean for one in members], axis=0)).max() > 1e-3
    val = manifest.reset_index(drop=True).query("split == 'val'")
    loss = log_loss(val["label"], p_fake(network, load_pixels(manifest, root, 32), val.index.to_numpy()))
    assert done.history["val_loss"].iloc[1] == pytest.approx(loss, rel=1e-4)


def test_a_soup_of_one_says_whose_copy_it_is(crops, members):  # noqa: F811
    manifest, root = crops
    done = cook(manifest, root, SOUP, [members[0], members[2]], name="soup", seed=1, out=root / "soup")
    assert done.facts["copy_of"] == "lenet"
    for one, other in zip(*(load_network(folder).get_weights() for folder in (members[0], done.folder)), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_copy_is_told_from_a_mean_and_from_what_stands_without_its_original(tmp_path, monkeypatch):
    monkeypatch.setenv("DFD_OUT", str(tmp_path))
    models = {"a": {"model": "lenet"}, "b": {"model": "lenet"}, "soup": {"model": "lenet", "soup": ["a", "b"]}}
    recipe = {"name": "x", "title": "X", "data": {"source": "demo"}, "models": models, "seeds": [1, 2]}

    def kept(copies, models=("a", "b", "soup")):
        runs = pd.DataFrame({"model": ["a", "b", "soup"] * 2, "copy_of": [None, None, copies[0], None, None, copies[1]]})
        write_table(runs, report_dir("x") / "runs.csv")
        return without_copies(parse_experiment(recipe), models)

    assert kept(["a", "a"]) == ["a", "b"]
    assert kept(["a", None]) == kept(["a", "b"]) == kept([None, None]) == ["a", "b", "soup"], "of their means it is no copy"
    assert kept(["a", "a"], ["b", "soup"]) == ["b", "soup"], "its original is not among them"
    (report_dir("x") / "runs.csv").unlink()
    assert without_copies(parse_experiment(recipe | {"models": {"a": {"model": "lenet"}}}), ["a"]) == ["a"], "no soup, no question"
