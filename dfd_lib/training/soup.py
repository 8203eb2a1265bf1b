"""A soup: the mean of several networks' weights, which costs no more to serve than one of them.

Wortsman et al. 2022, "Model soups: averaging weights of multiple fine-tuned
models improves accuracy without increasing inference time", ICML. It works for
networks that were fine-tuned from the same weights. Theirs is the greedy recipe:
the best network first, then each of the others, in the order of their
validation scores, if the mean with it is no worse there.

The moving statistics of batch normalization are no weights that could be
averaged: those of a mean are estimated anew on training crops before it is scored.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score

from dfd_lib.data.pixels import load_pixels
from dfd_lib.experiment import Model
from dfd_lib.paths import whole
from dfd_lib.training.clock import Clock
from dfd_lib.training.examples import Examples, examples_of
from dfd_lib.training.fit import finish
from dfd_lib.training.predict import p_fake
from dfd_lib.training.runs import Run, fingerprint, is_complete, load_network, read_run
from dfd_lib.training.sources import Source
from dfd_lib.training.targets import shown
from dfd_lib.training.update_bn import some_batches, update_bn

if TYPE_CHECKING:
    import keras
    import tensorflow as tf

SAME = ("registry_name", "image_size", "parameters")
"""What runs must have in common, besides their hyper-parameters, which are the soup's own."""


def cook(manifest: pd.DataFrame, root: Path, config: Model, members: Sequence[Path], *, name: str, seed: int, out: Path) -> Run:
    """Average the weights of finished runs, greedily by the AUC on val.

    Args:
        manifest: with `split` filled.
        root: the folder that holds the crops.
        config: of the soup; its network is that of its members.
        members: their folders.
        name: the soup's name in the tables.
        seed: of the members, and of the crops that moving statistics are estimated on.
        out: the folder of the run.

    Returns:
        A run like any other; its history has a row for each member that was tried: whether it was
        taken (`taken`), val_loss and val_auc of the mean with it, NaN for what training would have. Where
        one alone was taken, the run is a copy of it, and its facts name it (`copy_of`).

    Raises:
        ValueError: the members are not of one network, or not of the soup's.
        FileNotFoundError: one is not finished.
    """
    import keras

    runs = sorted((read_run(folder) for folder in members), key=lambda run: -run.facts["val_auc"])
    _check_alike(runs, config)
    key = _key(manifest, root, config, runs, seed)
    if is_complete(out, key):
        return read_run(out)
    clock = Clock()
    keras.utils.set_random_seed(seed)  # dropout before a batch normalization decides what that sees
    network = load_network(runs[0].folder)
    pixels = load_pixels(manifest, root, runs[0].facts["image_size"])
    examples = examples_of(network, manifest, config.order, seed)
    train = examples.of("train")
    batches = some_batches(pixels, shown(train.rows, train.table["label"].to_numpy(), config), config, seed)
    history = pd.DataFrame([row | clock.lap() for row in _greedy(network, runs, pixels, examples.of("val"), batches)])
    with whole(out / "best.weights.h5") as beside:
        network.save_weights(beside)
    source = Source(network, pixels, [pixels], config.augment)
    how = {"name": name, "seed": seed, "out": out, "root": root, "key": key, "parts": ("val", "calib", "test")}
    return finish(network, source, examples, history, config, **how)


def _greedy(network: "keras.Model", runs: Sequence[Run], pixels: np.ndarray, val: Examples, batches: "tf.data.Dataset") -> Iterator[dict]:
    """A row of history for each run; afterwards the network is the best mean, just as it was scored."""
    total, taken, best, kept = None, 0, -np.inf, []
    for number, run in enumerate(runs):
        own = load_network(run.folder).get_weights()
        tried = own if total is None else [one + other for one, other in zip(total, own, strict=True)]
        network.set_weights([one / (taken + 1) for one in tried])
        if taken:
            update_bn(network, batches)
        said = p_fake(network, pixels, val.rows)
        auc = float(roc_auc_score(val.table["label"], said))
        if better := auc >= best:
            total, taken, best, kept = tried, taken + 1, auc, network.get_weights()
        scores = {"val_loss": float(log_loss(val.table["label"], said)), "val_auc": auc, "loss": np.nan, "auc": np.nan}
        yield {"epoch": number + 1, "taken": better, "member": run.facts["model"], **scores}
    network.set_weights(kept)


def _check_alike(runs: Sequence[Run], config: Model) -> None:
    expected = {name: runs[0].facts[name] for name in SAME} | {"registry_name": config.model, "hyper": config.hyper}
    for run in runs:
        came = {name: run.facts[name] for name in SAME} | {"hyper": run.facts["settings"]["hyper"]}
        if came != expected:
            raise ValueError(
                f"soup: expected networks of one kind and size, {expected}, came {run.facts['model']} with {came}. "
                "Average those that are alike, and give the soup their hyper."
            )


def _key(manifest: pd.DataFrame, root: Path, config: Model, runs: Sequence[Run], seed: int) -> str:
    eaten = sorted(run.facts["fingerprint"] for run in runs)
    return hashlib.sha256(json.dumps([fingerprint(manifest, root, config, seed), eaten]).encode()).hexdigest()[:16]
