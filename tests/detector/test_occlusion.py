import numpy as np
import pytest

from dfd_lib.explain.occlusion import occlusion, overlay


def crop_with_square(place):
    crop = np.full((64, 64, 3), 100, np.uint8)
    crop[place] = 255
    return crop


def test_the_place_that_decides_is_the_hottest():
    place = slice(40, 48), slice(8, 16)
    heat = occlusion(crop_with_square(place), lambda crops: crops[(slice(None), *place)].mean(axis=(1, 2, 3)) / 255, window=0.2)
    inside = heat[place].mean()
    away = heat[:24, 32:]
    assert inside > 0.1 and np.abs(away).max() < 1e-12
    top = np.unravel_index(heat.argmax(), heat.shape)
    assert abs(top[0] - 44) <= 8 and abs(top[1] - 12) <= 8


def test_what_speaks_for_real_is_negative():
    place = slice(0, 16), slice(0, 16)
    heat = occlusion(crop_with_square(place), lambda crops: 1 - crops[(slice(None), *place)].mean(axis=(1, 2, 3)) / 255)
    assert heat[place].mean() < -0.05


def test_one_cover_over_everything_is_the_whole_fall():
    crop = np.random.default_rng(1).integers(0, 256, (16, 16, 3), np.uint8)
    heat = occlusion(crop, lambda crops: crops.std(axis=(1, 2, 3)), window=1.0, steps=1)
    assert np.ptp(heat) == 0 and heat[0, 0] > 0


def test_a_score_that_never_moves_leaves_the_face_grey():
    crop = np.random.default_rng(1).integers(0, 256, (16, 16, 3), np.uint8)
    drawn = overlay(crop, occlusion(crop, lambda crops: np.zeros(len(crops)), steps=2))
    assert (drawn == drawn[..., :1]).all()


@pytest.mark.parametrize("how", [{"window": 0}, {"window": 1.1}, {"steps": 0}])
def test_ranges(how):
    with pytest.raises(ValueError, match="occlusion: expected a window above 0"):
        occlusion(np.zeros((8, 8, 3), np.uint8), lambda crops: np.zeros(len(crops)), **how)
