"""From frames to clips: one score a person, then the clip by its most suspicious person.

`aggregate_scores` is arrays only, so that a detector uses the same rules
without loading pandas; `aggregate` is the same for predictions tables.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike

if TYPE_CHECKING:
    import pandas as pd

TOP = 3
"""Frames that the aggregator `top_k` averages."""

RUN = ["model", "seed", "dataset", "split", "condition"]
"""Columns that tell one model's scoring of one set of media from another."""


def aggregate_scores(p_fake: ArrayLike, person: ArrayLike | None = None, aggregator: str = "mean") -> np.ndarray:
    """One score per person from the scores of their frames.

    ============== =============================================================
    mean, median,  of the frames
    max
    top_k          the mean of the `TOP` most suspicious frames (fewer if the
                   person has fewer)
    vote           the share of frames with p_fake >= .5
    confident_mean if more than 11 frames and more than 40 % of all have
                   p_fake > .8, the mean of those; else, if more than 90 % have
                   p_fake < .2, the mean of those; else the mean (selimsef,
                   first place of the DFDC)
    ============== =============================================================

    Args:
        p_fake: float [n], scores of frames, 0..1.
        person: int [n], whose frame it is, numbered from 0 without gaps;
            default: all are one person's.
        aggregator: one of the names above.

    Returns:
        float64 [persons].

    Raises:
        ValueError: an unknown aggregator, or a person without frames.

    Example:
        >>> aggregate_scores([0.2, 0.9, 0.4], person=[0, 1, 0])
        array([0.3, 0.9])
        >>> aggregate_scores([0.1, 0.2, 0.9, 0.8], aggregator="vote")
        array([0.5])
    """
    rule = _AGGREGATORS.get(aggregator)
    if rule is None:
        raise ValueError(f"aggregator: expected one of {', '.join(AGGREGATORS)}; came {aggregator!r}. Choose one of them.")
    p_fake = np.asarray(p_fake, float)
    person = np.zeros(len(p_fake), int) if person is None else np.asarray(person)
    counts = np.bincount(person) if len(person) else np.zeros(1, int)
    if not counts.all():
        raise ValueError("aggregate_scores: expected at least one frame a person, came a person without any. Number persons without gaps.")
    ascending = p_fake[np.lexsort((p_fake, person))]
    return rule(ascending, np.cumsum(counts) - counts, counts)


# Each rule sees the frames of all persons behind each other, a person's in ascending order.


def _mean(p: np.ndarray, start: np.ndarray, count: np.ndarray) -> np.ndarray:
    return np.add.reduceat(p, start) / count


def _median(p: np.ndarray, start: np.ndarray, count: np.ndarray) -> np.ndarray:
    return (p[start + (count - 1) // 2] + p[start + count // 2]) / 2


def _max(p: np.ndarray, start: np.ndarray, count: np.ndarray) -> np.ndarray:
    return p[start + count - 1]


def _top_k(p: np.ndarray, start: np.ndarray, count: np.ndarray) -> np.ndarray:
    place = np.arange(len(p)) - np.repeat(start, count)
    return _mean_of(p, place >= np.repeat(count - TOP, count), start)


def _vote(p: np.ndarray, start: np.ndarray, count: np.ndarray) -> np.ndarray:
    return _mean((p >= 0.5).astype(float), start, count)


def _confident_mean(p: np.ndarray, start: np.ndarray, count: np.ndarray) -> np.ndarray:
    fakes, reals = (np.add.reduceat(chosen, start, dtype=int) for chosen in (p > 0.8, p < 0.2))
    surely_fake = (fakes > 11) & (fakes > 0.4 * count)
    surely_real = reals > 0.9 * count
    certain = np.where(surely_fake, _mean_of(p, p > 0.8, start), _mean_of(p, p < 0.2, start))
    return np.where(surely_fake | surely_real, certain, _mean(p, start, count))


def _mean_of(p: np.ndarray, chosen: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The mean of the chosen frames of each person, 0 where none is."""
    return np.add.reduceat(p * chosen, start) / np.maximum(np.add.reduceat(chosen, start, dtype=int), 1)


_AGGREGATORS: dict[str, Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]] = {
    "mean": _mean,
    "median": _median,
    "max": _max,
    "top_k": _top_k,
    "vote": _vote,
    "confident_mean": _confident_mean,
}
AGGREGATORS = tuple(_AGGREGATORS)
"""Names of the rules; see `aggregate_scores`."""


def aggregate_persons(predictions: "pd.DataFrame", aggregator: str = "mean") -> "pd.DataFrame":
    """Predictions at level video, a row for each person (`face`) of each clip.

    Rows that are at level video already pass through; a run (model, seed,
    dataset, split, condition) that has any is not aggregated again from its frames.

    Args:
        predictions: the predictions table, at either level or both.
        aggregator: one of `AGGREGATORS`.

    Returns:
        A predictions table; label 1 if any frame of the person is FAKE.
    """
    import pandas as pd

    from dfd_lib.tables import check_predictions

    predictions = check_predictions(predictions)
    ready = predictions[predictions["level"] == "video"]
    frames = predictions[predictions["level"] == "frame"]
    if len(ready) and len(frames):
        done = pd.MultiIndex.from_frame(ready[RUN].drop_duplicates())
        frames = frames[~pd.MultiIndex.from_frame(frames[RUN]).isin(done)]
    if not len(frames):
        return ready.reset_index(drop=True)
    by_person = frames.groupby([*RUN, "video", "face"], sort=False)
    person = by_person.ngroup().to_numpy()
    persons = frames.drop_duplicates([*RUN, "video", "face"]).assign(
        level="video",
        path="",
        frame=-1,
        label=by_person["label"].max().to_numpy(),
        p_fake=aggregate_scores(frames["p_fake"], person, aggregator),
    )
    return pd.concat([persons, ready] if len(ready) else [persons], ignore_index=True)


def aggregate(predictions: "pd.DataFrame", aggregator: str = "mean") -> "pd.DataFrame":
    """Predictions at level video, a row for each clip: its most suspicious person.

    Scores each person by `aggregate_persons`, then keeps of each clip the
    person with the highest `p_fake` (the first of equals). A clip is FAKE if
    any of its persons is.

    Args:
        predictions: the predictions table, at either level or both.
        aggregator: one of `AGGREGATORS`.

    Returns:
        A predictions table at level video; `face` is the person that decided.

    Raises:
        ValueError: not a predictions table, or an unknown aggregator.
    """
    persons = aggregate_persons(predictions, aggregator)
    clip = [*RUN, "video"]
    persons = persons.assign(label=persons.groupby(clip)["label"].transform("max"))
    worst_first = persons.sort_values(["p_fake", "face"], ascending=[False, True], kind="stable")
    return worst_first.drop_duplicates(clip).sort_index(ignore_index=True)


def frames_per_person(predictions: "pd.DataFrame") -> "pd.Series":
    """How many frames of each person were scored one by one, by `RUN`, video and face; a network of clips has none."""
    frames = predictions[predictions["level"] == "frame"]
    return frames.groupby([*RUN, "video", "face"], sort=False).size()


def at_common_level(predictions: "pd.DataFrame", aggregator: str = "mean") -> "pd.DataFrame":
    """Predictions at the finest level that all models have: as they are, or by clip where a model scores clips alone.

    Args:
        predictions: the predictions table.
        aggregator: how frames become a clip's score.
    """
    by_frame = predictions.loc[predictions["level"] == "frame", "model"].unique()
    if set(predictions["model"]) - set(by_frame):
        return aggregate(predictions, aggregator)
    return predictions
