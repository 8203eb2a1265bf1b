"""Finished runs score crops that come one after another: nothing is held but a batch and the networks."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import pandas as pd

from dfd_lib.data.crops import resize
from dfd_lib.experiment import Experiment
from dfd_lib.models.registry import model_facts
from dfd_lib.process import workers
from dfd_lib.stages.places import run_dir
from dfd_lib.training.predict import scoring_step
from dfd_lib.training.runs import load_network

if TYPE_CHECKING:
    import keras

BATCH = 64
"""Crops at a time."""

Runs = dict[tuple[str, int], Path]
"""From (model, seed) to the run's folder."""

Job = TypeVar("Job")
Done = TypeVar("Done")


class Scorer:
    """Networks of finished runs, each loaded when it is first asked.

    Args:
        folders: from a name of your choice to the run's folder.
    """

    def __init__(self, folders: Mapping[str, Path]) -> None:
        self._folders = folders
        self._networks: dict[str, tuple[int, Callable]] = {}

    def __call__(self, names: Iterable[str], images: Iterable[np.ndarray]) -> dict[str, np.ndarray]:
        """Score the same crops with some of the networks.

        Args:
            names: which.
            images: uint8 (H, W, 3), RGB, of any sizes; each network gets them at its own.

        Returns:
            From name to p_fake, float64 (n,), in the order of the crops.
        """
        networks = {name: self._network(name) for name in names}
        scores: dict[str, list[np.ndarray]] = {name: [] for name in networks}
        for batch in batches(images, BATCH):
            sized = {size: np.stack([resize(image, size) for image in batch]) for size in {size for size, _ in networks.values()}}
            for name, (size, step) in networks.items():
                scores[name].append(step(sized[size]).numpy()[:, 0])
        return {name: np.concatenate(parts).astype(np.float64) for name, parts in scores.items()}

    def _network(self, name: str) -> tuple[int, Callable]:
        if name not in self._networks:
            network: keras.Model = load_network(self._folders[name])
            self._networks[name] = network.input_shape[1], scoring_step(network)
        return self._networks[name]


def frame_runs(experiment: Experiment, models: Iterable[str] | None = None) -> Runs:
    """From (model, seed) to the folder of its run, of the recipe's models that judge single frames.

    Args:
        experiment: the recipe.
        models: only these; default: all.
    """
    chosen = [name for name, model in experiment.models.items() if model_facts(model.model).takes == "frame"]
    chosen = [name for name in chosen if models is None or name in models]
    return {(name, seed): run_dir(experiment, name, seed) for name in chosen for seed in experiment.seeds}


def as_predictions(rows: pd.DataFrame, model: str, seed: int, condition: str, p_fake: np.ndarray) -> pd.DataFrame:
    """Scores of rows of a manifest as rows of a predictions table, at level frame."""
    table = rows[["dataset", "split", "path", "video", "face", "frame", "group", "label"]].reset_index(drop=True)
    return table.assign(model=model, seed=seed, level="frame", condition=condition, p_fake=p_fake)


def in_threads(work: Callable[[Job], Done], jobs: Iterable[Job], chunk: int) -> Iterator[Done]:
    """Results in order, from threads that are never more than a chunk ahead of who takes them."""
    ahead: deque[Future] = deque()
    with ThreadPoolExecutor(workers()) as pool:
        for job in jobs:
            ahead.append(pool.submit(work, job))
            if len(ahead) >= chunk:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()


def batches(things: Iterable[Job], size: int) -> Iterator[list[Job]]:
    """Lists of `size` things in order, the last may be shorter.

    Example:
        >>> [*batches("abc", 2)]
        [['a', 'b'], ['c']]
    """
    rest = iter(things)
    while some := [*islice(rest, size)]:
        yield some
