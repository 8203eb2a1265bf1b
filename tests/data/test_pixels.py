"""Pixels: the cache holds what the files hold; batches are seeded by (seed, epoch, position)."""

import os
import shutil
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest

from dfd_lib.data.augment import augmented
from dfd_lib.data.crops import read_image, resize
from dfd_lib.data.pixels import load_pixels, ordered_batches, training_batches
from dfd_lib.experiment import Augment

OFF = Augment(flip=False, brightness=0, contrast=0)


@pytest.fixture
def crops(tmp_path, monkeypatch):
    """Twelve files; every pixel of file i is about 20 * i, so a row can be told by its mean."""
    monkeypatch.setenv("DFD_OUT", str(tmp_path / "out"))
    for row in range(12):
        image = np.random.default_rng(row).integers(-5, 6, (40, 30, 3)) + 20 * row
        cv2.imwrite(str(tmp_path / f"{row:02}.png"), np.clip(image, 0, 255).astype(np.uint8))
    return pd.DataFrame({"path": [f"{row:02}.png" for row in range(12)]}), tmp_path


@pytest.mark.parametrize("how", ["area", "nearest", "bilinear"])
def test_cache_holds_what_the_files_hold(crops, how):
    manifest, root = crops
    pixels = load_pixels(manifest, root, 16, how=how)
    assert pixels.dtype == np.uint8
    for row, path in enumerate(manifest["path"]):
        np.testing.assert_array_equal(pixels[row], resize(read_image(root / path), 16, how))


def test_crops_are_known_by_their_contents(crops, monkeypatch):
    manifest, root = crops
    files = root / "out" / "data" / "cache"
    load_pixels(manifest, root, 16)
    copy = shutil.copytree(root, root / "copy", ignore=shutil.ignore_patterns("out"))
    moved = manifest.assign(path=["copy/" + path for path in manifest["path"]])
    with monkeypatch.context() as patch:
        patch.setattr("dfd_lib.data.pixels.view_image", None)  # nothing is decoded again
        load_pixels(manifest, root, 16)
        load_pixels(manifest, copy, 16)
        load_pixels(moved, root, 16)
    assert len(list(files.glob("*.npy"))) == 1
    cv2.imwrite(str(root / "00.png"), np.full((40, 30, 3), 77, np.uint8))
    os.utime(root / "00.png", ns=(1, 1))
    assert (load_pixels(manifest, root, 16)[0] == 77).all()
    assert len(list(files.glob("*.npy"))) == 2


def test_reading_batches_holds_no_more_memory_than_one(crops):
    """What was read is given back to the page cache: the mapping's resident pages do not add up."""
    manifest, root = crops
    pixels = load_pixels(pd.concat([manifest] * 30), root, 128)  # 18 MB
    for batch in ordered_batches(pixels, np.arange(len(pixels)), 8):
        assert batch.shape == (8, 128, 128, 3)
    smaps = Path("/proc/self/smaps").read_text().split(str(pixels.filename))[1]
    resident = int(smaps.split("Rss:")[1].split()[0])
    assert resident < 2000  # kB


def test_a_lost_crop_is_named(crops):
    manifest, root = crops
    (root / "03.png").unlink()
    with pytest.raises(ValueError, match=r"03\.png"):
        load_pixels(manifest, root, 16)


def batches(crops, epochs, seed=1, augment=OFF, rows=None):
    manifest, root = crops
    pixels = load_pixels(manifest, root, 16)
    rows = np.arange(12) if rows is None else rows
    data = training_batches(pixels, rows, rows % 2, weights=rows + 1.0, batch_size=4, epochs=epochs, seed=seed, augment=augment)
    return [tuple(part.numpy() for part in batch) for batch in data]


def drawn(batch):
    """Which row each image of a batch came from."""
    return np.round(batch[0].mean(axis=(1, 2, 3)) / 20).astype(int)


def test_every_epoch_is_a_permutation_with_matching_labels_and_weights(crops):
    got = batches(crops, range(3))
    assert len(got) == 9
    for epoch in range(3):
        order = np.concatenate([drawn(batch) for batch in got[3 * epoch : 3 * epoch + 3]])
        assert sorted(order) == list(range(12))
    for images, labels, weights in got:
        row = drawn((images,))
        np.testing.assert_array_equal(labels[:, 0], row % 2)
        np.testing.assert_array_equal(weights, row + 1)


def test_epochs_and_seeds_have_their_own_order(crops):
    order = [tuple(drawn(batch)) for batch in batches(crops, range(2))]
    other = [tuple(drawn(batch)) for batch in batches(crops, range(2), seed=2)]
    assert order[:3] != order[3:]
    assert order != other


def test_starting_later_sees_what_would_have_been_seen(crops):
    augment = Augment(flip=True, brightness=0.2, contrast=0.2)
    whole, late = batches(crops, range(4), augment=augment), batches(crops, range(2, 4), augment=augment)
    for expected, came in zip(whole[6:], late, strict=True):
        np.testing.assert_array_equal(came[0], expected[0])


def test_only_the_rows_asked_for(crops):
    rows = np.array([3, 5, 8, 11, 2])
    seen = {row for batch in batches(crops, range(5), rows=rows) for row in drawn(batch)}
    assert seen == set(rows.tolist())


def test_ordered_batches_keep_the_order(crops):
    manifest, root = crops
    pixels = load_pixels(manifest, root, 16)
    rows = np.array([7, 1, 9, 0, 4])
    got = np.concatenate([batch.numpy() for batch in ordered_batches(pixels, rows, 2)])
    np.testing.assert_array_equal(got, pixels[rows])


def test_augmentation_does_what_it_says():
    import tensorflow as tf

    images = np.random.default_rng(0).uniform(60, 190, (64, 8, 8, 3)).astype(np.float32)
    key = tf.constant([1, 2])
    np.testing.assert_array_equal(augmented(images, OFF, key), images)
    flipped = augmented(images, Augment(flip=True, brightness=0, contrast=0), key).numpy()
    turned = [np.array_equal(new, old[:, ::-1]) for new, old in zip(flipped, images, strict=True)]
    kept = [np.array_equal(new, old) for new, old in zip(flipped, images, strict=True)]
    assert all(one or other for one, other in zip(turned, kept, strict=True))
    assert 16 < sum(turned) < 48
    shift = augmented(images, Augment(flip=False, brightness=0.1, contrast=0), key).numpy() - images
    assert np.ptp(shift, axis=(1, 2, 3)).max() < 1e-3  # the same for every pixel of an image
    assert np.abs(shift).max() <= 25.5 + 1e-3
    assert np.ptp(shift.mean(axis=(1, 2, 3))) > 20
    spread = augmented(images, Augment(flip=False, brightness=0, contrast=0.1), key).numpy().std(axis=(1, 2, 3)) / images.std(
        axis=(1, 2, 3)
    )
    assert spread.min() >= 0.9 - 1e-3
    assert spread.max() <= 1.1 + 1e-3
    every = Augment(flip=True, brightness=0.2, contrast=0.3)  # bytes are changed as numbers are
    np.testing.assert_allclose(augmented(images.astype(np.uint8), every, key), augmented(np.floor(images), every, key), atol=1e-3)
    bright = augmented(images + 60, Augment(flip=False, brightness=1, contrast=0), key).numpy()
    assert bright.min() >= 0
    assert bright.max() <= 255
