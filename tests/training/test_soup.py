"""A soup's weights are the mean of those that val takes, and it is a run like any other."""

import json
import shutil

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score
from test_fit import LENET, crops, run  # noqa: F401  a fixture

from dfd_lib.data.pixels import load_pixels
from dfd_lib.training.fit import fit
from dfd_lib.training.predict import p_fake
from dfd_lib.training.runs import load_network, read_run
from dfd_lib.training.soup import cook

SOUP = LENET.model_copy(update={"soup": ["good", "near", "bad"]})


@pytest.fixture
def members(crops):  # noqa: F811
    """A trained network, one near it, and one whose head is turned round: what is fake is real to it."""
    good = run(crops, LENET.model_copy(update={"epochs": 2}), folder="good")
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
    with pytest.raises(ValueError, match="came a soup of good, near, bad"):
        fit(manifest, root, SOUP, name="soup", seed=1, out=root / "soup")
