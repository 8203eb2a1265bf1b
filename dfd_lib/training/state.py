"""What survives a kill: the state after each epoch, and the best weights so far."""

import json
import zipfile
from collections.abc import Callable
from pathlib import Path

import keras
import numpy as np

from dfd_lib.paths import whole
from dfd_lib.training.averages import Averages
from dfd_lib.training.clock import Clock


class Recorder(keras.callbacks.Callback):
    """After each epoch: score the validation part, keep the best weights, save the state, stop early.

    Args:
        network: the model whose weights are kept; it shares its layers with the one that is trained.
        folder: the run's folder.
        key: fingerprint of the run; a state with another key is never resumed.
        history: rows of the epochs already done.
        score_val: returns (loss, AUC) of the validation part.
        patience: stop after so many epochs without a better AUC; None = never.
        stop: another rule, given the history.
        averages: of the trained model; they are scored and kept where it has any.
        clock: was started when the run was; what came before an epoch counts with it.
    """

    def __init__(
        self,
        network: keras.Model,
        folder: Path,
        key: str,
        history: list[dict],
        *,
        score_val: Callable[[], tuple[float, float]],
        patience: int | None,
        stop: Callable[[list[dict]], bool] | None = None,
        averages: Averages,
        clock: Clock,
    ):
        super().__init__()
        self.network, self.folder, self.key, self.history = network, folder, key, history
        self.score_val, self.patience, self.stop = score_val, patience, stop
        self.averages, self.clock = averages, clock

    def on_epoch_end(self, epoch: int, logs: dict) -> None:
        with self.averages.in_place():
            logs["val_loss"], logs["val_auc"] = self.score_val()
        self.history.append({"epoch": epoch + 1, **{name: float(value) for name, value in logs.items()}, **self.clock.lap()})
        save_state(self.model, self.folder, self.key, self.history)
        self.keep_best()
        self.model.stop_training = self.has_stopped()

    def keep_best(self) -> None:
        """Keep the weights, averaged where the optimizer averages them, if no epoch was better than the last one.

        The state is written first: a kill in between leaves an epoch that is known and
        whose weights are in the state, never weights of an epoch that nobody knows.
        """
        scores = [row["val_auc"] for row in self.history]
        if scores and int(np.argmax(scores)) == len(scores) - 1:
            with self.averages.in_place(), whole(self.folder / "best.weights.h5") as beside:
                self.network.save_weights(beside)

    def has_stopped(self) -> bool:
        """Whether patience has run out, or the other rule says so."""
        if not self.history:
            return False
        if self.stop is not None and self.stop(self.history):
            return True
        if self.patience is None:
            return False
        scores = [row["val_auc"] for row in self.history]
        return len(scores) - 1 - int(np.argmax(scores)) >= self.patience


def save_state(model: keras.Model, folder: Path, key: str, history: list[dict]) -> None:
    """Write weights, optimizer slots, random state and history as one file, whole."""
    arrays = {f"v{number}": variable.numpy() for number, variable in enumerate(_variables(model))}
    with whole(folder / "state.npz") as beside:
        np.savez(beside, key=key, history=json.dumps(history), **arrays)


def load_state(model: keras.Model, folder: Path, key: str) -> list[dict]:
    """Put a saved state back into a compiled model whose optimizer is built.

    Returns:
        The history so far; empty if there is no state with this key, or none that can be read.
    """
    path = folder / "state.npz"
    if not path.is_file():
        return []
    try:
        with np.load(path) as saved:
            if str(saved["key"]) != key:
                return []
            values = [saved[f"v{number}"] for number in range(len(_variables(model)))]
            history = json.loads(str(saved["history"]))
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile):
        return []  # a power cut can leave an empty or half file in the place of a whole one
    for variable, value in zip(_variables(model), values, strict=True):
        variable.assign(value)
    return history


def _variables(model: keras.Model) -> list:
    """Everything that changes in training, dropout's random seeds included."""
    return [*model.variables, *model.optimizer.variables]
