"""Corruptions: the stronger the worse, none is none, both classes get the same, and H.264 is done to whole clips."""

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfd_lib.data.corruptions import CLEAN, STRENGTHS, Condition, conditions, corrupt
from dfd_lib.data.crops import CropSpec, cut
from dfd_lib.data.recut import recompress, recut

PICTURES = [kind for kind in STRENGTHS if kind != "h264"]


def psnr(one, other):
    return 10 * np.log10(255**2 / max(np.mean((one.astype(float) - other) ** 2), 1e-9))


@pytest.fixture(scope="module")
def face():
    """A picture with edges, texture and smooth shades, 90 x 75 px, well within the range of grey levels."""
    random = np.random.default_rng(3)
    image = np.full((90, 75, 3), 120, np.uint8)
    cv2.ellipse(image, (37, 45), (25, 35), 0, 0, 360, (150, 120, 100), -1)
    cv2.circle(image, (28, 38), 4, (70, 60, 80), -1)
    cv2.line(image, (25, 62), (50, 62), (140, 70, 75), 2)
    return np.clip(image + random.normal(0, 5, image.shape), 65, 190).astype(np.uint8)


@pytest.fixture(scope="module")
def film():
    """Twelve frames of a picture that moves, of odd sides."""
    random = np.random.default_rng(4)
    scene = cv2.GaussianBlur(random.integers(0, 256, (120, 160, 3), dtype=np.uint8), (0, 0), 2)
    return [np.ascontiguousarray(scene[step : step + 75, 2 * step : 2 * step + 101]) for step in range(12)]


@pytest.mark.parametrize("kind", PICTURES)
def test_the_stronger_the_worse(kind, face):
    ways = {name[0] for name in STRENGTHS[kind]}
    for way in ways:  # lighter and darker are two ways
        names = [kind + strength for strength in STRENGTHS[kind] if strength[0] == way]
        severity = [Condition.parse(name).severity for name in names]
        quality = [psnr(face, corrupt(face, Condition.parse(name), seed=1, path="a.png")) for name in names]
        assert severity == sorted(severity) and len(set(severity)) == len(names)
        assert quality == sorted(quality, reverse=True), dict(zip(names, quality, strict=True))
        assert quality[0] - quality[-1] > 2 and quality[-1] > 5


def test_the_stronger_the_worse_for_h264_too(film):
    quality = [psnr(np.stack(film), np.stack([*recompress(film, int(crf[1:]))])) for crf in ("-1", *STRENGTHS["h264"])]
    assert quality == sorted(quality, reverse=True)
    assert quality[0] > 36 and quality[-1] < 30


@pytest.mark.parametrize("name", [CLEAN, "blur-0", "noise-0", "downscale-1", "brightness+0"])
def test_strength_none_is_none(name, face):
    same = corrupt(face, Condition.parse(name), seed=1, path="a.png")
    assert np.array_equal(same, face) and same is not face


def test_noise_is_the_crops_own_and_comes_again(face):
    def noisy(seed, path):
        return corrupt(face, Condition.parse("noise-8"), seed=seed, path=path).astype(int) - face

    assert np.array_equal(noisy(1, "a.png"), noisy(1, "a.png"))
    assert not np.array_equal(noisy(1, "a.png"), noisy(1, "b.png"))
    assert not np.array_equal(noisy(1, "a.png"), noisy(2, "a.png"))
    assert abs(noisy(1, "a.png").std() - 8) < 0.3 and abs(noisy(1, "a.png").mean()) < 0.3


def test_colours_stay_in_their_channels():
    red = np.zeros((16, 16, 3), np.uint8)
    red[..., 0] = 200
    for name in conditions(PICTURES):
        means = corrupt(red, Condition.parse(name), seed=1, path="a").mean(axis=(0, 1))
        assert means.argmax() == 0 and means[0] > 120, name
    assert next(recompress([red], 18)).mean(axis=(0, 1))[0] > 180


def test_jpeg_is_what_pillow_reads_of_the_same_quality(face):
    """The quality is that of the libjpeg scale, which Pillow shares: files of about the same error."""
    import io

    from PIL import Image

    for quality in (40, 90):
        file = io.BytesIO()
        Image.fromarray(face).save(file, "JPEG", quality=quality, subsampling="4:2:0")
        theirs = np.array(Image.open(file))
        ours = corrupt(face, Condition.parse(f"jpeg-{quality}"), seed=1, path="a")
        assert abs(psnr(face, ours) - psnr(face, theirs)) < 0.5


@given(st.sampled_from(conditions(["all"])))
def test_names_come_back(name):
    condition = Condition.parse(name)
    sign = "+" if "+" in name else "-"
    assert name == f"{condition.kind}{sign}{abs(condition.strength):g}"


def test_kinds_stand_for_their_strengths():
    assert conditions(["blur", "jpeg-55", "blur-1", "clean"]) == [*(f"blur{one}" for one in STRENGTHS["blur"]), "jpeg-55"]
    assert len(conditions(["all"])) == sum(map(len, STRENGTHS.values()))
    assert conditions([]) == []


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("jpg-40", "did you mean 'jpeg-40'"), ("jpeg40", "did you mean 'jpeg-40'"), ("jpeg-0", "from 1 to 100, came 0"),
        ("jpeg+40", "condition 'jpeg.40'"), ("h264-60", "from 0 to 51"), ("downscale-0.5", "from 1 to 64"), ("jpeg-40.5", "a whole number"),
        ("rotate", "such as jpeg-40"), ("", "such as jpeg-40"),
    ],
)  # fmt: skip
def test_a_name_that_is_none_is_refused(name, message):
    with pytest.raises(ValueError, match=message):
        conditions([name])


def test_h264_is_not_done_to_one_crop(face):
    with pytest.raises(ValueError, match="done to a clip"):
        corrupt(face, Condition.parse("h264-28"), seed=1, path="a")
    with pytest.raises(ValueError, match="uint8"):
        corrupt(face / 255, Condition.parse("jpeg-40"), seed=1, path="a")


def test_recompressed_frames_are_as_many_and_the_same_every_time(film):
    once, again = ([*recompress(iter(film), 28)] for _ in range(2))
    assert len(once) == len(film) and once[0].shape == film[0].shape
    assert all(np.array_equal(one, other) for one, other in zip(once, again, strict=True))
    errors = [[psnr(frame, other) for other in film] for frame in once]
    assert [int(np.argmax(row)) for row in errors] == list(range(len(film))), "in their order"
    with pytest.raises(ValueError, match="at least one frame"):
        next(recompress([], 28))
    with pytest.raises(ValueError, match="frames of one clip"):
        next(recompress([film[0], film[0][:50]], 28))


def test_crops_are_cut_again_where_they_were(film, tmp_path):
    clip = tmp_path / "clip.mp4"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter_fourcc(*"mp4v"), 12, (100, 74))
    for frame in film:
        writer.write(cv2.cvtColor(frame[:74, :100], cv2.COLOR_RGB2BGR))
    writer.release()
    boxes = {"box_x": [10.0, 60.0, 10.0], "box_y": [20.0, 5.0, 20.0], "box_w": [30.0, 25.0, 30.0], "box_h": [40.0, 30.0, 40.0]}
    rows = pd.DataFrame({"path": ["a", "b", "c"], "frame": [3, 3, 9], **boxes})
    spec = CropSpec(margin=0.1, size=32)
    kept = recut(clip, rows, spec, None)
    capture, decoded = cv2.VideoCapture(str(clip)), []
    while (read := capture.read())[0]:
        decoded.append(cv2.cvtColor(read[1], cv2.COLOR_BGR2RGB))
    for path, frame, *box in rows.itertuples(index=False):
        assert np.array_equal(kept[path], cut(decoded[frame], tuple(box), spec))
    strong, mild = (recut(clip, rows, spec, crf) for crf in (40, 18))
    assert all(psnr(kept[path], strong[path]) < psnr(kept[path], mild[path]) for path in rows["path"])
    with pytest.raises(ValueError, match="expected frame 30"):
        recut(clip, rows.assign(frame=[3, 3, 30]), spec, None)
    with pytest.raises(ValueError, match="aligned"):
        recut(clip, rows, CropSpec(align=True), None)
