"""Models of clips train through the same door, and their rows are persons of clips."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from dfd_lib.data.crops import read_image
from dfd_lib.data.pixels import load_pixels
from dfd_lib.evaluation.ensembles import search
from dfd_lib.evaluation.metrics import evaluate, majority_baseline
from dfd_lib.experiment import Model
from dfd_lib.models.weights import load_weights
from dfd_lib.training.fit import fit
from dfd_lib.training.predict import predict
from dfd_lib.training.runs import fingerprint

SMALL = {"frames": 4, "units": 8, "dropout": 0.0, "backbone": "lenet", "backbone_hyper": {"width": 0.2, "dense": 16}}
CLIPS = Model(model="resnext_lstm_small", image_size=32, epochs=20, batch_size=8, learning_rate=5e-3, hyper=SMALL)


def write_clips(root, count=72):
    """Clips of 3 to 6 grey crops: brightness rises steadily in reals; in fakes the same steps are out of order."""
    import cv2

    rows = []
    for number in range(count):
        rng = np.random.default_rng(number // 2)  # a real and its fake are of one group
        label, frames = number % 2, int(rng.integers(3, 7))
        level = np.linspace(60, 180, frames)
        if label:
            level = np.roll(level[::-1], 1)
        split = ("train", "train", "train", "val", "calib", "test")[(number // 2) % 6]
        for frame in range(frames):
            name = f"{number:03}-{frame}.png"
            noise = rng.normal(0, 4, (32, 32, 1))
            cv2.imwrite(str(root / name), np.clip(level[frame] + np.broadcast_to(noise, (32, 32, 3)), 0, 255).astype(np.uint8))
            who = {"video": f"v{number}", "group": f"g{number // 2}", "frame": frame * 4}
            rows.append({"path": name, "label": label, "split": split, **who})
    columns = {"dataset": "toy", "method": "toy", "person": "", "donor": "", "face": 0, "score": 1.0}
    box = dict.fromkeys(("box_x", "box_y", "box_w", "box_h"), 32.0)
    return pd.DataFrame(rows).assign(**columns, **box).sample(frac=1, random_state=1).reset_index(drop=True)


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    root = tmp_path_factory.mktemp("clips")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DFD_OUT", str(root))
        manifest = write_clips(root)
        yield manifest, root, fit(manifest, root, CLIPS, name="video", seed=1, out=root / "run", verbose=0)


def test_rows_are_persons_of_clips_and_it_learns_the_order(trained):
    manifest, _, run = trained
    expected = manifest[manifest["split"] != "train"].groupby("video")["label"].max()
    rows = run.predictions
    assert set(rows["level"]) == {"video"}
    assert set(rows["path"]) == {""}
    assert set(rows["frame"]) == {-1}
    assert rows.set_index("video")["label"].to_dict() == expected.to_dict()
    held_out = rows[rows["split"] != "val"]
    assert roc_auc_score(held_out["label"], held_out["p_fake"]) > 0.9


def test_facts_count_crops_and_name_the_side(trained):
    manifest, _, run = trained
    train = manifest[manifest["split"] == "train"].groupby("video").size().clip(upper=4).sum()
    assert run.facts["image_size"] == 32
    assert run.facts["images_per_second"] == pytest.approx(
        train * 20 / run.facts["seconds"], rel=0.06 / run.facts["seconds"]
    )  # which is rounded to a tenth


def test_scored_again_it_says_the_same_and_out_of_order_it_errs(trained):
    manifest, root, run = trained
    model = load_weights("resnext_lstm_small", run.folder / "best.weights.h5", image_size=32, **SMALL)
    test = np.flatnonzero(manifest["split"] == "test")
    pixels = load_pixels(manifest, root, 32)
    again = predict(model, manifest.iloc[test], pixels, name="video", seed=1, rows=test)
    before = run.predictions[run.predictions["split"] == "test"].set_index("video")["p_fake"]
    np.testing.assert_allclose(again.set_index("video")["p_fake"][before.index], before, rtol=1e-5)
    alone = manifest.iloc[test][manifest.iloc[test]["video"] == again["video"][0]]
    by_hand = predict(model, alone, np.stack([read_image(root / path) for path in alone["path"]]), name="video")
    assert by_hand["p_fake"][0] == pytest.approx(again["p_fake"][0], rel=1e-5)
    shuffled = predict(model, manifest.iloc[test], pixels, name="video", seed=1, rows=test, order="shuffled")
    assert roc_auc_score(shuffled["label"], shuffled["p_fake"]) < roc_auc_score(again["label"], again["p_fake"])


def test_it_stands_beside_frame_models_in_metrics_and_ensembles(trained):
    manifest, root, run = trained
    lenet = Model(model="lenet", image_size=32, epochs=1, batch_size=16, hyper={"width": 0.2, "dense": 16})
    frames = fit(manifest, root, lenet, name="frames", seed=1, out=root / "frames", verbose=0)
    both = pd.concat([frames.predictions, run.predictions], ignore_index=True)
    table = evaluate(both).set_index(["model", "level", "split"])
    assert table.loc[("video", "video", "test"), "n"].item() == table.loc[("frames", "video", "test"), "n"].item() == 12
    assert ("video", "frame", "test") not in table.index
    assert table.loc[("video", "video", "test"), "aggregator"] == "none"
    assert set(majority_baseline(both, manifest)["level"]) == {"frame", "video"}
    found = search(both, rules=["mean"])
    assert set(found["members"]) == {"frames", "video", "frames+video"}
    assert found["dropped"].unique().tolist() == [0]


def test_fingerprint_sees_the_order_and_where_a_crop_belongs_for_clips_alone(trained):
    manifest, root, _ = trained
    moved = manifest.assign(frame=manifest["frame"].max() - manifest["frame"])
    lenet = CLIPS.model_copy(update={"model": "lenet", "hyper": {}})
    assert fingerprint(manifest, root, CLIPS, 1) != fingerprint(moved, root, CLIPS, 1)
    assert fingerprint(manifest, root, CLIPS, 1) != fingerprint(manifest, root, CLIPS.model_copy(update={"order": "shuffled"}), 1)
    assert fingerprint(manifest, root, lenet, 1) == fingerprint(moved, root, lenet, 1)
