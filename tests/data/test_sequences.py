"""Clips of crops: who, in which order, how many; and their pixels."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfd_lib.data.pixels import augmented, ordered_batches, training_batches
from dfd_lib.data.sequences import places, sequences
from dfd_lib.experiment import Augment


def crops(*counts, seed=0):
    """Crops of several videos, two persons in the first, all mixed up."""
    persons = [(f"v{video}", face, count) for video, count in enumerate(counts) for face in range(1 + (video == 0))]
    rows = [(video, face, 10 * frame) for video, face, count in persons for frame in range(count)]
    table = pd.DataFrame(rows, columns=["video", "face", "frame"]).assign(dataset="d", split="train", path="x.png", label=0)
    table["group"] = "g" + table["video"]
    return table.sample(frac=1, random_state=seed)


def test_one_sequence_a_person_in_time_order_padded_at_the_end():
    manifest = crops(3, 5)
    table, rows = sequences(manifest, 4)
    assert sorted(zip(table["video"], table["face"], strict=True)) == [("v0", 0), ("v0", 1), ("v1", 0)]
    assert set(table["path"]) == {""}
    assert set(table["frame"]) == {-1}
    for (_, person), own in zip(table.iterrows(), rows, strict=True):
        taken = manifest.iloc[own[own >= 0]]
        assert set(taken["video"]) == {person["video"]}
        assert set(taken["face"]) == {person["face"]}
        assert taken["frame"].is_monotonic_increasing
        if person["video"] == "v0":
            assert (own >= 0).tolist() == [True, True, True, False]
            assert ~own[3] == own[2]  # the last crop again
            assert taken["frame"].tolist() == [0, 10, 20]


@given(st.integers(1, 60), st.integers(1, 20))
def test_crops_are_spread_over_the_clip_and_none_is_taken_twice(count, frames):
    chosen = places(np.array([count]), frames)[0]
    kept = chosen[: min(count, frames)]
    assert (np.diff(kept) > 0).all()
    assert (chosen[len(kept) :] == count - 1).all()
    if count >= frames:
        edges = np.arange(frames + 1) * count / frames  # one from each of so many equal parts
        assert ((kept >= np.floor(edges[:-1])) & (kept < np.ceil(edges[1:]))).all()
        # and as frames are taken from a file
        np.testing.assert_array_equal(kept, [int((part + 0.5) * count / frames) for part in range(frames)])


def test_shuffled_is_the_same_crops_in_an_order_of_the_seed_and_the_person_alone():
    manifest = crops(9, 9, 9, 4)
    _, calm = sequences(manifest, 6)
    table, shuffled = sequences(manifest, 6, order="shuffled", seed=1)
    np.testing.assert_array_equal(np.sort(calm, axis=1), np.sort(shuffled, axis=1))
    np.testing.assert_array_equal(calm < 0, shuffled < 0)
    assert (calm != shuffled).any(axis=1).sum() >= 4
    assert (sequences(manifest, 6, order="shuffled", seed=2)[1] != shuffled).any()
    alone = manifest[manifest["video"] == "v2"]
    of_alone = alone.iloc[sequences(alone, 6, order="shuffled", seed=1)[1][0]]["frame"].tolist()
    assert manifest.iloc[shuffled[table.index[table["video"] == "v2"][0]]]["frame"].tolist() == of_alone


def test_a_person_is_fake_if_any_crop_is_and_parts_are_never_mixed():
    manifest = crops(4).assign(split=["train", "val"] * 4)
    manifest.loc[manifest.index[0], "label"] = 1
    table, rows = sequences(manifest, 8)
    assert table["label"].sum() == 1
    for (_, person), own in zip(table.iterrows(), rows, strict=True):
        assert set(manifest.iloc[own[own >= 0]]["split"]) == {person["split"]}


def test_no_frames_are_refused():
    with pytest.raises(ValueError, match="frames: expected 1 or more in a sequence, came 0"):
        sequences(crops(3), 0)


@pytest.fixture
def stored():
    """Eight crops whose pixels are their row; row 7 is the padding of the second clip."""
    pixels = np.broadcast_to(np.arange(8, dtype=np.uint8)[:, None, None, None], (8, 4, 4, 3))
    return pixels, np.array([[0, 2, 1], [7, ~7, ~7], [5, 6, ~6]])


def test_batches_of_clips_carry_what_is_padding(stored):
    pixels, rows = stored
    batches = [(images.numpy(), valid.numpy()) for images, valid in ordered_batches(pixels, rows, 2)]
    images, valid = (np.concatenate(each) for each in zip(*batches, strict=True))
    assert images.dtype == np.uint8
    assert images.shape == (3, 3, 4, 4, 3)
    np.testing.assert_array_equal(images[..., 0, 0, 0], [[0, 2, 1], [7, 7, 7], [5, 6, 6]])
    np.testing.assert_array_equal(valid, rows >= 0)


def test_training_sees_every_clip_once_an_epoch_with_its_label_and_goes_on_where_it_was(stored):
    pixels, rows = stored
    off = Augment(flip=False, brightness=0, contrast=0)
    how = {"weights": np.array([1.0, 2.0, 3.0]), "batch_size": 1, "seed": 1, "augment": off}
    seen = list(training_batches(pixels, rows, np.array([0, 1, 0]), epochs=range(2), **how))
    assert len(seen) == 6
    for (images, valid), label, weight in seen:
        clip = {1: 0, 2: 1, 3: 2}[int(weight[0])]
        np.testing.assert_array_equal(images[0, :, 0, 0, 0], np.where(rows[clip] < 0, ~rows[clip], rows[clip]))
        np.testing.assert_array_equal(valid[0], rows[clip] >= 0)
        assert int(label[0, 0]) == (clip == 1)
    assert sorted(int(weight[0]) for *_, weight in seen[:3]) == [1, 2, 3]
    again = list(training_batches(pixels, rows, np.array([0, 1, 0]), epochs=range(1, 2), **how))
    assert [int(weight[0]) for *_, weight in again] == [int(weight[0]) for *_, weight in seen[3:]]


def test_all_frames_of_a_clip_are_changed_alike():
    rng = np.random.default_rng(1)
    clips = rng.uniform(60, 180, (16, 3, 6, 6, 3)).astype(np.float32)
    changed = augmented(clips, Augment(flip=True, brightness=0.1, contrast=0), [1, 2]).numpy()
    flipped = 0
    for clip, after in zip(clips, changed, strict=True):
        straight, turned = (np.ptp(after - one) for one in (clip, clip[:, :, ::-1]))
        assert min(straight, turned) < 1e-3  # one shift for all frames
        flipped += turned < straight
    assert 2 < flipped < 14
    stretched = augmented(clips, Augment(flip=False, brightness=0, contrast=0.3), [1, 2]).numpy()
    for clip, after in zip(clips, stretched, strict=True):
        ratio = (after - clip.mean((0, 1, 2))) / (clip - clip.mean((0, 1, 2)))
        assert np.median(ratio) == pytest.approx(ratio[1, 2, 3, 0], rel=0.2)
