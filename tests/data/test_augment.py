"""Random changes of training crops: by (seed, epoch, place) alone, within what is asked, by the operations that are measured."""

import cv2
import numpy as np
import pytest
from scipy.stats import ks_2samp

from dfd_lib.data.augment import changed, mixed
from dfd_lib.data.blending import RATIOS, blend, face_mask, self_blended
from dfd_lib.data.corruptions import Condition, corrupt
from dfd_lib.data.degrade import degraded
from dfd_lib.data.demo import draw_portrait
from dfd_lib.data.pixels import training_batches
from dfd_lib.experiment import Augment

OFF = Augment(flip=False, brightness=0, contrast=0)
ALL = OFF.model_copy(update={"colour": 0.2, "downscale": 3, "blur": 1.5, "noise": 10, "jpeg": 30, "cutout": 0.4, "zoom": 0.2})
SIZE = 32


@pytest.fixture(scope="module")
def face():
    return cv2.resize(draw_portrait(3, 256), (64, 64), interpolation=cv2.INTER_AREA)


def noisy(count, size=SIZE):
    return np.random.default_rng(7).integers(0, 256, (count, size, size, 3), dtype=np.uint8)


def test_what_is_off_changes_nothing(face):
    np.testing.assert_array_equal(degraded(face, OFF, np.random.default_rng(1)), face)
    np.testing.assert_array_equal(degraded(face, ALL.model_copy(update={"share": 0}), np.random.default_rng(1)), face)
    assert not OFF.degrades
    assert not ALL.model_copy(update={"share": 0}).degrades


@pytest.mark.parametrize(
    ("kind", "asked", "among"), [("jpeg", 40, range(40, 96)), ("noise", 8, None), ("blur", 2, None), ("downscale", 3, None)]
)
def test_each_degradation_is_the_one_that_is_measured(kind, asked, among, face):
    """Each changed crop is what `corrupt` makes of it at some strength within the limit: found by trying them."""
    random = np.random.default_rng(5)
    for _ in range(4):
        came = degraded(face, OFF.model_copy(update={kind: asked, "share": 1}), random)
        if kind == "jpeg":
            assert any(np.array_equal(came, corrupt(face, Condition(kind, quality), seed=0, path="")) for quality in among)
        elif kind == "noise":
            spread = (came.astype(float) - face)[(face > 40) & (face < 215)].std()
            assert 0 < spread <= asked * 1.1
        else:
            strongest = corrupt(face, Condition(kind, asked), seed=0, path="")
            roughness = [cv2.Laplacian(image, cv2.CV_64F).var() for image in (face, came, strongest)]
            assert roughness[0] >= roughness[1] >= roughness[2] * 0.8


def test_each_kind_meets_its_share_and_draws_its_own_strength():
    grey = np.full((8, 8, 3), 90, np.uint8)
    painted = [
        degraded(grey, OFF.model_copy(update={"cutout": 0.5, "share": 0.3}), np.random.default_rng([1, place])) for place in range(400)
    ]
    areas = np.array([(image != 90).all(axis=2).sum() for image in painted])
    assert 0.2 < (areas > 0).mean() < 0.4
    assert set(areas) <= {0, 1, 4, 9, 16}
    assert len(set(areas)) == 5


def test_colours_change_within_the_limit():
    grey = np.full((4, 4, 3), 100, np.uint8)
    gains = np.array(
        [degraded(grey, OFF.model_copy(update={"colour": 0.2, "share": 1}), np.random.default_rng(seed))[0, 0] for seed in range(200)]
    )
    assert gains.min() >= 80
    assert gains.max() <= 120
    assert len(np.unique(gains, axis=0)) > 150, "each channel has a gain of its own"


def test_zoom_shows_a_square_part_at_the_whole_size():
    """Of a ramp, enlarging leaves a ramp: its slope is the share of the side that is seen, its value where that begins."""
    ramp = np.stack([*np.meshgrid(np.arange(128), np.arange(128)), np.zeros((128, 128))], axis=-1).astype(np.uint8)
    zoom = OFF.model_copy(update={"zoom": 0.4, "share": 0.5})
    slopes, corners = [], []
    for seed in range(200):
        came = degraded(ramp, zoom, np.random.default_rng(seed)).astype(float)
        across, down = (came[10, 100, 0] - came[10, 20, 0]) / 80, (came[100, 10, 1] - came[20, 10, 1]) / 80
        assert across == pytest.approx(down, abs=0.03)
        slopes.append(across)
        corners.append(came[0, 0, :2])
    slopes, corners = np.array(slopes), np.array(corners)
    assert 0.4 < (slopes < 1).mean() < 0.6
    assert slopes.min() == pytest.approx(0.6, abs=0.03)
    assert (corners + 127 * slopes[:, None] <= 129).all(), "nothing outside of the crop is seen"
    assert np.corrcoef(corners[slopes < 0.9].T)[0, 1] < 0.9, "right and down are drawn apart"
    assert zoom.degrades


def test_another_setting_leaves_the_draws_of_the_others_as_they_are(face):
    cut = OFF.model_copy(update={"cutout": 0.4, "share": 1})
    one, both = (degraded(face, asked, np.random.default_rng(3)) for asked in (cut, cut.model_copy(update={"colour": 0.1})))
    assert ((one == 128).all(axis=2) <= (both == 128).all(axis=2)).all()


def test_frames_of_a_clip_are_changed_alike(face):
    clip = degraded(np.stack([face, face]), ALL.model_copy(update={"noise": 0}), np.random.default_rng(2))
    np.testing.assert_array_equal(clip[0], clip[1])


def test_an_example_depends_on_key_and_place_alone():
    images = noisy(6)
    flags = np.array([True, False, True, False, True, False])
    whole = changed(images, ALL, (1, 4), np.arange(6), flags)
    part = changed(images[[4, 1]], ALL, (1, 4), np.array([4, 1]), flags[[4, 1]])
    np.testing.assert_array_equal(whole[[4, 1]], part)
    assert (changed(images, ALL, (1, 5), np.arange(6), flags) != whole).any(axis=(1, 2, 3)).all()


def test_a_blend_is_source_and_target_by_the_mask(face):
    """Where the mask is 0 the target shows, and it is the face or its retouched copy; strengths are the paper's."""
    untouched, peaks = 0, set()
    for seed in range(40):
        image, mask = blend(face, np.random.default_rng(seed))
        assert image.shape == face.shape
        assert image.dtype == np.uint8
        assert mask.min() >= 0
        peaks.add(round(float(mask.max()), 2))
        outside = mask == 0
        untouched += bool(outside.any() and (image[outside] == face[outside]).all())
        assert mask[[0, -1]].mean() < 0.1, "the border of the crop is not the face"
    assert peaks == set(RATIOS)
    assert 10 < untouched < 30, "half of the time the face itself is the target"


def test_outside_of_the_mask_nothing_tells_fakes_from_reals(face):
    """Else a network learns who was retouched: in the paper's pairs, too, the real image is as retouched as its fake's background."""
    flags = np.arange(800) % 2 == 1
    came = changed(np.stack([face] * 800), OFF, (1, 0), np.arange(800), flags)
    corners = (came[:, :4, :4].astype(float) - face[:4, :4]).mean(axis=(1, 2))  # no mask reaches them
    for share in ((corners[flags] == 0).all(axis=1).mean(), (corners[~flags] == 0).all(axis=1).mean()):
        assert 0.43 < share < 0.57, "every second one is left as it is"
    for channel in range(3):
        assert ks_2samp(corners[flags, channel], corners[~flags, channel]).pvalue > 0.05
    assert (came[~flags][:, 24:40, 24:40] != face[24:40, 24:40]).any(axis=(1, 2, 3)).mean() < 0.57, "nothing else happens to them"


def test_masks_differ_and_lie_within_the_crop():
    masks = [face_mask(48, np.random.default_rng(seed)) for seed in range(30)]
    areas = [mask.mean() for mask in masks]
    assert len({mask.tobytes() for mask in masks}) == 30
    assert 0.1 < min(areas) < 0.35 < max(areas) < 0.75
    assert all(mask[24:36, 18:30].mean() > 0.9 for mask in masks), "the middle of the lower face is always in it"


def test_a_blend_is_another_one_for_another_place_and_the_same_again(face):
    again = [self_blended(face, np.random.default_rng(seed)) for seed in (1, 1, 2)]
    np.testing.assert_array_equal(again[0], again[1])
    assert (again[0] != again[2]).any()


def test_mixing_is_a_weighted_mean_with_the_neighbour():
    import tensorflow as tf

    images = np.random.default_rng(0).uniform(0, 255, (16, 2, 2, 3)).astype(np.float32)
    labels = (np.arange(16) % 2)[:, None].astype(np.float32)
    weights = np.arange(1, 17, dtype=np.float32)
    came, goal, weight = (one.numpy() for one in mixed(*map(tf.constant, (images, labels, weights)), 0.4, tf.constant([1, 2])))
    own = np.where(labels == 1, goal, 1 - goal)[:, 0]  # neighbours have the other label
    assert (own >= 0.5).all()
    assert len(np.unique(own)) == 16
    share = own[:, None, None, None]
    np.testing.assert_allclose(came, share * images + (1 - share) * np.roll(images, 1, axis=0), rtol=1e-4)
    np.testing.assert_allclose(weight, own * weights + (1 - own) * np.roll(weights, 1), rtol=1e-4)


def test_batches_blend_and_degrade_those_that_were_asked_for():
    pixels = noisy(8, 16)
    how = {"weights": np.ones(8), "batch_size": 4, "seed": 3, "augment": OFF.model_copy(update={"jpeg": 50, "share": 1})}
    flags = np.arange(8) % 2 == 1

    def seen(epochs, **other):
        batches = training_batches(pixels, np.arange(8), np.arange(8) / 8, **{**how, **other}, epochs=epochs)
        return [
            (image, round(label * 8))
            for images, labels, _ in batches
            for image, label in zip(images.numpy(), labels.numpy()[:, 0], strict=True)
        ]

    as_it_was = {row: np.array_equal(image, pixels[row]) for image, row in seen(range(1), augment=OFF)}
    assert as_it_was == dict.fromkeys(range(8), True)
    for image, row in seen(range(1), blended=flags, augment=OFF):
        assert np.array_equal(image, changed(pixels[[row]], OFF, (3, 0), np.array([row]), flags[[row]])[0])
    first, later = seen(range(3), blended=flags), seen(range(2, 3), blended=flags)
    for (image, row), (came, again) in zip(first[16:], later, strict=True):
        assert row == again
        np.testing.assert_array_equal(image, came)
    epochs = [{row: image for image, row in first[start : start + 8]} for start in (0, 8)]
    assert all((epochs[0][row] != epochs[1][row]).any() for row in range(8)), "another change in each epoch"
    for (image, row), _ in zip(first[:8], range(8), strict=True):
        expected = changed(pixels[[row]], how["augment"], (3, 0), np.array([row]), flags[[row]])
        np.testing.assert_array_equal(image, expected[0])
