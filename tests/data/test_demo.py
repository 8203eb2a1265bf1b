"""The drawn demo clips: closed circles, whole files, flaws only inside the face, faces that detectors find."""

import cv2
import numpy as np
import pytest

from dfd_lib.data.demo import circles, draw_demo, draw_portrait


@pytest.mark.parametrize("people", [2, 3, 4, 5, 8, 13, 128])
def test_circles_close_and_hold_two_to_four(people):
    groups = circles(people, seed=3)
    assert sorted(person for circle in groups for person in circle) == list(range(people))
    assert all(2 <= len(circle) <= 4 for circle in groups)


def test_portrait_is_deterministic():
    assert draw_portrait(5, 96).shape == (96, 96, 3)
    np.testing.assert_array_equal(draw_portrait(5, 96), draw_portrait(5, 96))
    assert np.abs(draw_portrait(5, 96).astype(int) - draw_portrait(6, 96)).mean() > 5


def test_clips_decode(tmp_path):
    table = draw_demo(tmp_path, people=2, frames=3, workers=1, progress=False)
    assert len(table) == 4
    for file in table["file"]:
        clip = cv2.VideoCapture(str(tmp_path / file))
        assert clip.get(cv2.CAP_PROP_FPS) == 12
        assert [clip.read()[1].shape for _ in range(3)] == [(360, 640, 3)] * 3
        assert not clip.read()[0]
