"""From frames to clips, against a plain loop over persons."""

import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from synthetic_predictions import predictions

from dfd_lib.evaluation.aggregate import AGGREGATORS, aggregate, aggregate_persons, aggregate_scores


def published_confident_mean(p):
    """The rule in the words of its source: more than 11 sure fakes, more than 40 % of all; or more than 90 % sure reals."""
    sure = [value for value in p if value > 0.8]
    if len(sure) > 11 and len(sure) > len(p) // 2.5:
        return np.mean(sure)
    real = [value for value in p if value < 0.2]
    return np.mean(real) if len(real) > 0.9 * len(p) else np.mean(p)


BY_HAND = {
    "mean": np.mean,
    "median": np.median,
    "max": np.max,
    "top_k": lambda p: np.mean(sorted(p)[-3:]),
    "vote": lambda p: np.mean(np.asarray(p) >= 0.5),
    "confident_mean": published_confident_mean,
}


@pytest.mark.parametrize("aggregator", AGGREGATORS)
def test_scores_equal_a_loop_over_persons(aggregator):
    random = np.random.default_rng(3)
    # from sure reals to sure fakes, from 1 to 40 frames, frames of all persons mixed up
    persons = [random.beta(*shape, size=size) for shape in ((0.3, 3), (3, 0.3), (0.4, 0.4), (0.1, 9), (1, 1)) for size in range(1, 41)]
    person = np.repeat(np.arange(len(persons)), [len(p) for p in persons])
    p_fake, order = np.concatenate(persons), random.permutation(len(person))
    scores = aggregate_scores(p_fake[order], person[order], aggregator)
    assert scores == pytest.approx(np.array([BY_HAND[aggregator](p) for p in persons]))


def test_every_branch_of_the_confident_mean():
    mostly_fake = [0.9] * 12 + [0.1] * 8
    too_few = [0.9] * 11 + [0.1] * 9
    mostly_real = [0.1] * 10
    one_in_ten_unsure = [0.1] * 9 + [0.7]
    rows = [mostly_fake, too_few, mostly_real, one_in_ten_unsure]
    assert [aggregate_scores(p, aggregator="confident_mean")[0] for p in rows] == pytest.approx([0.9, 0.54, 0.1, 0.16])


def test_unknown_aggregator_and_missing_person():
    with pytest.raises(ValueError, match="expected one of mean, median"):
        aggregate_scores([0.5], aggregator="average")
    with pytest.raises(ValueError, match="a person without any"):
        aggregate_scores([0.5, 0.6], person=[0, 2])


def test_a_clip_is_its_most_suspicious_person():
    frames = predictions(models=["a"], groups=4, clips=2, frames=3, faces=3)
    persons, clips = aggregate_persons(frames), aggregate(frames)
    assert len(persons) == 4 * 2 * 3 and len(clips) == 4 * 2
    means = frames.groupby(["video", "face"])["p_fake"].mean()
    for clip in clips.itertuples():
        assert clip.p_fake == pytest.approx(means[clip.video].max())
        assert clip.face == means[clip.video].idxmax()
        assert (clip.level, clip.path, clip.frame) == ("video", "", -1)


def test_a_clip_with_one_fake_person_is_fake_whoever_is_most_suspicious():
    frames = predictions(models=["a"], groups=1, clips=1, frames=2, faces=2)
    frames = frames.assign(label=(frames["face"] == 1).astype(int), p_fake=np.where(frames["face"] == 0, 0.9, 0.2))
    clip = aggregate(frames).iloc[0]
    assert (clip["label"], clip["face"], clip["p_fake"]) == (1, 0, 0.9)


def test_runs_do_not_mix():
    frames = predictions(models=["a", "b"], seeds=[1, 2], groups=4, clips=2)
    noisy = frames.assign(condition="jpeg 50", p_fake=1 - frames["p_fake"])
    together = aggregate(pd.concat([frames, noisy], ignore_index=True).sample(frac=1, random_state=1))
    key = ["model", "seed", "condition", "video"]
    expected = pd.concat([frames, noisy]).groupby(key)["p_fake"].mean()
    pd.testing.assert_series_equal(together.set_index(key)["p_fake"].sort_index(), expected, check_exact=False)


def test_rows_at_level_video_pass_through():
    frames = predictions(models=["frames"], groups=4, clips=2)
    sequence = aggregate_persons(frames).assign(model="sequence", p_fake=0.25)
    both = aggregate(pd.concat([frames, sequence], ignore_index=True), "max")
    assert (both.loc[both["model"] == "sequence", "p_fake"] == 0.25).all()
    assert both["model"].value_counts().to_dict() == {"frames": 8, "sequence": 8}
    pd.testing.assert_frame_equal(aggregate(both), both)


def test_a_run_that_has_clips_is_not_aggregated_again_from_its_frames():
    frames = predictions(models=["a"], groups=4, clips=2)
    clips = aggregate_persons(frames, "max")
    pd.testing.assert_frame_equal(aggregate(pd.concat([frames, clips], ignore_index=True), "mean"), aggregate(clips))


def test_applying_loads_no_pandas():
    code = (
        "import sys; import dfd_lib.evaluation.aggregate, dfd_lib.evaluation.rules;"
        "print([name for name in ('pandas', 'sklearn', 'scipy', 'tensorflow') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
