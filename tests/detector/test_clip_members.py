"""A detector some of whose members look at several frames of a person together."""

import json

import cv2
import numpy as np
import pytest
import tiny_bundle
import tiny_clips

from dfd_lib.data.crops import resize
from dfd_lib.detector.bundle import load_bundle
from dfd_lib.detector.card import card
from dfd_lib.detector.examples import example
from dfd_lib.detector.networks import Networks, check_golden
from dfd_lib.detector.predict import DeepfakeDetector, around
from dfd_lib.explain.occlusion import occlusion


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    return DeepfakeDetector(tiny_clips.write(tmp_path_factory.mktemp("clips") / "tiny.dfd"), threads=1)


def crops_of(judge, file):
    (person,) = judge.watch(file).people
    return np.stack([resize(one.crop, tiny_clips.SIDE) for one in person])


def test_a_person_of_a_clip_is_scored_by_both_kinds(judge):
    verdict = judge(example("drawn-fake.mp4"))
    crops = crops_of(judge, example("drawn-fake.mp4"))
    assert len(crops) == 6 > tiny_clips.FRAMES
    bright, clips = tiny_bundle.expected(crops).mean(), tiny_clips.expected(crops)
    assert verdict.score == pytest.approx((bright + clips) / 2, abs=1e-5)
    assert verdict.verdict in ("REAL", "FAKE", "UNSURE") and verdict.kind == "video"


def test_fewer_crops_are_padded_and_padding_is_passed_over(judge):
    crops = crops_of(judge, example("drawn-fake.mp4"))[:3]
    whole, single = judge.person_scores(crops)
    assert np.isnan(single[:, 1]).all()
    assert whole == pytest.approx([tiny_bundle.expected(crops).mean(), tiny_clips.expected(crops)], abs=1e-5)


def test_moments_are_judged_with_what_is_around_them(judge):
    (person,) = judge(example("drawn-fake.mp4")).people
    crops = crops_of(judge, example("drawn-fake.mp4"))
    rows = around(6, tiny_clips.FRAMES)
    assert [list(one) for one in rows] == [[0, 1, 2], [0, 1, 2], [1, 2, 3], [2, 3, 4], [3, 4, 5], [3, 4, 5]]
    expected = [(tiny_bundle.expected(crops[one]).mean() + tiny_clips.expected(crops[one])) / 2 for one in rows]
    assert [moment.score for moment in person.moments] == pytest.approx(expected, abs=1e-5)


def test_a_photo_gets_a_clear_answer(judge):
    verdict = judge(example("drawn-real.png"), name="photo.png")
    assert verdict.verdict == "ERROR"
    assert verdict.reason.startswith("expected a video: this detector looks at several frames of a person together (clips), came a photo")


def test_heat_maps_are_of_a_crop_alone(judge):
    crop = judge.watch(example("drawn-fake.mp4")).people[0][0].crop
    small = resize(crop, tiny_clips.SIDE)[None]
    score = judge.score_crops(crop[None])[0]
    assert score == pytest.approx((tiny_bundle.expected(small)[0] + tiny_clips.expected(small)) / 2, abs=1e-5)
    assert np.isfinite(occlusion(crop, judge.score_crops, steps=2)).all()


def test_golden_scores_watch_over_clips_too(tmp_path):
    path = tiny_clips.write(tmp_path / "good.dfd", mixed=False)
    bundle = load_bundle(path)
    first, second = bundle.golden.values()
    both = [resize(first, tiny_clips.SIDE), resize(second, tiny_clips.SIDE)]
    assert [score for (score,) in bundle.spec.golden.values()] == pytest.approx(
        [tiny_clips.expected(both), tiny_clips.expected(both[1:])], abs=1e-5
    )
    golden = {name: [score + 0.01] for name, (score,) in bundle.spec.golden.items()}
    moved = load_bundle(tiny_clips.write(tmp_path / "moved.dfd", mixed=False, golden=golden))
    with pytest.raises(ValueError, match="expected clips to score its golden face"):
        check_golden(moved, Networks(moved.spec.members, moved.networks, threads=1))


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"photo": tiny_bundle.judgement()}, "photo: expected nothing, since a member takes clips"),
        ({"every": 0}, "every: expected a whole number from 1"),
        ({"members": [{"name": "clips", "model": "lenet", "image_size": 32, "resize": "area", "frames": 10**6}]}, "members.frames"),
    ],
)
def test_facts_that_do_not_fit_are_refused(tmp_path, changes, said):
    with pytest.raises(ValueError, match=said):
        tiny_clips.write(tmp_path / "bad.dfd", mixed=False, golden={"drawn-3": [0.5], "drawn-5": [0.5]}, **changes)


def test_a_network_of_other_clips_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(tiny_clips, "network", lambda: tiny_bundle.network())
    with pytest.raises(ValueError, match="member clips: expected clips of 4 images of 32 px in"):
        tiny_clips.write(tmp_path / "bad.dfd", mixed=False)


def test_every_so_many_th_frame_as_in_training(tmp_path):
    judge = DeepfakeDetector(tiny_clips.write(tmp_path / "every.dfd", every=8), threads=1)
    (person,) = judge(example("drawn-real.mp4")).people
    assert [one.frame for one in person.moments] == [0, 8, 16, 24, 32, 40]
    assert "every 8th frame" in card(judge.spec) and "it judges videos alone" in card(judge.spec)


def test_what_was_seen_can_be_shown_without_reading_again(judge, tmp_path):
    file = tmp_path / "clip.mp4"
    file.write_bytes(example("drawn-fake.mp4").read_bytes())
    verdict, watched = judge.look(file, keep=True)
    file.unlink()
    ((moment, seen),) = judge.worst(verdict, watched)
    assert moment == verdict.worst().deciding(1)[0] and seen.frame == moment.frame
    assert watched.frame(moment.frame).shape == (360, 640, 3) and watched.scale == 1
    assert json.dumps(verdict.to_dict())


def test_after_a_cut_another_is_another_as_in_training(judge, tmp_path):
    """Two clips of different people in one: the second person stands where the first stood."""
    frames = []
    for name in ("drawn-real.mp4", "drawn-fake.mp4"):
        capture = cv2.VideoCapture(str(example(name)))
        while (got := capture.read())[0]:
            frames.append(got[1] if name == "drawn-real.mp4" else cv2.flip(got[1], 1) // 3)
    writer = cv2.VideoWriter(str(tmp_path / "cut.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 12, frames[0].shape[1::-1])
    for frame in frames:
        writer.write(frame)
    writer.release()
    assert len(judge(tmp_path / "cut.avi").people) == 2
